"""People who speak LLMChat with the platform of the folder above."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.acceptance.conftest import database
from tests.client import PASSWORD, Client
from tests.running import RunningPlatform

BASES = ("/api", "/api/v1")


@pytest.fixture(params=BASES)
def base(request: pytest.FixtureRequest) -> str:
    """The agents are at both."""
    return str(request.param)


@pytest_asyncio.fixture
async def admin(platform: RunningPlatform) -> AsyncIterator[Client]:
    async with Client(platform.url) as client:
        await client.register("admin")
        with database(platform) as connection:
            connection.execute(
                "UPDATE accounts_user SET role = 'admin', is_superuser = true WHERE username = %s", [client.username]
            )
        session = await client.data("POST", "/auth/login", {"username": client.username, "password": PASSWORD})
        client.token = session["access_token"]
        yield client


async def ask(client: Client, method: str, path: str, body: object = None, **headers: str) -> tuple[int, dict]:
    """`path` with its base."""
    async with client.session.request(method, client.url + path, json=body, headers=client.headers | headers) as response:
        return response.status, await response.json()

"""People with the official `openai` package, unchanged, and with a bare HTTP client for what it does not show."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import openai
import pytest
import pytest_asyncio

from tests.acceptance.conftest import database
from tests.client import Client
from tests.running import RunningPlatform


@pytest.fixture(scope="session", autouse=True)
def models(platform: RunningPlatform) -> None:
    """Scripts of the vendor that only these tests ask for: one has little room, one a slash in its name."""
    with database(platform) as connection:
        for name, context in (("ok-4", 64), ("ok/3", None)):
            connection.execute(
                """INSERT INTO providers_model (provider_id, name, display_name, description, capabilities, is_active,
                       context_window)
                   SELECT id, %s, '', '', '[]', true, %s FROM providers_provider""",
                [name, context],
            )


@pytest_asyncio.fixture
async def key(alice: Client) -> str:
    """An API key of alice's."""
    made = await alice.data("POST", "/users/me/api-keys", {"name": "openai"})
    return str(made["key"])


@pytest.fixture
def official(platform: RunningPlatform, key: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{platform.url}/v1", api_key=key, max_retries=0) as client:
        yield client


@pytest_asyncio.fixture
async def official_async(platform: RunningPlatform, key: str) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"{platform.url}/v1", api_key=key, max_retries=0) as client:
        yield client

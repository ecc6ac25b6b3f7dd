"""People who speak Coze's contract with the platform of the folder above, with accounts and without."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio

from tests.acceptance.conftest import database
from tests.client import Client
from tests.contracts.coze.client import Talker
from tests.held import held_session
from tests.running import RunningPlatform


@pytest.fixture(scope="session", autouse=True)
def generous(platform: RunningPlatform) -> None:
    """All these tests together are one guest: her own small quota would not do."""
    with database(platform) as connection:
        connection.execute(
            "UPDATE quotas_tier SET daily_requests = NULL, monthly_requests = NULL, daily_tokens = NULL, monthly_tokens = NULL"
            " WHERE slug = 'guest'"
        )


@pytest_asyncio.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with held_session(timeout=aiohttp.ClientTimeout(total=60)) as session:
        yield session


@pytest_asyncio.fixture
async def guest(platform: RunningPlatform, session: aiohttp.ClientSession) -> Talker:
    return Talker(platform.url, session)


@pytest_asyncio.fixture
async def anna(alice: Client, session: aiohttp.ClientSession) -> Talker:
    """Alice, as she speaks this contract."""
    return Talker(alice.url, session, alice.token, alice.username)


@pytest_asyncio.fixture
async def ben(bob: Client, session: aiohttp.ClientSession) -> Talker:
    """Bob, likewise."""
    return Talker(bob.url, session, bob.token, bob.username)

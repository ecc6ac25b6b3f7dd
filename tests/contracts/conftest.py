"""One real platform for the whole folder, with a scripted vendor behind it, and people to ask it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from tests.acceptance.conftest import platform_env, vendor
from tests.client import Client
from tests.running import RunningPlatform


@pytest.fixture(scope="session")
def vendor_url() -> Iterator[str]:
    with vendor() as url:
        yield url


@pytest.fixture(scope="session")
def platform(vendor_url: str) -> Iterator[RunningPlatform]:
    env = platform_env(
        vendor_url,
        "ok-5",
        RATE_LIMITS="off",
        CORS_ALLOWED_ORIGINS="https://chat.example.org",
        TRUSTED_PROXIES="192.0.2.0/24",
    )
    with RunningPlatform(env=env) as running:
        yield running


@pytest_asyncio.fixture
async def alice(platform: RunningPlatform) -> AsyncIterator[Client]:
    async with Client(platform.url) as client:
        yield await client.register("alice")


@pytest_asyncio.fixture
async def bob(platform: RunningPlatform) -> AsyncIterator[Client]:
    async with Client(platform.url) as client:
        yield await client.register("bob")

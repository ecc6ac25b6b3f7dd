"""One real platform for the whole folder, with a scripted vendor behind it, and people to ask it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.acceptance.conftest import database, platform_env, vendor
from tests.client import Client
from tests.enrolling import People
from tests.running import RunningPlatform

SCRIPTS = (
    "ok-3", "ok-15-rate-30", "ok-30-rate-30", "ok-40-rate-20", "ok-60-rate-20", "ok-200-rate-20",
    "500", "cut-after-5", "stall-after-5", "huge-2MB", "echo",
)  # fmt: skip
"""Models of the scripted vendor that these tests ask for by name: see `tests/vendors/scripts.py`."""


@pytest.fixture(scope="session")
def vendor_url() -> Iterator[str]:
    with vendor() as url:
        yield url


@pytest.fixture(scope="session")
def providers_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The platform's providers.toml: there is none until a test writes one."""
    return tmp_path_factory.mktemp("operators") / "providers.toml"


@pytest.fixture(scope="session")
def platform(vendor_url: str, providers_file: Path) -> Iterator[RunningPlatform]:
    env = platform_env(
        vendor_url,
        "ok-5-rate-40",
        RATE_LIMITS="off",
        CORS_ALLOWED_ORIGINS="https://chat.example.org",
        TRUSTED_PROXIES="192.0.2.0/24",
        PROVIDERS_FILE=str(providers_file),
        KEY_OF_A_PROVIDER="sk-canary-of-the-file-0123456789",
    )
    with RunningPlatform(env=env) as running:
        serve_scripts(running)
        yield running


def serve_scripts(platform: RunningPlatform) -> None:
    """Lists the scripts as models of the provider, as an operator would in the admin site."""
    with database(platform) as connection:
        for name in SCRIPTS:
            connection.execute(
                """INSERT INTO providers_model (provider_id, name, display_name, description, capabilities, is_active)
                   SELECT id, %s, '', '', '[]', true FROM providers_provider""",
                [name],
            )


@pytest.fixture(scope="session")
def enrolled(platform: RunningPlatform) -> People:
    return People(platform)


@pytest_asyncio.fixture
async def alice(platform: RunningPlatform, enrolled: People) -> AsyncIterator[Client]:
    async with Client(platform.url) as client:
        yield client.signed_in(enrolled.next())


@pytest_asyncio.fixture
async def bob(platform: RunningPlatform, enrolled: People) -> AsyncIterator[Client]:
    async with Client(platform.url) as client:
        yield client.signed_in(enrolled.next())

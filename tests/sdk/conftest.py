"""One real platform with a scripted vendor for the whole folder, ways to it that can be cut, and people who use the SDKs."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from chatplatform_client import AsyncClient, Client
from tests.acceptance.conftest import database, platform_env, vendor
from tests.contracts.conftest import serve_scripts
from tests.running import RunningPlatform
from tests.sdk.proxy import CuttableProxy, cuttable

PASSWORD = "password123"
AGENTS = """
[agents.helper]
name = "Helper"
category = "writing"
capabilities = ["text_generation"]
"""


@pytest.fixture(scope="session")
def vendor_url() -> Iterator[str]:
    with vendor() as url:
        yield url


@pytest.fixture(scope="session")
def platform(vendor_url: str) -> Iterator[RunningPlatform]:
    env = platform_env(vendor_url, "ok-40-rate-40", RATE_LIMITS="off")
    running = RunningPlatform(env=env, web_workers=1)
    (running.data_dir / "providers.toml").write_text(AGENTS)
    with running:
        serve_scripts(running)
        yield running


@pytest.fixture(scope="session")
def openai_is_here(platform: RunningPlatform) -> None:
    """The LYSS samples make a provider of OpenAI and talk to it. There is no way to OpenAI from a test, so behind the platform's
    back such a provider gets an address where nobody is, and the organization's, a scripted vendor, to fall back on."""
    with database(platform) as connection:
        connection.execute(
            """CREATE FUNCTION openai_is_away() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN NEW.base_url := 'https://openai.invalid/v1'; RETURN NEW; END $$;
               CREATE FUNCTION somebody_is_here() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN
                    INSERT INTO providers_fallback (provider_id, fallback_id, position)
                    SELECT NEW.id, id, 0 FROM providers_provider WHERE scope = 'organization';
                    RETURN NEW;
                END $$;
               CREATE TRIGGER openai_is_away BEFORE INSERT ON providers_provider FOR EACH ROW
               WHEN (NEW.kind = 'openai' AND NEW.scope = 'personal') EXECUTE FUNCTION openai_is_away();
               CREATE TRIGGER somebody_is_here AFTER INSERT ON providers_provider FOR EACH ROW
               WHEN (NEW.kind = 'openai' AND NEW.scope = 'personal') EXECUTE FUNCTION somebody_is_here()"""
        )


@pytest.fixture
def proxy(platform: RunningPlatform) -> Iterator[CuttableProxy]:
    with cuttable(platform.url) as way:
        yield way


@pytest.fixture
def client(platform: RunningPlatform) -> Iterator[Client]:
    """Alice's, blocking."""
    with Client(platform.url) as alice:
        alice.auth.register(*somebody("alice"))
        yield alice


@pytest_asyncio.fixture
async def async_client(platform: RunningPlatform) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(platform.url) as alice:
        await alice.auth.register(*somebody("alice"))
        yield alice


def somebody(name: str) -> tuple[str, str, str]:
    """A new person's name, address and password."""
    unique = f"{name}-{uuid.uuid4().hex[:10]}"
    return unique, f"{unique}@example.com", PASSWORD

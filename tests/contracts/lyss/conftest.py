"""People who speak LYSS with the platform of the folder above."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio

from tests.acceptance.conftest import database
from tests.contracts.lyss.client import BY_ACCEPT, WHOLE, Base, Person
from tests.enrolling import People
from tests.held import held_session
from tests.running import RunningPlatform

PRICED = "ok-6"
"""A model of the scripted vendor on which an operator put a price."""


@pytest.fixture(scope="session", autouse=True)
def priced(platform: RunningPlatform) -> None:
    with database(platform) as connection:
        connection.execute(
            """INSERT INTO providers_model (provider_id, name, display_name, description, capabilities, is_active)
               SELECT id, %s, '', '', '[]', true FROM providers_provider""",
            [PRICED],
        )
        connection.execute(
            """INSERT INTO providers_modelprice (vendor, name, pattern, display_name, description, as_of, source, position,
                   input_micros_per_million, output_micros_per_million)
               VALUES ('', %s, '', '', '', '2026-11-21', 'operator', 0, 100000000, 300000000)""",
            [PRICED],
        )


@pytest.fixture(params=[WHOLE, BY_ACCEPT], ids=str)
def base(request: pytest.FixtureRequest) -> Base:
    """The whole contract is at both."""
    found: Base = request.param
    return found


@pytest_asyncio.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with held_session(timeout=aiohttp.ClientTimeout(total=60)) as session:
        yield session


@pytest_asyncio.fixture
async def stranger(platform: RunningPlatform, session: aiohttp.ClientSession) -> Person:
    """Nobody we know."""
    return Person(platform.url, session)


@pytest_asyncio.fixture
async def alice(platform: RunningPlatform, session: aiohttp.ClientSession, enrolled: People) -> Person:
    return Person(platform.url, session).signed_in(enrolled.next())


@pytest_asyncio.fixture
async def bob(platform: RunningPlatform, session: aiohttp.ClientSession, enrolled: People) -> Person:
    return Person(platform.url, session).signed_in(enrolled.next())


@pytest.fixture(scope="session")
def cast(platform: RunningPlatform) -> dict[str, Person]:
    """People who are registered once in a run, since that is slow: `people` brings them into a test."""

    async def register() -> dict[str, Person]:
        async with held_session() as session:
            made = {name: await Person(platform.url, session).register(name) for name in ("admin", "owner", "given", "stranger")}
            await _promote(platform, made["admin"])
            return made

    return asyncio.run(register())


@pytest.fixture
def people(cast: dict[str, Person], session: aiohttp.ClientSession) -> dict[str, Person]:
    """The owner of a personal provider, whom the organization's is handed to, a stranger to both, and who has no account."""
    found = {}
    for name, person in cast.items():
        found[name] = person.at(WHOLE)
        found[name].session = session
    return found | {"nobody": Person(cast["admin"].url, session)}


async def _promote(platform: RunningPlatform, person: Person) -> Person:
    with database(platform) as connection:
        connection.execute("UPDATE accounts_user SET role = 'admin', is_superuser = true WHERE id = %s", [person.id])
    return await person.log_in()


@pytest_asyncio.fixture
async def admin(platform: RunningPlatform, session: aiohttp.ClientSession) -> Person:
    return await _promote(platform, await Person(platform.url, session).register("admin"))

"""People, a provider that does what a script says, and runners of turns in the test's own event loop.

Models are imported inside: pytest loads this file before Django is set up.
"""

import pytest
import pytest_asyncio


@pytest.fixture
def provider_row(transactional_db):
    from providers.models import Kind, Model, Provider

    provider = Provider.objects.create(
        name="scripted", kind=Kind.CUSTOM, base_url="http://127.0.0.1:9", default_model="script", is_default=True
    )
    Model.objects.create(provider=provider, name="script", context_window=4096)
    return provider


@pytest.fixture
def alice(provider_row):
    from tests.conversations.acting import person

    return person("alice")


@pytest.fixture
def bob(provider_row):
    from tests.conversations.acting import person

    return person("bob")


@pytest.fixture
def scripted():
    from providers.testing import ScriptedProvider

    return ScriptedProvider()


@pytest.fixture
def library():
    """What the runners find in documents."""
    from tests.conversations.library import ScriptedLibrary

    return ScriptedLibrary()


@pytest_asyncio.fixture
async def runner(provider_row, scripted, library):
    async with _running(scripted, library) as running:
        yield running


@pytest_asyncio.fixture
async def elsewhere(provider_row, scripted, library):
    """The runner of another process: it shares nothing with the first but PostgreSQL and Redis."""
    async with _running(scripted, library) as running:
        yield running


def _running(scripted, library):
    from contextlib import asynccontextmanager

    from conversations.turns.runner import TurnRunner

    @asynccontextmanager
    async def run():
        running = TurnRunner(open_provider=lambda route: scripted, find_passages=library)
        await running.startup()
        yield running
        await running.shutdown()

    return run()

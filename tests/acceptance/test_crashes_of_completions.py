"""kill -9 in the middle of completions that nobody keeps: each is charged once for what was said, and no text of it is left."""

import asyncio
import time

import aiohttp
import pytest

from tests.acceptance.conftest import books_agree, database, platform_env, scalar
from tests.acceptance.test_crashes import nothing_runs
from tests.client import Client
from tests.running import RunningPlatform

COMPLETIONS = 40
RATE = 20
MODEL = f"ok-1000-rate-{RATE}"
QUESTION = "what does the canary do at midnight"


@pytest.fixture
def platform(vendor_url):
    with RunningPlatform(env=platform_env(vendor_url, MODEL, RATE_LIMITS="off"), web_workers=2) as running:
        yield running


async def complete(alice: Client, started: list[int], *, stream: bool) -> None:
    """Asks until the server dies."""
    asked = {"model": MODEL, "messages": [{"role": "user", "content": QUESTION}], "max_tokens": 1500, "stream": stream}
    try:
        async with alice.session.post(f"{alice.url}/v1/chat/completions", json=asked, headers=alice.headers) as response:
            assert response.status == 200
            async for _ in response.content:
                started.append(1)
    except (aiohttp.ClientError, OSError):
        pass  # the connection dies with its server


async def begin(alice: Client, platform: RunningPlatform) -> list[asyncio.Task]:
    await alice.register()
    with database(platform) as connection:
        connection.execute("UPDATE accounts_user SET tier = 'enterprise' WHERE username = %s", (alice.username,))
    await asyncio.sleep(1)
    started: list[int] = []
    tasks = [asyncio.create_task(complete(alice, started, stream=number % 2 == 0)) for number in range(COMPLETIONS)]
    speaking = "SELECT count(*) = %s FROM conversations_turn WHERE conversation_id IS NULL AND length(text) > 100"
    deadline = time.monotonic() + 60
    while not scalar(platform, speaking, COMPLETIONS):
        assert time.monotonic() < deadline, "the completions did not get going"
        await asyncio.sleep(0.2)
    return tasks


def nothing_is_left(platform: RunningPlatform) -> None:
    with database(platform) as connection:
        rows = connection.execute("SELECT state, text, length(marks), error_detail FROM conversations_turn").fetchall()
        assert set(rows) == {("interrupted", "", 0, "")}
        charged = connection.execute(
            """SELECT source, completion_tokens, charged_tokens, prompt_tokens, charged_requests, message_id, conversation_id
               FROM quotas_usage"""
        ).fetchall()
    assert len(charged) == COMPLETIONS
    for source, completion, tokens, prompt, requests, message, conversation in charged:
        assert (source, requests, message, conversation) == ("estimated", 1, None, None)
        assert 20 < completion < 1000, "for what was said"
        assert tokens == prompt + completion
    assert scalar(platform, "SELECT count(*) FROM conversations_message") == 0
    assert scalar(platform, "SELECT count(*) FROM quotas_reservation WHERE state = 'open'") == 0
    books_agree(platform)


@pytest.mark.asyncio
async def test_kill_9_of_the_web_processes_charges_each_once_and_keeps_nothing(platform):
    async with Client(platform.url) as alice:
        tasks = await begin(alice, platform)
        killed_at = time.monotonic()
        platform.kill9_web()
        await asyncio.gather(*tasks)
        await nothing_runs(platform, killed_at)
        nothing_is_left(platform)


@pytest.mark.asyncio
async def test_kill_9_of_everything_charges_each_once_and_keeps_nothing(platform):
    async with Client(platform.url) as alice:
        tasks = await begin(alice, platform)
        killed_at = time.monotonic()
        await asyncio.to_thread(platform.kill9_all)
        await asyncio.gather(*tasks)
        await asyncio.to_thread(platform.start)
        await nothing_runs(platform, killed_at)
        nothing_is_left(platform)

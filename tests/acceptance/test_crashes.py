"""kill -9 and SIGTERM in the middle of many streams: what was accepted is there, what was written is kept, the books agree."""

import asyncio
import time

import pytest

from tests.acceptance.conftest import books_agree, database, platform_env, scalar
from tests.client import Client, Stream, frames
from tests.running import RunningPlatform
from tests.vendors.scripts import words

STREAMS = 100
RATE = 20
MODEL = f"ok-1000-rate-{RATE}"
TEXT = words(1000)
HEALED_WITHIN_SECONDS = 45


@pytest.fixture
def platform(vendor_url):
    with RunningPlatform(env=platform_env(vendor_url, MODEL, RATE_LIMITS="off"), web_workers=2) as running:
        yield running


class Watched:
    """One stream, and what its client had at each moment."""

    def __init__(self, conversation: str, question: str) -> None:
        self.conversation = conversation
        self.question = question
        self.stream = Stream(0)
        self.seen: list[tuple[float, int]] = []

    async def read(self, client: Client) -> None:
        try:
            async with client.session.post(
                f"{client.url}/api/v1/conversations/{self.conversation}/messages/stream",
                json={"content": self.question, "max_tokens": 2000},
                headers=client.headers,
            ) as response:
                self.stream.status = response.status
                length = 0
                async for frame in frames(response):
                    self.stream.frames.append(frame)
                    if frame.data["type"] == "content":
                        length += len(frame.data["content"])
                        self.seen.append((time.monotonic(), length))
        except Exception as broken:  # the connection dies with its server
            self.stream.error = {"broken": repr(broken)}

    def length_at(self, moment: float) -> int:
        return max((length for at, length in self.seen if at <= moment), default=0)


async def begin(client: Client, platform: RunningPlatform, count: int) -> tuple[list[Watched], list[asyncio.Task]]:
    await client.register()
    with database(platform) as connection:
        connection.execute("UPDATE accounts_user SET tier = 'enterprise' WHERE username = %s", (client.username,))
    await asyncio.sleep(0.6)
    rooms = await asyncio.gather(*(client.new_conversation(title=str(n)) for n in range(count)))
    watched = [Watched(room, f"question {n}") for n, room in enumerate(rooms)]
    tasks = [asyncio.create_task(one.read(client)) for one in watched]
    deadline = time.monotonic() + 60
    while not all(len(one.seen) > RATE for one in watched):
        assert time.monotonic() < deadline, "the streams did not get going"
        await asyncio.sleep(0.1)
    return watched, tasks


async def nothing_runs(platform: RunningPlatform, since: float) -> None:
    while scalar(platform, "SELECT count(*) FROM conversations_turn WHERE state = 'running'"):
        assert time.monotonic() - since < HEALED_WITHIN_SECONDS, "a turn still runs"
        await asyncio.sleep(0.5)


async def nothing_was_lost(platform: RunningPlatform, client: Client, watched: list[Watched], killed_at: float) -> None:
    for one in watched:
        assert one.stream.status == 200
        question, answer = await client.messages(one.conversation)
        assert question["content"] == one.question
        assert answer["status"] == "interrupted"
        assert TEXT.startswith(answer["content"])
        assert len(answer["content"]) >= one.length_at(killed_at - 1), "more than a second of text was lost"
        assert TEXT.startswith(one.stream.text), "what the client saw is consistent with it"
    assert scalar(platform, "SELECT count(*) FROM conversations_message WHERE role = 'user'") == len(watched)
    assert scalar(platform, "SELECT count(*) FROM quotas_reservation WHERE state = 'open'") == 0
    assert scalar(platform, "SELECT count(*) FROM quotas_usage") == len(watched)
    books_agree(platform)


@pytest.mark.asyncio
async def test_kill_9_of_the_web_processes_loses_nothing(platform):
    async with Client(platform.url) as alice:
        watched, tasks = await begin(alice, platform, STREAMS)
        killed_at = time.monotonic()
        platform.kill9_web()
        await asyncio.gather(*tasks)
        await nothing_runs(platform, killed_at)
        await nothing_was_lost(platform, alice, watched, killed_at)

        turn = watched[0].stream.start["turn_id"]
        again = await alice.resume(turn, watched[0].stream.last_id)
        assert again.end["type"] == "error", "a client that comes back is told how it ended"
        status, _ = await alice.send(watched[0].conversation, "and now?", max_tokens=16)
        assert status == 200, "the conversation is free again"


@pytest.mark.asyncio
async def test_kill_9_of_everything_loses_nothing(platform):
    async with Client(platform.url) as alice:
        watched, tasks = await begin(alice, platform, STREAMS)
        killed_at = time.monotonic()
        await asyncio.to_thread(platform.kill9_all)
        await asyncio.gather(*tasks)
        await asyncio.to_thread(platform.start)
        alice.url = platform.url
        await nothing_runs(platform, killed_at)
        await nothing_was_lost(platform, alice, watched, killed_at)


@pytest.mark.asyncio
async def test_sigterm_tells_every_stream_and_ends_within_thirty_seconds(platform):
    async with Client(platform.url) as alice:
        watched, tasks = await begin(alice, platform, 50)
        asked_at = time.monotonic()
        assert await asyncio.to_thread(platform.terminate, 30) == 0
        assert time.monotonic() - asked_at < 30
        await asyncio.gather(*tasks)
        assert all(one.stream.end for one in watched), "each stream got its ending"
        assert not platform.processes(), "no process is left"

        await asyncio.to_thread(platform.start)
        alice.url = platform.url
        for one in watched:
            _, answer = await alice.messages(one.conversation)
            assert answer["content"] == one.stream.text, "what was told is what is stored"
        books_agree(platform)

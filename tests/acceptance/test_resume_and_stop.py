"""A stream that is cut loses nothing, whichever web process it is read on through; a stop reaches the vendor from anywhere."""

import asyncio
import hashlib
import time

import aiohttp
import pytest

from tests.acceptance.conftest import another_web_process, platform_env
from tests.client import Client, Stream
from tests.running import RunningPlatform
from tests.vendors.scripts import words

DELTAS = 150


@pytest.fixture(scope="module")
def platform(vendor_url):
    with RunningPlatform(env=platform_env(vendor_url, f"ok-{DELTAS}-rate-50", RATE_LIMITS="off"), web_workers=1) as running:
        yield running


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


async def read_with_cuts(client: Client, urls: list[str], conversation: str) -> list:
    """Reads an answer ten events at a time, each time through the next process."""
    client.url = urls[0]
    part: Stream = await client.stream(conversation, "tell me", most=10)
    turn, frames = part.start["turn_id"], list(part.frames)
    for hop in range(1, 200):
        if part.end:
            return frames
        client.url = urls[hop % len(urls)]
        part = await client.resume(turn, frames[-1].id, most=10)
        assert part.status == 200
        frames += part.frames
    raise AssertionError("the answer never ended")


@pytest.mark.asyncio
async def test_a_stream_cut_at_every_tenth_event_and_resumed_elsewhere_is_whole(platform):
    async with another_web_process(platform) as other, Client(platform.url) as alice:
        await alice.register()
        conversation = await alice.new_conversation()
        frames = await read_with_cuts(alice, [platform.url, other], conversation)
        assert [frame.id for frame in frames] == list(range(1, len(frames) + 1)), "each event once, in order"
        text = "".join(frame.data["content"] for frame in frames if frame.data["type"] == "content")
        assert sha(text) == sha(words(DELTAS))
        stored = await alice.messages(conversation)
        assert sha(stored[-1]["content"]) == sha(text)

        turn = frames[0].data["turn_id"]
        for url in (platform.url, other):  # and long after it ended, from any number
            alice.url = url
            again = await alice.resume(turn, 5)
            assert [(f.id, f.data) for f in again.frames] == [(f.id, f.data) for f in frames[5:]]


@pytest.mark.asyncio
async def test_two_readers_in_two_processes_see_the_same(platform):
    async with another_web_process(platform) as other, Client(platform.url) as alice, Client(other) as tab:
        await alice.register()
        tab.token = alice.token
        conversation = await alice.new_conversation()
        first = await alice.stream(conversation, "tell me", most=1)
        here, there = await asyncio.gather(alice.resume(first.start["turn_id"], 0), tab.resume(first.start["turn_id"], 0))
        assert [(f.id, f.data) for f in here.frames] == [(f.id, f.data) for f in there.frames]
        assert here.text == words(DELTAS)


@pytest.mark.asyncio
async def test_a_stop_from_the_other_process_reaches_the_vendor_within_two_seconds(platform, vendor_url):
    async with another_web_process(platform) as other, Client(platform.url) as alice, aiohttp.ClientSession() as vendor:
        await alice.register()
        conversation = await alice.new_conversation()
        begun = await alice.stream(conversation, "tell me", most=8)
        turn = begun.start["turn_id"]
        before = await _disconnects(vendor, vendor_url)

        alice.url = other
        asked_at = time.monotonic()
        stopped = await alice.data("POST", f"/turns/{turn}/stop")
        while await _disconnects(vendor, vendor_url) == before:
            assert time.monotonic() - asked_at < 2, "the vendor was not hung up on within two seconds"
            await asyncio.sleep(0.05)

        assert stopped["status"] == "stopped"
        rest = await alice.resume(turn, 0)
        assert rest.end["type"] == "end"
        assert rest.end["stopped"] is True
        kept = (await alice.messages(conversation))[-1]["content"]
        assert kept == rest.text
        assert words(DELTAS).startswith(kept)
        assert 0 < len(kept) < len(words(DELTAS))
        assert (await alice.data("POST", f"/turns/{turn}/stop"))["status"] == "stopped", "stopping twice changes nothing"


async def _disconnects(vendor: aiohttp.ClientSession, url: str) -> int:
    root = url.removesuffix("/v1")
    async with vendor.get(f"{root}/_disconnects") as answer:
        return len(await answer.json())

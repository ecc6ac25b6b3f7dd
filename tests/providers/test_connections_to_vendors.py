"""Sockets towards vendors: reused after an answer, closed at once when nobody listens any more."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import pytest

from providers import upstream
from providers.base import TextDelta
from tests.providers.conftest import Vendor, request


@pytest.fixture(autouse=True)
async def _session() -> AsyncIterator[None]:
    yield
    await upstream.close()


async def disconnects(vendor: Vendor, count: int) -> int:
    deadline = time.monotonic() + 5
    while len(vendor.server.disconnects) < count and time.monotonic() < deadline:
        await asyncio.sleep(0.01)  # the server lives in another thread
    return len(vendor.server.disconnects)


async def test_closing_the_iterator_hangs_up(vendor: Vendor) -> None:
    events = vendor.provider().stream(request("ok-1000-rate-50"))
    assert isinstance(await anext(events), TextDelta)
    await events.aclose()
    assert await disconnects(vendor, 1) == 1
    assert vendor.server.disconnects[0]["sent"] < 100


async def test_cancelling_the_reader_hangs_up(vendor: Vendor) -> None:
    async def read() -> None:
        async with contextlib.aclosing(vendor.provider().stream(request("stall-after-5"))) as events:
            async for _event in events:
                pass

    task = asyncio.create_task(read())
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await disconnects(vendor, 1) == 1


async def test_cancelling_before_the_first_token_hangs_up(vendor: Vendor) -> None:
    async def first() -> None:
        await anext(vendor.provider().stream(request("slow-first-30")))

    task = asyncio.create_task(first())
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await disconnects(vendor, 1) == 1


async def test_the_silent_vendor_is_hung_up_on(vendor: Vendor) -> None:
    await vendor.ask("stall-after-5", silence=0.2)
    assert await disconnects(vendor, 1) == 1


async def test_answers_one_after_the_other_share_a_connection(vendor: Vendor) -> None:
    for _ in range(10):
        events = vendor.provider().stream(request("ok-20"))
        async for _event in events:
            pass
        await asyncio.sleep(0.02)
    assert vendor.server.stats["connections"] == 1


async def test_a_reader_that_is_slow_itself_does_not_make_the_vendor_silent(vendor: Vendor) -> None:
    text = ""
    async for event in vendor.provider(silence=0.2).stream(request("ok-20-rate-20")):
        if isinstance(event, TextDelta):
            text += event.text
            if len(text) < 20:
                await asyncio.sleep(0.5)
    assert text.count(" ") == 19


async def test_a_session_of_its_own_for_each_loop() -> None:
    here = upstream.session(trusted=True)
    assert upstream.session(trusted=True) is here

    async def session_elsewhere() -> bool:
        other = upstream.session(trusted=True)
        await upstream.close()
        return other is here

    assert not await asyncio.to_thread(asyncio.run, session_elsewhere())


async def test_a_hundred_streams_at_once_are_all_whole(vendor: Vendor) -> None:
    async def read() -> str:
        events = vendor.provider().stream(request("ok-100-rate-200"))
        return "".join([event.text async for event in events if isinstance(event, TextDelta)])

    texts = await asyncio.gather(*(read() for _ in range(100)))
    assert len(set(texts)) == 1
    assert texts[0].count(" ") == 99

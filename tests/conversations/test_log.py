"""The numbered events of a turn in memory."""

import asyncio
import uuid

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from conversations.turns.events import TextAdded, TurnCompleted, TurnStarted, TurnUsage
from conversations.turns.log import TurnLog, pack, replay, unpack
from conversations.turns.transcript import fold

NOW = timezone.now()
texts = st.lists(st.text(min_size=1), max_size=30)


def started() -> TurnStarted:
    return TurnStarted(1, uuid.uuid4(), uuid.uuid4(), uuid.uuid4(), uuid.uuid4(), "m", NOW)


def completed(n: int) -> TurnCompleted:
    return TurnCompleted(n, TurnUsage(3, 4, "provider"), "stop", "m", NOW)


def written(pieces: list[str]) -> TurnLog:
    log = TurnLog(started())
    for piece in pieces:
        log.add_text(piece)
    log.end(completed(log.next_n))
    return log


@given(texts)
def test_events_are_numbered_from_one_without_a_gap(pieces):
    log = written(pieces)
    assert [event.n for event in log.events] == list(range(1, len(pieces) + 3))
    assert log.text == "".join(pieces)


@given(texts)
def test_a_stored_turn_is_replayed_event_by_event(pieces):
    log = written(pieces)
    again = replay(log.started, text=log.text, marks=log.marks.tobytes(), ended=log.ended)
    assert again.events == log.events


@given(texts)
def test_batches_survive_the_way_to_another_process(pieces):
    log = written(pieces)
    *deltas, ending = unpack(pack(log.events[1:]))
    assert deltas == pieces
    assert ending.usage == log.ended.usage
    assert ending.at == log.ended.at


@given(texts, st.integers(0, 40))
def test_following_from_any_number_gives_the_rest_exactly_once(pieces, after):
    log = written(pieces)

    async def read():
        return [event async for batch in log.follow(after) for event in batch]

    events = asyncio.run(read())
    assert [e.n for e in events] == (list(range(after + 1, len(pieces) + 3)) or [len(pieces) + 2])


@pytest.mark.asyncio
async def test_two_followers_see_the_same_and_one_that_leaves_takes_nothing_from_the_other():
    log = TurnLog(started())

    async def read():
        return [event async for batch in log.follow() for event in batch]

    stays, leaves = asyncio.create_task(read()), asyncio.create_task(read())
    await asyncio.sleep(0)
    log.add_text("一")
    await asyncio.sleep(0)
    leaves.cancel()
    await asyncio.sleep(0)
    log.add_text("二")
    log.end(completed(log.next_n))
    events = await stays
    assert fold(events) == ("一二", log.ended)
    assert [type(event) for event in events] == [TurnStarted, TextAdded, TextAdded, TurnCompleted]

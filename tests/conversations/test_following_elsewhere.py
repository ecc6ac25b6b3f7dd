"""Followers in another process miss nothing, whatever Redis does."""

import asyncio

import pytest
import redis
from django.conf import settings

from conversations.turns.events import TurnCompleted
from conversations.turns.loops import forever
from conversations.turns.stream import stream_key
from conversations.turns.transcript import fold
from providers.testing import ScriptedProvider, say, wait
from tests.conversations.acting import asking, new_conversation, read

WORDS = [f"{n} " for n in range(150)]


@pytest.fixture
def scripted():
    def talk(_request):
        for word in WORDS:
            yield from (say(word), wait(0.02))

    return ScriptedProvider(talk)


def harm_nothing(_client, _key):
    pass


def lose_entries(client, key):
    for entry, _ in client.xrange(key)[1::2]:
        client.xdel(key, entry)


def lose_everything(client, key):
    client.delete(key)


def spoil(client, key):
    client.xadd(key, {"n": 3, "events": b"no JSON"})
    client.xadd(key, {"no": "fields"})


def become_something_else(client, key):
    client.delete(key)
    client.set(key, "not a stream")


@pytest.mark.parametrize("harm", [harm_nothing, lose_entries, lose_everything, spoil, become_something_else])
async def test_each_event_comes_once_and_in_order(runner, elsewhere, alice, harm):
    conversation = await new_conversation(alice)
    opened = await runner.start_turn(principal=alice, request=asking(conversation))
    early = asyncio.create_task(read(elsewhere, opened.turn_id))
    key = stream_key(opened.turn_id)
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        for _ in range(4):
            await asyncio.sleep(0.3)
            harm(client, key)
        late = asyncio.create_task(read(elsewhere, opened.turn_id, after=10))
        here = await read(runner, opened.turn_id)
        for events, first in ((await early, 1), (await late, 11)):
            assert [event.n for event in events] == list(range(first, len(WORDS) + 3))
            assert isinstance(events[-1], TurnCompleted)
        assert fold(await early) == fold(here)
        client.delete(key)


async def test_each_batch_goes_to_redis_once(runner, alice):
    conversation = await new_conversation(alice)
    opened = await runner.start_turn(principal=alice, request=asking(conversation))
    await read(runner, opened.turn_id)
    await asyncio.sleep(0.2)
    import orjson

    with redis.Redis.from_url(settings.REDIS_URL) as client:
        entries = client.xrange(stream_key(opened.turn_id))
        assert 0 < client.ttl(stream_key(opened.turn_id)) <= settings.TURN_LOG_TTL_SECONDS
    expected = 2
    for _, fields in entries:
        assert int(fields[b"n"]) == expected
        expected += len(orjson.loads(fields[b"events"]))
    assert expected == len(WORDS) + 3


async def test_a_follower_that_leaves_is_forgotten(runner, elsewhere, alice):
    conversation = await new_conversation(alice)
    opened = await runner.start_turn(principal=alice, request=asking(conversation))
    followers = [asyncio.create_task(read(elsewhere, opened.turn_id)) for _ in range(3)]
    await asyncio.sleep(0.3)
    assert elsewhere._replicas._open[opened.turn_id].followers == 3
    followers[0].cancel()
    await asyncio.sleep(0.1)
    assert elsewhere._replicas._open[opened.turn_id].followers == 2
    await asyncio.gather(*followers[1:])
    assert not elsewhere._replicas._open


async def test_a_loop_survives_whatever_a_round_raises(monkeypatch):
    monkeypatch.setattr("conversations.turns.loops.PAUSE_AFTER_FAILURE_SECONDS", 0)
    raised = [redis.ConnectionError(), ZeroDivisionError(), asyncio.CancelledError(), TimeoutError()]
    rounds = []

    async def work():
        rounds.append(1)
        if raised:
            raise raised.pop()

    loop = asyncio.create_task(forever("round_failed", work, every=0))
    while len(rounds) < 10:
        await asyncio.sleep(0)
    loop.cancel()
    with pytest.raises(asyncio.CancelledError):
        await loop

"""Several answers over one socket, which comes back by itself."""

from __future__ import annotations

import asyncio

import pytest

from chatplatform_client import (
    APIConnectionError,
    AsyncClient,
    AuthenticationError,
    ConflictError,
    NotFoundError,
    StreamEnd,
    StreamStart,
    TurnFailed,
)
from tests.acceptance.conftest import another_web_process
from tests.sdk.proxy import cuttable
from tests.sdk.test_streams import COUNT, LONG, SLOW, SLOW_COUNT, answers_of, kill, through
from tests.vendors.scripts import words


def test_an_answer_over_a_socket(client):
    room = client.conversations.create(model="ok-3")
    with client.socket() as socket:
        start, *pieces, end = list(socket.send(room.id, "tell me"))
    assert isinstance(start, StreamStart)
    assert isinstance(end, StreamEnd)
    assert "".join(piece.content for piece in pieces) == words(3)
    assert end.usage.total_tokens

    with client.socket() as socket:
        late = socket.send(room.id, "tell me")
    with pytest.raises(APIConnectionError):
        late.text()


def test_two_answers_read_in_turns_on_one_socket_are_not_mixed_up(client):
    rooms = [client.conversations.create(model="ok-30-rate-30") for _ in range(2)]
    with client.socket() as socket:
        answers = [socket.send(room.id, "tell me") for room in rooms]
        for events in zip(*answers, strict=True):
            assert len({event.n for event in events}) == 1
    assert [answer.text_so_far for answer in answers] == [words(30)] * 2
    assert [answer.start.conversation_id for answer in answers] == [room.id for room in rooms]


async def test_many_tasks_share_a_socket(async_client):
    rooms = await asyncio.gather(*(async_client.conversations.create(model="ok-30-rate-30") for _ in range(5)))
    async with async_client.socket() as socket:

        async def read(conversation: str) -> str:
            return await (await socket.send(conversation, "tell me")).text()

        assert await asyncio.gather(*(read(room.id) for room in rooms)) == [words(30)] * 5


def test_a_socket_that_is_cut_again_and_again_loses_nothing(client, proxy):
    room = client.conversations.create(model=LONG)
    with through(proxy, client) as alice:
        proxy.cut_after.extend([1_500, 2_500, 0, 2_000])
        with alice.socket() as socket:
            events = list(socket.send(room.id, "tell me"))
    assert [event.n for event in events] == list(range(1, len(events) + 1)), "each event once, in order"
    assert "".join(event.content for event in events) == words(COUNT)
    assert not proxy.cut_after, "it was cut as often as it should"
    assert answers_of(client, room.id) == [words(COUNT)]


def test_a_message_whose_answer_had_not_begun_is_sent_again_as_the_same(client, proxy):
    rooms = [client.conversations.create(model=model) for model in ("ok-3", LONG)]
    with through(proxy, client) as alice, alice.socket() as socket:
        first = [socket.send(room.id, "tell me") for room in rooms]
        proxy.cut()
        assert [answer.text() for answer in first] == [words(3), words(COUNT)]
    assert [answers_of(client, room.id) for room in rooms] == [[words(3)], [words(COUNT)]]


async def test_a_socket_whose_web_process_is_killed_reads_on_in_another(platform, async_client):
    client = async_client
    room = await client.conversations.create(model=SLOW)
    async with another_web_process(platform) as other:
        with cuttable(other) as proxy:
            alice = AsyncClient(proxy.url, token=client.credentials.token)
            writer = await client.messages.stream(room.id, "tell me")
            await anext(writer)
            async with alice.socket() as socket:
                reader = await socket.resume(writer.turn_id)
                events = [await anext(reader) for _ in range(5)]
                proxy.target = platform.url
                kill(other)
                events += [event async for event in reader]
            await alice.aclose()
    assert [event.n for event in events] == list(range(1, len(events) + 1))
    assert reader.text_so_far == await writer.text() == words(SLOW_COUNT)


def test_a_refused_message_is_told_to_its_sender_alone(client):
    room, other = (client.conversations.create(model=SLOW) for _ in range(2))
    with client.socket() as socket:
        running = socket.send(room.id, "tell me")
        next(running)
        with pytest.raises(ConflictError) as busy:
            socket.send(room.id, "and now?").text()
        assert busy.value.turn_id == running.turn_id
        with pytest.raises(NotFoundError):
            socket.resume("550e8400-e29b-41d4-a716-446655440000").text()
        assert running.text() == words(SLOW_COUNT)
        failing = client.conversations.create(model="cut-after-5")
        with pytest.raises(TurnFailed):
            socket.send(failing.id, "tell me").text()
        answer = socket.send(other.id, "tell me")
        next(answer)
        answer.stop()
        assert answer.final().end.stopped is True


def test_a_socket_signs_in_again_by_itself_and_says_so_when_it_cannot(client, proxy):
    room = client.conversations.create(model=LONG)
    with through(proxy, client) as alice, alice.socket() as socket:
        answer = socket.send(room.id, "tell me")
        next(answer)
        alice.credentials.token = "a token that has run out"
        proxy.cut()
        assert answer.text() == words(COUNT)

        alice.credentials.token = "a token that has run out"
        alice.credentials.refresh_token = ""
        proxy.cut()
        with pytest.raises(AuthenticationError):
            socket.send(room.id, "tell me").text()

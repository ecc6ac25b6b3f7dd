"""Answers as they are written: whole and once, whatever becomes of the connection."""

from __future__ import annotations

import threading

import psutil
import pytest

from chatplatform_client import (
    AsyncClient,
    AuthenticationError,
    Client,
    ConflictError,
    Final,
    ServerError,
    StreamContent,
    StreamEnd,
    StreamStart,
    TurnFailed,
)
from tests.acceptance.conftest import another_web_process, database, scalar
from tests.sdk.proxy import cuttable
from tests.vendors.scripts import words

LONG, COUNT = "ok-40-rate-40", 40
SLOW, SLOW_COUNT = "ok-60-rate-20", 60


def through(proxy, client: Client) -> Client:
    mine = client.credentials
    return Client(proxy.url, token=mine.token, refresh_token=mine.refresh_token)


def answers_of(client: Client, conversation: str) -> list[str]:
    return [message.content for message in client.messages.list(conversation) if message.role == "assistant"]


def test_an_answer_comes_in_pieces_with_a_start_and_an_end(client):
    room = client.conversations.create(model="ok-3")
    with client.messages.stream(room.id, "tell me") as answer:
        start, *pieces, end = list(answer)
    assert isinstance(start, StreamStart)
    assert isinstance(end, StreamEnd)
    assert all(isinstance(piece, StreamContent) for piece in pieces)
    assert (start.conversation_id, start.turn_id) == (room.id, answer.turn_id)
    assert "".join(event.content for event in (start, *pieces, end)) == answer.text_so_far == words(3)
    assert end.usage.total_tokens
    assert [event.n for event in (start, *pieces, end)] == list(range(1, len(pieces) + 3))
    assert client.turns.get(answer.turn_id).status == "completed"


def test_a_stream_that_is_cut_again_and_again_is_whole(client, proxy):
    room = client.conversations.create(model=LONG)
    proxy.cut_after.extend([0, 700, 900, 600])  # bytes: before the answer's head, in its first events, and later
    with through(proxy, client) as alice, alice.messages.stream(room.id, "tell me") as answer:
        events = list(answer)
    assert [event.n for event in events] == list(range(1, len(events) + 1)), "each event once, in order"
    assert answer.text_so_far == words(COUNT)
    assert not proxy.cut_after, "it was cut as often as it should"
    assert answers_of(client, room.id) == [words(COUNT)], "and it was one message"


async def test_the_same_without_blocking(async_client, proxy):
    room = await async_client.conversations.create(model=LONG)
    proxy.cut_after.extend([0, 800])
    mine = async_client.credentials
    async with (
        AsyncClient(proxy.url, token=mine.token) as alice,
        await alice.messages.stream(room.id, "tell me") as answer,
    ):
        final = await answer.final()
    assert isinstance(final, Final)
    assert (final.text, final.end.stopped) == (words(COUNT), False)
    assert final.start is not None
    assert final.start.turn_id == answer.turn_id
    assert not proxy.cut_after


async def test_a_reader_whose_web_process_is_killed_reads_on_in_another(platform, async_client):
    """The answer is written in one process, and read through another that dies."""
    client = async_client
    room = await client.conversations.create(model=SLOW)
    async with another_web_process(platform) as other:
        with cuttable(other) as proxy:
            alice = AsyncClient(proxy.url, token=client.credentials.token)
            writer = await client.messages.stream(room.id, "tell me")
            await anext(writer)
            reader = await alice.turns.follow(writer.turn_id)
            events = [await anext(reader) for _ in range(5)]
            proxy.target = platform.url
            kill(other)
            assert (await client.turns.get(writer.turn_id)).status == "running"
            events += [event async for event in reader]
            await alice.aclose()
    assert [event.n for event in events] == list(range(1, len(events) + 1))
    assert reader.text_so_far == await writer.text() == words(SLOW_COUNT)


def kill(url: str) -> None:
    """kill -9 of the process that listens there."""
    port = int(url.rpartition(":")[2])
    (found,) = {one.pid for one in psutil.net_connections("tcp") if one.status == "LISTEN" and one.laddr.port == port}
    psutil.Process(found).kill()


def test_an_answer_whose_own_process_is_killed_is_a_failure_that_keeps_its_text(client, platform):
    room = client.conversations.create(model="ok-200-rate-20")
    with client.messages.stream(room.id, "tell me") as answer:
        for event in answer:
            if event.n == 15:
                break
        platform.kill9_web()
        with pytest.raises(TurnFailed) as failed:
            answer.text()
    assert failed.value.turn_id == answer.turn_id
    assert words(200).startswith(answer.text_so_far)
    assert client.turns.get(answer.turn_id).status == "interrupted"
    assert words(200).startswith(answers_of(client, room.id)[0]), "all but what the last second brought"


def test_leaving_a_stream_ends_nothing_and_it_can_be_followed_later(client):
    room = client.conversations.create(model="ok-30-rate-30")
    with client.messages.stream(room.id, "tell me") as answer:
        next(answer)
    assert list(answer) == [], "it was closed"
    again = client.turns.follow(answer.turn_id)
    assert again.final().text == words(30)
    late = client.turns.follow(answer.turn_id, after=10)
    assert next(late).n == 11
    assert words(30).endswith(late.text())
    assert late.start is None


def test_a_stream_that_is_stopped_comes_to_its_end(client):
    room = client.conversations.create(model="ok-200-rate-20")
    with client.messages.stream(room.id, "tell me") as answer:
        assert [next(answer).n for _ in range(3)] == [1, 2, 3]
        answer.stop()
        final = answer.final()
    assert final.end.stopped is True
    assert 0 < len(final.text) < len(words(200))
    with client.messages.stream(room.id, "tell me") as unread:
        unread.stop()
        start, *_pieces, end = list(unread)
    assert (start.n, end.stopped) == (1, True)
    assert client.turns.stop(answer.turn_id).status == "stopped", "stopping twice changes nothing"


def test_a_conversation_that_is_being_answered_says_by_whom(client):
    room = client.conversations.create(model="ok-200-rate-20")
    with client.messages.stream(room.id, "tell me") as answer:
        next(answer)
        with pytest.raises(ConflictError) as busy:
            client.messages.send(room.id, "and now?")
        assert busy.value.turn_id == answer.turn_id
        answer.stop()


def test_a_vendor_that_fails_before_the_first_word_is_refused_at_once_and_later_is_a_failure(client, platform):
    room = client.conversations.create(model="500")
    before = scalar(platform, "SELECT count(*) FROM conversations_turn")
    with pytest.raises(ServerError) as refused:
        client.messages.stream(room.id, "tell me")
    assert (refused.value.status, refused.value.code) == (502, "OPENAI_API_ERROR")
    assert scalar(platform, "SELECT count(*) FROM conversations_turn") == before + 1, "it was not sent again"

    later = client.conversations.create(model="cut-after-5")
    with client.messages.stream(later.id, "tell me") as answer, pytest.raises(TurnFailed) as failed:
        answer.text()
    assert failed.value.code == "OPENAI_API_ERROR"
    assert answer.text_so_far == words(5)


def test_a_send_with_a_key_of_ones_own_is_one_message(client):
    room = client.conversations.create(model="ok-3")
    first = client.messages.send(room.id, "tell me", idempotency_key="order 66")
    again = client.messages.send(room.id, "tell me", idempotency_key="order 66")
    streamed = client.messages.stream(room.id, "tell me", idempotency_key="order 66")
    assert first.turn_id == again.turn_id
    assert streamed.text() == first.text
    assert len(answers_of(client, room.id)) == 1


def test_a_send_whose_answer_was_lost_is_sent_again_as_the_same(client, proxy):
    room = client.conversations.create(model="ok-3")
    proxy.cut_after.extend([0, 40])
    with through(proxy, client) as alice:
        assert alice.messages.send(room.id, "tell me").text == words(3)
    assert proxy.connections == 3
    assert len(answers_of(client, room.id)) == 1


def test_a_deletion_whose_answer_was_lost_has_happened(client, proxy):
    room = client.conversations.create()
    proxy.cut_after.append(0)
    with through(proxy, client) as alice:
        alice.conversations.delete(room.id)
    assert list(client.conversations.list()) == []


def test_tokens_are_renewed_by_themselves_even_in_the_middle_of_a_stream(client, platform, proxy):
    room = client.conversations.create(model=LONG)
    old = client.credentials.token
    client.credentials.token = "a token that has run out"
    assert client.me.get().username
    assert client.credentials.token not in (old, "a token that has run out")

    with through(proxy, client) as alice, alice.messages.stream(room.id, "tell me") as answer:
        for event in answer:
            if event.n == 5:
                alice.credentials.token = "a token that has run out"
                proxy.cut()
        assert answer.text_so_far == words(COUNT)


def test_who_is_signed_out_in_the_middle_of_a_stream_is_told(client, platform):
    room = client.conversations.create(model="ok-200-rate-20")
    client.credentials.refresh_token = ""
    with client.messages.stream(room.id, "tell me") as answer:
        next(answer)
        with database(platform) as connection:
            connection.execute("UPDATE accounts_user SET is_active = false WHERE uuid = %s", [client_id(client)])
        with pytest.raises(AuthenticationError):
            answer.text()


def client_id(client: Client) -> str:
    return client.me.get().id


def test_a_platform_that_is_away_is_waited_for(client, proxy):
    room = client.conversations.create(model=SLOW)
    with through(proxy, client) as alice, alice.messages.stream(room.id, "tell me") as answer:
        next(answer)
        proxy.refuses = True
        proxy.cut()
        back = threading.Timer(2.0, setattr, (proxy, "refuses", False))
        back.start()
        assert answer.text() == words(SLOW_COUNT)
        back.join()

"""A conversation that is deleted takes its text along, also out of an answer that is being written."""

import asyncio
import contextlib

import pytest
import redis
from asgiref.sync import sync_to_async
from django.conf import settings

from chatplatform.core.origin import NOWHERE
from conversations import services
from conversations.errors import ConversationNotFound, TurnNotFound
from conversations.models import Conversation, Message, Turn
from conversations.turns.events import ENDINGS, TurnStopped
from conversations.turns.stream import stream_key
from providers.testing import ScriptedProvider, say, wait
from quotas.models import Reservation, Usage
from quotas.selectors import check_books
from tests.conversations.acting import asking, ended, new_conversation, read


@sync_to_async
def delete(principal, conversation):
    services.delete_conversation(principal=principal, conversation_id=conversation.uuid, origin=NOWHERE)


def in_redis(turn_id) -> bool:
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        return bool(client.exists(stream_key(turn_id)))


async def nothing_is_left_of(conversation):
    assert not [m async for m in Message.objects.filter(conversation=conversation).exclude(content="")]
    assert not [t async for t in Turn.objects.filter(conversation=conversation).exclude(text="", marks=b"")]
    row = await Conversation.objects.aget(pk=conversation.pk)
    assert (row.title, row.system_message) == ("", "")


@pytest.fixture
def scripted():
    def talk(_request):
        for _ in range(2000):
            yield from (say("secret "), wait(0.01))

    return ScriptedProvider(talk)


async def test_followers_are_told_and_no_text_stays_anywhere(runner, elsewhere, alice, scripted):
    conversation = await new_conversation(alice, title="Secret", system_message="Keep it.")
    opened = await runner.start_turn(principal=alice, request=asking(conversation))
    followers = [asyncio.create_task(read(where, opened.turn_id)) for where in (runner, elsewhere)]
    await asyncio.sleep(0.5)
    assert in_redis(opened.turn_id)
    await delete(alice, conversation)
    for events in await asyncio.wait_for(asyncio.gather(*followers), 5):
        assert isinstance(events[-1], TurnStopped)
        assert sum(isinstance(event, ENDINGS) for event in events) == 1
    assert (scripted.active, scripted.hung_up) == (0, 1)
    await asyncio.sleep(0.3)  # whatever was still on its way has arrived
    assert not in_redis(opened.turn_id), "late text does not bring the stream back"
    await nothing_is_left_of(conversation)
    for where in (runner, elsewhere):
        with pytest.raises(TurnNotFound):
            await ended(where, opened.turn_id)
    usage = await Usage.objects.aget()
    assert usage.completion_tokens > 0, "what was used stays counted"
    assert await Reservation.objects.filter(state="open").acount() == 0
    assert await sync_to_async(check_books)() == []
    with pytest.raises(ConversationNotFound):
        await runner.start_turn(principal=alice, request=asking(conversation))


async def test_answers_that_ended_a_moment_ago_go_out_of_redis_too(runner, alice, scripted):
    scripted._script = (say("secret"),)
    conversation = await new_conversation(alice)
    finished = await runner.finish(await runner.start_turn(principal=alice, request=asking(conversation)))
    while not in_redis(finished.turn_id):
        await asyncio.sleep(0.02)
    await delete(alice, conversation)
    assert not in_redis(finished.turn_id)
    await nothing_is_left_of(conversation)


async def test_deleting_stopping_and_ending_at_once_leave_one_ending_and_exact_books(runner, elsewhere, alice, scripted):
    """The three lock the same rows. In whatever order they come, nobody waits for ever and nobody's text comes back."""
    scripted._script = (say("a"), wait(0.015), say("b"))
    conversations = [await new_conversation(alice) for _ in range(30)]
    turns = [
        await (runner if n % 2 else elsewhere).start_turn(principal=alice, request=asking(conversation))
        for n, conversation in enumerate(conversations)
    ]

    async def stop(opened):
        with contextlib.suppress(TurnNotFound):  # it went with its conversation
            await elsewhere.stop_turn(principal=alice, turn_id=opened.turn_id)

    deletions = [sync_to_async(services.delete_conversation, thread_sensitive=False) for _ in conversations]
    work = [
        delete(principal=alice, conversation_id=conversation.uuid, origin=NOWHERE)
        for delete, conversation in zip(deletions, conversations, strict=True)
    ]
    await asyncio.wait_for(asyncio.gather(*work, *(stop(opened) for opened in turns)), 30)
    while runner.live or elsewhere.live:
        await asyncio.sleep(0.05)
    for conversation in conversations:
        await nothing_is_left_of(conversation)
    assert await Turn.objects.filter(state="running").acount() == 0
    assert await Reservation.objects.filter(state="open").acount() == 0
    assert await sync_to_async(check_books)() == []

"""A conversation that is deleted takes its text along, also out of an answer that is being written."""

import asyncio
import contextlib
import uuid

import pytest
import redis
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import transaction

from chatplatform.core.models import AuditEvent
from chatplatform.core.origin import NOWHERE, Origin
from conversations import services
from conversations.errors import ConversationNotFound, TurnNotFound
from conversations.models import (
    Conversation,
    ConversationDocument,
    Message,
    MessageRevision,
    Reference,
    SearchEntry,
    Turn,
    VendorThread,
)
from conversations.turns.events import ENDINGS, TurnStopped
from conversations.turns.stream import stream_key
from providers.models import Provider
from providers.testing import ScriptedProvider, say, wait
from quotas.models import Reservation, Usage
from quotas.selectors import check_books
from retrieval.models import Document
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
    opened = await runner.start_turn(principal=alice, request=asking(conversation, temperature=1.0, stop=("Secret",)))
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
    assert (await Turn.objects.aget(uuid=opened.turn_id)).options == {"temperature": 1.0}, "what it was to stop at is text, too"
    for where in (runner, elsewhere):
        with pytest.raises(TurnNotFound):
            await ended(where, opened.turn_id)
    usage = await Usage.objects.aget()
    assert usage.completion_tokens > 0, "what was used stays counted"
    assert await Reservation.objects.filter(state="open").acount() == 0
    assert await sync_to_async(check_books)() == []
    with pytest.raises(ConversationNotFound):
        await runner.start_turn(principal=alice, request=asking(conversation))


def everything_in(conversation) -> list[int]:
    """How many rows there are of each kind that holds something of it."""
    return [
        MessageRevision.objects.filter(message__conversation=conversation).count(),
        Reference.objects.filter(message__conversation=conversation).count(),
        SearchEntry.objects.filter(conversation=conversation).count(),
        VendorThread.objects.filter(conversation=conversation).count(),
        ConversationDocument.objects.filter(conversation=conversation).count(),
    ]


def fill(principal) -> Conversation:
    """A conversation with something of each kind."""
    earlier = [("user", "secret question"), ("assistant", "secret answer")]
    conversation = services.create_conversation(
        principal=principal, contract="test", title="Secret", description="secret", metadata={"secret": 1}, earlier=earlier
    )
    message = Message.objects.filter(conversation=conversation).latest("pk")
    MessageRevision.objects.create(message=message, content="secret before")
    Message.objects.filter(pk=message.pk).update(metadata={"secret": 1})
    VendorThread.objects.create(conversation=conversation, provider=Provider.objects.get(), thread="secret", after=message)
    document = Document.objects.create(
        owner_id=principal.user_id,
        original_name="a.txt",
        kind="document",
        extension="txt",
        size=1,
        sha256=conversation.uuid.bytes * 2,
    )
    ConversationDocument.objects.create(conversation=conversation, document=document)
    Reference.objects.create(
        message=message,
        position=1,
        document=document,
        document_uuid=document.uuid,
        document_version=1,
        chunk_uuid=uuid.uuid4(),
        file_type="txt",
        start=0,
        end=6,
        excerpt="secret",
        score=1,
    )
    return conversation


def test_all_that_tells_of_it_goes_and_nothing_of_others(alice, bob):
    hers, kept, his = fill(alice), fill(alice), fill(bob)
    assert everything_in(hers) == [1, 1, 3, 1, 1]
    others = (everything_in(kept), everything_in(his))
    services.delete_conversation(principal=alice, conversation_id=hers.uuid, origin=Origin("192.0.2.1", "a\x00gent", "req_1"))
    assert everything_in(hers) == [0, 0, 0, 0, 0]
    assert set(Message.objects.filter(conversation=hers).values_list("content", "metadata__secret")) == {("", None)}
    row = Conversation.objects.get(pk=hers.pk)
    assert (row.title, row.description, row.metadata, row.message_count) == ("", "", {}, 2)
    assert (everything_in(kept), everything_in(his)) == others
    assert Message.objects.filter(conversation__in=[kept, his]).exclude(content="").count() == 4
    event = AuditEvent.objects.get()
    assert (event.action, event.actor_id, event.target) == (
        "conversation.deleted",
        alice.user_id,
        f"conversation:{hers.uuid}",
    )
    assert (event.address, event.user_agent, event.request_id, event.outcome) == ("192.0.2.1", "a\\x00gent", "req_1", "ok")


def test_it_is_two_statements_that_go_out_together(alice, django_assert_num_queries):
    by_id, by_number = fill(alice), fill(alice)
    for named in (by_id.uuid, by_number.pk):
        with django_assert_num_queries(4):  # the transaction's beginning and end among them
            services.delete_conversation(principal=alice, conversation_id=named, origin=NOWHERE)
    assert not Message.objects.exclude(content="").exists()


def test_what_is_not_hers_or_gone_already_is_not_found(alice, bob):
    his, hers = fill(bob), fill(alice)
    services.delete_conversation(principal=alice, conversation_id=hers.pk, origin=NOWHERE)
    for named in (his.uuid, his.pk, hers.uuid, hers.pk, uuid.uuid4()):
        with pytest.raises(ConversationNotFound):
            services.delete_conversation(principal=alice, conversation_id=named, origin=NOWHERE)
    assert everything_in(his) == [1, 1, 3, 1, 1]
    assert AuditEvent.objects.count() == 1


async def test_what_somebody_stores_while_it_waits_to_be_deleted_goes_too(alice):
    """The other transaction holds the conversation, and is done with what it stores only when the deletion waits already."""
    conversation = await sync_to_async(fill)(alice)
    is_held, go_on = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def store():
        with transaction.atomic():
            Conversation.objects.select_for_update(no_key=True).get(pk=conversation.pk)
            loop.call_soon_threadsafe(is_held.set)
            asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result(10)
            Message.objects.create(conversation=conversation, role="user", content="secret, too")

    storing = asyncio.create_task(sync_to_async(store, thread_sensitive=False)())
    await is_held.wait()
    deleting = asyncio.create_task(
        sync_to_async(services.delete_conversation, thread_sensitive=False)(
            principal=alice, conversation_id=conversation.uuid, origin=NOWHERE
        )
    )
    await asyncio.sleep(0.3)
    assert not deleting.done()
    go_on.set()
    await asyncio.gather(storing, deleting)
    await nothing_is_left_of(conversation)


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

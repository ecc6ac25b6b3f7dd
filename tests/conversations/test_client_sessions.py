"""A session's name leads to its conversation, until it is ended."""

import asyncio
import uuid
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async

from chatplatform.contracts.beginning import session_for
from chatplatform.core.errors import ContextTooLong
from chatplatform.core.origin import NOWHERE
from conversations import selectors, services
from conversations.client_sessions import OpenSession, clear_session, open_session, read_session_info
from conversations.errors import ConversationNotFound, SessionNotFound
from conversations.models import ClientSession, Conversation, Message
from conversations.turns.events import TurnStopped
from providers.testing import ScriptedProvider, say, wait
from tests.conversations.acting import asking, ended

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def scripted():
    def talk(request):
        yield say(f"heard {request.messages[-1].content}")
        if request.messages[-1].content == "for long":
            for _ in range(1000):
                yield from (say("…"), wait(0.01))

    return ScriptedProvider(talk)


def enter(principal, name="demo", **more) -> OpenSession:
    return open_session(principal=principal, contract="test", name=name, **more)


def clear(principal, name="demo", *, delete=False):
    return clear_session(principal=principal, name=name, origin=NOWHERE, delete=delete)


async def send(runner, principal, content, name="demo", **more):
    async with session_for(principal=principal, contract="test", name=name, **more) as session:
        conversation = await Conversation.objects.aget(uuid=session.conversation_id)
        opened = await runner.start_turn(principal=principal, request=asking(conversation, content))
    return session, opened


def test_a_name_leads_to_the_same_conversation_each_time(alice):
    first = enter(alice, "我的会话 😀", label="user123")
    again = enter(alice, "我的会话 😀")
    assert (first.is_new, again.is_new) == (True, False)
    assert first.conversation_id == again.conversation_id
    info = read_session_info(principal=alice, name="我的会话 😀")
    assert (info.conversation_id, info.status, info.label) == (first.conversation_id, "active", "user123")
    assert info.last_used_at >= again.opened_at > first.opened_at


def test_without_a_name_one_is_made_up_that_nobody_can_guess(alice):
    one, other = enter(alice, None), enter(alice, None)
    assert one.name.startswith("sess_")
    assert len(one.name) == 37
    assert one.conversation_id != other.conversation_id
    assert enter(alice, one.name).conversation_id == one.conversation_id


def test_a_name_is_its_accounts_own(alice, bob):
    hers, his = enter(alice), enter(bob)
    assert hers.conversation_id != his.conversation_id
    clear(bob)
    assert read_session_info(principal=alice, name="demo").status == "active"
    with pytest.raises(SessionNotFound):
        read_session_info(principal=bob, name="hers only")
    with pytest.raises(SessionNotFound):
        clear(bob, "hers only")


def test_one_of_her_conversations_can_be_put_behind_a_name(alice):
    hers = services.create_conversation(principal=alice, contract="other", title="Begun elsewhere")
    enter(alice)
    enter(alice, conversation_id=hers.uuid)
    session = enter(alice)
    assert (session.conversation_id, session.is_new) == (hers.uuid, False)
    assert enter(alice, None, conversation_id=hers.uuid).conversation_id == hers.uuid


def test_a_conversation_that_is_not_hers_is_not_found_and_changes_nothing(alice, bob):
    his = services.create_conversation(principal=bob, contract="test")
    gone = services.create_conversation(principal=alice, contract="test")
    services.delete_conversation(principal=alice, conversation_id=gone.uuid, origin=NOWHERE)
    before = enter(alice)
    for named in (his.uuid, gone.uuid, uuid.uuid4()):
        with pytest.raises(ConversationNotFound):
            enter(alice, conversation_id=named)
        with pytest.raises(ConversationNotFound):
            enter(alice, "new", conversation_id=named)
    assert enter(alice).conversation_id == before.conversation_id
    assert ClientSession.objects.filter(user_id=alice.user_id).count() == 1


def test_a_conversation_that_was_deleted_elsewhere_is_followed_by_a_new_one(alice):
    before = enter(alice)
    services.delete_conversation(principal=alice, conversation_id=before.conversation_id, origin=NOWHERE)
    info = read_session_info(principal=alice, name="demo")
    assert (info.status, info.conversation_id, info.message_count) == ("cleared", None, 0)
    after = enter(alice)
    assert after.is_new
    assert after.conversation_id != before.conversation_id


async def test_many_at_once_with_one_new_name_get_one_conversation(alice):
    call = sync_to_async(enter, thread_sensitive=False)
    sessions = await asyncio.gather(*(call(alice) for _ in range(8)))
    assert len({session.conversation_id for session in sessions}) == 1
    assert [session.is_new for session in sessions].count(True) == 1
    assert await Conversation.objects.acount() == await ClientSession.objects.acount() == 1


async def test_what_is_said_counts_as_use(runner, alice):
    session, opened = await send(runner, alice, "Why?")
    await ended(runner, opened.turn_id)
    await ClientSession.objects.aupdate(last_used_at=session.opened_at - timedelta(days=1))
    info = await sync_to_async(read_session_info)(principal=alice, name="demo")
    assert info.message_count == 2
    assert info.last_used_at > session.opened_at


async def test_clearing_begins_another_conversation_and_leaves_the_old_one_to_its_account(runner, alice):
    session, opened = await send(runner, alice, "Why?")
    await ended(runner, opened.turn_id)
    at = await sync_to_async(clear)(alice)
    info = await sync_to_async(read_session_info)(principal=alice, name="demo")
    assert (info.status, info.conversation_id, info.last_used_at) == ("cleared", None, at)
    after, _ = await send(runner, alice, "And why?")
    assert after.conversation_id != session.conversation_id
    kept = await sync_to_async(selectors.read_conversation)(principal=alice, conversation_id=session.conversation_id)
    assert [message.content for message in kept.thread] == ["Why?", "heard Why?"]


async def test_clearing_twice_is_the_same_as_once(runner, alice):
    await send(runner, alice, "Why?")
    await sync_to_async(clear)(alice)
    await sync_to_async(clear)(alice)
    assert (await sync_to_async(read_session_info)(principal=alice, name="demo")).status == "cleared"


@pytest.mark.parametrize("delete", [False, True])
async def test_clearing_stops_the_answer_that_is_being_written(runner, elsewhere, alice, scripted, delete):
    session, opened = await send(runner, alice, "for long")
    await runner.wait_first_event(opened.turn_id)
    ending = asyncio.create_task(ended(runner, opened.turn_id))
    await sync_to_async(clear)(alice, delete=delete)
    assert isinstance(await asyncio.wait_for(ending, 5), TurnStopped)
    assert scripted.hung_up == 1
    conversation = await Conversation.objects.aget(uuid=session.conversation_id)
    assert (conversation.deleted_at is not None) is delete
    assert await Message.objects.filter(conversation=conversation).exclude(content="").aexists() is not delete


async def test_a_session_that_began_with_a_refused_message_is_none(runner, alice):
    for name in ("demo", None):
        with pytest.raises(ContextTooLong):
            await send(runner, alice, "word " * 5000, name=name)
    assert not await ClientSession.objects.aexists()
    assert not await Conversation.objects.aexists()


async def test_a_refused_message_leaves_a_session_that_was_there(runner, alice):
    _, opened = await send(runner, alice, "Why?")
    await ended(runner, opened.turn_id)
    with pytest.raises(ContextTooLong):
        await send(runner, alice, "word " * 5000)
    await sync_to_async(clear)(alice)
    with pytest.raises(ContextTooLong):
        await send(runner, alice, "word " * 5000)
    assert await Conversation.objects.acount() == 1
    assert (await sync_to_async(read_session_info)(principal=alice, name="demo")).status == "cleared"


async def test_a_refused_message_does_not_take_the_session_from_another_that_came_at_once(runner, alice):
    """The other has opened the session and is about to send."""

    async def refused():
        async with session_for(principal=alice, contract="test", name="demo"):
            await sync_to_async(enter)(alice)
            raise ContextTooLong

    with pytest.raises(ContextTooLong):
        await refused()
    assert await Conversation.objects.acount() == await ClientSession.objects.acount() == 1

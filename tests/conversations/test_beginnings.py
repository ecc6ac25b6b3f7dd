"""A conversation begins once, under the id that was asked for, for whoever asked first."""

import asyncio
import uuid
from dataclasses import replace

import pytest
from asgiref.sync import sync_to_async

from chatplatform.contracts.beginning import conversation_for
from chatplatform.core.errors import ContextTooLong
from chatplatform.core.origin import NOWHERE
from chatplatform.core.pages import PageRequest
from conversations import search, selectors, services
from conversations.errors import ConversationNotFound
from conversations.models import Conversation, Message
from providers.errors import AgentNotFound, ProviderNotAccessible, UnknownModel
from providers.models import Agent, Kind, Provider
from providers.testing import say
from tests.conversations.acting import asking, new_conversation

pytestmark = pytest.mark.django_db(transaction=True)
SAID = [("system", "Be short."), ("user", "你好 Python"), ("assistant", "Hello."), ("system", "Be kind."), ("user", "Why?")]


def begin(principal, **facts) -> tuple[Conversation, bool]:
    return services.find_or_create(principal=principal, contract="test", **facts)


def test_an_unknown_id_is_given_to_a_new_conversation_and_found_again_as_it_is(alice):
    named = uuid.uuid4()
    made, is_new = begin(alice, conversation_id=named, title="First")
    assert (made.uuid, made.title, made.model, is_new) == (named, "First", "script", True)
    again, is_new = begin(alice, conversation_id=named, title="Second", earlier=SAID, model="no such")
    assert (again.pk, again.title, again.message_count, is_new) == (made.pk, "First", 0, False)


def test_without_an_id_each_call_makes_another(alice):
    assert begin(alice)[0].uuid != begin(alice)[0].uuid


def test_an_id_that_is_somebody_elses_or_was_deleted_is_not_found(alice, bob):
    his, hers = begin(bob)[0], begin(alice)[0]
    services.delete_conversation(principal=alice, conversation_id=hers.uuid, origin=NOWHERE)
    for named in (his.uuid, hers.uuid):
        with pytest.raises(ConversationNotFound):
            begin(alice, conversation_id=named)
    assert Conversation.objects.count() == 2


def test_the_name_of_a_call_is_ones_own(alice, bob):
    hers, his = begin(alice, once="the same")[0], begin(bob, once="the same")[0]
    assert hers.uuid != his.uuid
    assert begin(alice, once="the same") == (hers, False)


def test_what_was_said_before_is_a_branch_that_is_found_by_its_words(alice):
    conversation = begin(alice, earlier=SAID, system_message="Last.")[0]
    thread = selectors.read_conversation(principal=alice, conversation_id=conversation.uuid)
    assert thread.system_message == "Be short.\n\nBe kind.\n\nLast."
    assert [(message.role, message.content) for message in thread.thread] == [SAID[1], SAID[2], SAID[4]]
    assert thread.conversation.message_count == 3
    assert thread.conversation.title == "你好 Python"
    parents = list(Message.objects.order_by("id").values_list("pk", "parent_id"))
    assert [parent for _own, parent in parents] == [None, parents[0][0], parents[1][0]]
    assert Conversation.objects.get().leaf_id == parents[-1][0]
    for word in ("你好", "hello", "pyth"):
        found = search.matching(principal=alice, conversations=selectors.conversations_of(alice), text=word)
        assert list(found) == [conversation], word


def test_ten_thousand_messages_take_a_handful_of_statements(alice, django_assert_max_num_queries):
    said = [("user" if n % 2 else "assistant", f"message {n} 编号") for n in range(10_000)]
    with django_assert_max_num_queries(20):
        conversation = begin(alice, earlier=said)[0]
    page = PageRequest(number=100, size=100)
    oldest = selectors.list_messages(principal=alice, conversation_id=conversation.uuid, page=page).items
    assert (conversation.message_count, oldest[-1].content) == (10_000, "message 0 编号")


async def test_an_agent_answers_what_comes_later(runner, alice, scripted):
    scripted._script = (say("Arr."),)
    agent = await Agent.objects.acreate(name="Pirate", system_prompt="Talk like a pirate.")
    conversation = await new_conversation(alice, agent_id=agent.uuid)
    assert conversation.agent_id == agent.pk
    await runner.finish(await runner.start_turn(principal=alice, request=asking(conversation)))
    assert "pirate" in scripted.requests[0].messages[0].content


def test_an_agent_that_is_inactive_or_out_of_reach_begins_nothing(alice):
    far = Provider.objects.create(name="far", kind=Kind.CUSTOM, base_url="http://127.0.0.1:9", default_model="m")
    asleep = Agent.objects.create(name="Asleep", status=Agent.Status.INACTIVE)
    hidden = Agent.objects.create(name="Hidden", provider=far)
    admin = replace(alice, role="admin")
    for who, agent_id in ((alice, asleep.uuid), (alice, hidden.uuid), (alice, uuid.uuid4()), (admin, asleep.uuid)):
        with pytest.raises(AgentNotFound):
            begin(who, agent_id=agent_id)
    assert begin(admin, agent_id=hidden.uuid)[0].agent == hidden


def test_who_is_to_answer_is_checked_when_it_is_said(alice):
    for facts, refusal in (({"model": "no such"}, UnknownModel), ({"provider_id": 10**9}, ProviderNotAccessible)):
        with pytest.raises(refusal):
            begin(alice, **facts)
    assert not Conversation.objects.exists()


async def test_many_at_once_make_one_conversation(alice):
    """Each brings what was said before: it is stored once."""
    named = uuid.uuid4()
    call = sync_to_async(begin, thread_sensitive=False)
    made = await asyncio.gather(*(call(alice, conversation_id=named, earlier=SAID) for _ in range(8)))
    assert {conversation.uuid for conversation, _ in made} == {named}
    assert [is_new for _, is_new in made].count(True) == 1
    assert await Message.objects.acount() == 3


async def test_two_people_who_want_one_id_at_once_have_one_winner(alice, bob):
    named = uuid.uuid4()
    call = sync_to_async(begin, thread_sensitive=False)
    outcomes = await asyncio.gather(
        *(call(who, conversation_id=named) for who in (alice, bob, alice, bob)), return_exceptions=True
    )
    owner = (await Conversation.objects.aget()).user_id
    for who, outcome in zip((alice, bob, alice, bob), outcomes, strict=True):
        assert isinstance(outcome, tuple if who.user_id == owner else ConversationNotFound), outcome


async def send(runner, principal, named, content, **facts):
    async with conversation_for(principal=principal, contract="test", conversation_id=named, **facts) as conversation_id:
        conversation = await Conversation.objects.aget(uuid=conversation_id)
        return await runner.start_turn(principal=principal, request=asking(conversation, content))


async def test_what_is_made_for_a_refused_message_goes_with_it(runner, alice):
    for named in (None, uuid.uuid4()):
        with pytest.raises(ContextTooLong):
            await send(runner, alice, named, "word " * 5000, earlier=SAID)
    assert not await Conversation.objects.aexists()
    assert not await Message.objects.aexists()


async def test_what_was_there_stays_when_a_message_is_refused(runner, alice):
    hers = await new_conversation(alice)
    for named in (hers.uuid, hers.pk):
        with pytest.raises(ContextTooLong):
            await send(runner, alice, named, "word " * 5000)
    assert await Conversation.objects.acount() == 1


async def test_a_refused_message_does_not_take_what_another_has_begun(runner, alice, scripted):
    """Both came with the same new id: one made it, the other was accepted in it."""
    named = uuid.uuid4()

    async def send_too():
        async with conversation_for(principal=alice, contract="test", conversation_id=named) as conversation_id:
            await send(runner, alice, conversation_id, "Why?")
            raise ContextTooLong

    with pytest.raises(ContextTooLong):
        await send_too()
    assert (await Conversation.objects.aget()).uuid == named


async def test_a_number_that_is_nobodys_begins_nothing(runner, alice, bob):
    his = await new_conversation(bob)
    for number in (his.pk, 10**9):
        with pytest.raises(ConversationNotFound):
            await send(runner, alice, number, "Why?")

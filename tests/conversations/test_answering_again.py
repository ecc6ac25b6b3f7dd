"""An answer given anew: a sibling of the old one, with settings and a history of its own."""

from __future__ import annotations

import asyncio

import pytest
from asgiref.sync import sync_to_async

from chatplatform.core.errors import InvalidInput, KeyReused
from chatplatform.core.origin import NOWHERE
from conversations import services
from conversations.errors import ConversationBusy, MessageNotFound
from conversations.models import Conversation, Message, Turn
from conversations.selectors import read_conversation
from conversations.turns.events import TurnCompleted
from providers.testing import ScriptedProvider, say, wait
from quotas.models import Usage
from quotas.selectors import check_books
from tests.conversations.acting import asking, new_conversation, read
from tests.conversations.library import new_document, new_topic, passage


@pytest.fixture
def scripted():
    def talk(request):
        yield say(f"{request.messages[-1].content} {request.temperature}")

    return ScriptedProvider(talk)


def again(conversation, answer_id, **more):
    return asking(conversation, "", regenerates=answer_id, **more)


async def ask(runner, principal, request):
    return await runner.finish(await runner.start_turn(principal=principal, request=request))


async def test_it_is_a_sibling_with_its_own_settings_and_becomes_the_end_of_the_branch(runner, alice):
    conversation = await new_conversation(alice)
    first = await ask(runner, alice, asking(conversation, "Why?"))
    request = again(conversation, first.assistant_message.id, temperature=0.5, max_tokens=99, metadata={"reason": "dull"})
    second = await ask(runner, alice, request)
    assert second.assistant_message.content == "Why? 0.5"
    assert second.user_message.id == first.user_message.id
    question, old, new = [m async for m in Message.objects.filter(conversation=conversation).order_by("id")]
    assert (old.parent_id, new.parent_id) == (question.pk, question.pk)
    assert (old.content, new.metadata) == ("Why? None", {"reason": "dull"})
    row = await Conversation.objects.aget(pk=conversation.pk)
    assert (row.leaf_id, row.message_count, row.title) == (new.pk, 3, "Why?")
    turn = await Turn.objects.aget(answer=new)
    assert turn.options == {"temperature": 0.5, "max_tokens": 99}
    detail = await sync_to_async(read_conversation)(principal=alice, conversation_id=conversation.uuid)
    assert len(detail.thread) == 3


async def test_its_history_ends_before_its_question(runner, alice, scripted):
    conversation = await new_conversation(alice, system_message="Be brief.")
    await ask(runner, alice, asking(conversation, "One?"))
    second = await ask(runner, alice, asking(conversation, "Two?"))
    await ask(runner, alice, asking(conversation, "Three?"))
    await ask(runner, alice, again(conversation, second.assistant_message.id))
    assert [(m.role, m.content) for m in scripted.requests[-1].messages] == [
        ("system", "Be brief."),
        ("user", "One?"),
        ("assistant", "One? None"),
        ("user", "Two?"),
    ]
    await ask(runner, alice, asking(conversation, "Four?"))
    assert [m.content for m in scripted.requests[-1].messages if m.role == "user"] == ["One?", "Two?", "Four?"], (
        "a branch of its own"
    )


async def test_a_question_that_was_edited_is_answered_as_it_is_now(runner, alice, scripted):
    conversation = await new_conversation(alice)
    first = await ask(runner, alice, asking(conversation, "Why?"))
    edit = sync_to_async(services.edit_message)
    await edit(principal=alice, message_id=first.user_message.id, content="How?", origin=NOWHERE)
    finished = await ask(runner, alice, again(conversation, first.assistant_message.id))
    assert scripted.requests[-1].messages[-1].content == "How?"
    assert finished.user_message.edited_at is not None


async def test_it_reads_documents_anew(runner, alice, library, scripted):
    scripted._script = (say("Yes [1]."),)
    topic = await sync_to_async(new_topic)(alice)
    conversation = await new_conversation(alice, topic_id=topic.pk)
    first = await ask(runner, alice, asking(conversation, "Why?"))
    document = await sync_to_async(new_document)(alice, "It was uploaded since.")
    library.passages = [await sync_to_async(passage)(document)]
    second = await ask(runner, alice, again(conversation, first.assistant_message.id))
    assert [asked["question"] for asked in library.asked] == ["Why?", "Why?"]
    assert (first.references, [reference.position for reference in second.references]) == ((), [1])
    assert "It was uploaded since." in scripted.requests[-1].messages[-1].content


async def test_what_is_no_answer_to_a_question_cannot_be_given_anew(runner, alice, bob):
    conversation = await new_conversation(alice)
    other = await new_conversation(alice)
    first = await ask(runner, alice, asking(conversation, "Why?"))
    with pytest.raises(InvalidInput):
        await ask(runner, alice, again(conversation, first.user_message.id))
    with pytest.raises(MessageNotFound):
        await ask(runner, alice, again(other, first.assistant_message.id))
    mine = await new_conversation(bob)
    with pytest.raises(MessageNotFound):
        await ask(runner, bob, again(mine, first.assistant_message.id))
    delete = sync_to_async(services.delete_message)
    await delete(principal=alice, message_id=first.user_message.id, origin=NOWHERE)
    with pytest.raises(InvalidInput):
        await ask(runner, alice, again(conversation, first.assistant_message.id))
    await delete(principal=alice, message_id=first.assistant_message.id, origin=NOWHERE)
    with pytest.raises(MessageNotFound):
        await ask(runner, alice, again(conversation, first.assistant_message.id))
    assert await Turn.objects.acount() == 1


async def test_one_turn_at_a_time_and_the_same_key_once(runner, elsewhere, alice, scripted):
    conversation = await new_conversation(alice)
    first = await ask(runner, alice, asking(conversation, "Why?"))
    gate = asyncio.Event()
    scripted._script = (say("again"), wait(gate))
    request = again(conversation, first.assistant_message.id, client_key="k1")
    opened = await runner.start_turn(principal=alice, request=request)
    with pytest.raises(ConversationBusy):
        await elsewhere.start_turn(principal=alice, request=again(conversation, first.assistant_message.id))
    attached = await elsewhere.start_turn(principal=alice, request=request)
    assert (attached.turn_id, attached.attached) == (opened.turn_id, True)
    with pytest.raises(KeyReused):
        await elsewhere.start_turn(principal=alice, request=again(conversation, opened.answer_id, client_key="k1"))
    gate.set()
    assert isinstance((await read(runner, opened.turn_id))[-1], TurnCompleted)
    assert await Usage.objects.acount() == 2, "an answer given anew counts too"
    assert await sync_to_async(check_books)() == []

"""Editing and deleting what was said, also while it is being answered."""

import threading

import pytest
from asgiref.sync import sync_to_async
from django.db import connection, transaction

from chatplatform.core.models import AuditEvent
from chatplatform.core.origin import NOWHERE
from conversations import selectors, services
from conversations.errors import ConversationBusy, MessageNotFound
from conversations.models import Conversation, Message, MessageRevision, Turn
from conversations.turns import opening, store
from conversations.turns.events import TextAdded, TurnCompleted, TurnStopped
from conversations.turns.usage import measure
from providers.testing import ScriptedProvider, say, wait
from quotas.selectors import check_books
from tests.conversations.acting import asking, ended, new_conversation, read


@pytest.fixture
def scripted():
    """A question that ends in dots is answered until somebody stops it."""

    def steps(request):
        return [say("Be"), wait(60) if request.messages[-1].content.endswith("…") else say("cause")]

    return ScriptedProvider(steps)


async def talk(runner, principal, *questions):
    conversation = await new_conversation(principal)
    turns = []
    for question in questions or ("Why?",):
        turns.append(await runner.start_turn(principal=principal, request=asking(conversation, question)))
        await runner.finish(turns[-1])
    return conversation, turns


@sync_to_async
def edit(principal, message_id, content):
    return services.edit_message(principal=principal, message_id=message_id, content=content, origin=NOWHERE)


@sync_to_async
def delete(principal, message_id):
    services.delete_message(principal=principal, message_id=message_id, origin=NOWHERE)
    assert check_books() == []


@sync_to_async
def shown(principal, conversation):
    detail = selectors.read_conversation(principal=principal, conversation_id=conversation.uuid)
    row = Conversation.objects.select_related("leaf").get(uuid=conversation.uuid)
    return row, [(view.role, view.content) for view in detail.thread]


class TestEditing:
    async def test_an_edited_question_is_what_later_turns_send_and_the_old_text_is_kept(self, runner, alice, scripted):
        conversation, (turn,) = await talk(runner, alice, "Why?")
        view = await edit(alice, turn.user_message.id, "Why not?")
        assert (view.content, view.role) == ("Why not?", "user")
        assert view.edited_at is not None
        await runner.finish(await runner.start_turn(principal=alice, request=asking(conversation, "And?")))
        assert [m.content for m in scripted.requests[-1].messages] == ["Why not?", "Because", "And?"]
        assert [revision.content async for revision in MessageRevision.objects.all()] == ["Why?"]
        assert await AuditEvent.objects.filter(action="message.edited").acount() == 1

    async def test_the_same_text_again_is_no_edit(self, runner, alice):
        _, (turn,) = await talk(runner, alice, "Why?")
        view = await edit(alice, turn.user_message.id, "Why?")
        assert view.edited_at is None
        assert not await MessageRevision.objects.aexists()

    async def test_an_edited_answer_is_read_again_as_it_is_now(self, runner, alice):
        conversation, (turn,) = await talk(runner, alice)
        await edit(alice, turn.answer_id, "No reason.")
        events = await read(runner, turn.turn_id)
        assert [event.text for event in events if isinstance(event, TextAdded)] == ["No reason."]
        assert isinstance(events[-1], TurnCompleted)
        assert [event.n for event in events] == [1, 2, 3]
        assert (await shown(alice, conversation))[1][1] == ("assistant", "No reason.")

    async def test_while_it_is_answered_it_is_refused_and_names_the_turn(self, runner, alice):
        conversation, (first,) = await talk(runner, alice, "First")
        opened = await runner.start_turn(principal=alice, request=asking(conversation, "Second…"))
        await runner.wait_first_event(opened.turn_id)
        for message_id in (opened.user_message.id, opened.answer_id):
            with pytest.raises(ConversationBusy) as refused:
                await edit(alice, message_id, "other")
            assert refused.value.turn_id == opened.turn_id
        await edit(alice, first.user_message.id, "another first")
        await runner.stop_turn(principal=alice, turn_id=opened.turn_id)
        await edit(alice, opened.user_message.id, "other")

    async def test_what_a_dead_process_left_is_healed_instead(self, runner, alice):
        conversation = await new_conversation(alice)
        opened = await runner.start_turn(principal=alice, request=asking(conversation, "Why…"))
        await runner.wait_first_event(opened.turn_id)
        await Turn.objects.filter(uuid=opened.turn_id).aupdate(lease_until="2020-01-01T00:00:00Z", fence=opened.turn_id)
        assert (await edit(alice, opened.user_message.id, "other")).content == "other"
        assert (await Turn.objects.aget(uuid=opened.turn_id)).state == "interrupted"

    async def test_strangers_and_the_deleted_are_not_found(self, runner, alice, bob):
        conversation, (turn,) = await talk(runner, alice)
        with pytest.raises(MessageNotFound):
            await edit(bob, turn.user_message.id, "mine")
        with pytest.raises(MessageNotFound):
            await delete(bob, turn.user_message.id)
        await delete(alice, turn.user_message.id)
        with pytest.raises(MessageNotFound):
            await edit(alice, turn.user_message.id, "again")
        await sync_to_async(services.delete_conversation)(principal=alice, conversation_id=conversation.uuid, origin=NOWHERE)
        with pytest.raises(MessageNotFound):
            await edit(alice, turn.answer_id, "again")


class TestDeleting:
    async def test_the_text_goes_everywhere_and_the_tree_stays(self, runner, alice, scripted):
        conversation, (first, _) = await talk(runner, alice, "A secret", "Next")
        await edit(alice, first.user_message.id, "A better secret")
        await delete(alice, first.user_message.id)
        row, thread = await shown(alice, conversation)
        assert thread == [("assistant", "Because"), ("user", "Next"), ("assistant", "Because")]
        assert row.message_count == 3
        tombstone = await Message.objects.aget(uuid=first.user_message.id)
        assert tombstone.content == ""
        assert not await MessageRevision.objects.aexists()
        assert (await Message.objects.aget(uuid=first.answer_id)).parent_id == tombstone.pk
        await runner.finish(await runner.start_turn(principal=alice, request=asking(conversation, "More")))
        assert "secret" not in str(scripted.requests[-1].messages)
        assert [m.content for m in scripted.requests[-1].messages][-3:] == ["Next", "Because", "More"]

    async def test_a_title_that_repeats_the_text_goes_too(self, runner, alice):
        conversation, (turn,) = await talk(runner, alice, "A secret")
        await delete(alice, turn.user_message.id)
        assert (await shown(alice, conversation))[0].title == ""

    async def test_the_branch_ends_before_what_was_deleted_at_its_end(self, runner, alice, scripted):
        conversation, (first, second) = await talk(runner, alice, "One", "Two")
        for message_id, end in (
            (second.answer_id, second.user_message.id),
            (second.user_message.id, first.answer_id),
        ):
            await delete(alice, message_id)
            row = await Conversation.objects.select_related("leaf").aget(pk=conversation.pk)
            assert row.leaf.uuid == end
        await runner.finish(await runner.start_turn(principal=alice, request=asking(conversation, "Three")))
        assert [m.content for m in scripted.requests[-1].messages] == ["One", "Because", "Three"]

    async def test_when_all_is_deleted_the_conversation_is_empty_and_goes_on(self, runner, alice):
        conversation, (turn,) = await talk(runner, alice)
        await delete(alice, turn.user_message.id)
        await delete(alice, turn.answer_id)
        row, thread = await shown(alice, conversation)
        assert (row.leaf_id, row.message_count, thread) == (None, 0, [])
        await runner.finish(await runner.start_turn(principal=alice, request=asking(conversation, "Again")))
        assert [content for _, content in (await shown(alice, conversation))[1]] == ["Again", "Because"]

    async def test_deleting_an_answer_that_streams_stops_its_turn_everywhere(self, runner, elsewhere, alice):
        conversation = await new_conversation(alice)
        opened = await runner.start_turn(principal=alice, request=asking(conversation, "Why…"))
        await runner.wait_first_event(opened.turn_id)
        await delete(alice, opened.answer_id)
        for running in (runner, elsewhere):
            assert isinstance(await ended(running, opened.turn_id), TurnStopped)
        row, thread = await shown(alice, conversation)
        assert thread == [("user", "Why…")]
        assert row.message_count == 1
        stored = await Message.objects.select_related("turn").aget(uuid=opened.answer_id)
        assert (stored.content, stored.turn.text, stored.turn.state) == ("", "", "stopped")

    async def test_deleting_the_question_stops_the_turn_and_keeps_what_was_answered(self, runner, alice):
        conversation = await new_conversation(alice)
        opened = await runner.start_turn(principal=alice, request=asking(conversation, "Why…"))
        await runner.wait_first_event(opened.turn_id)
        while not (await Turn.objects.aget(uuid=opened.turn_id)).text:  # a round of the keeper's own may be under way
            await runner._keeper._save_round()
        await delete(alice, opened.user_message.id)
        assert isinstance(await ended(runner, opened.turn_id), TurnStopped)
        assert (await shown(alice, conversation))[1] == [("assistant", "Be")]


def test_a_turn_is_closed_only_with_its_conversation_in_hand(alice):
    """Who deletes holds the conversation and closes the turn: who closes the turn must not hold that and wait for the other."""
    from conversations.turns.request import TurnRequest

    conversation = services.create_conversation(principal=alice, contract="test")
    request = TurnRequest(conversation_id=conversation.uuid, content="Why?", contract="test")
    assignment = opening.open_turn(principal=alice, request=request)
    usage = measure(reported=None, prompt_estimate=3, text="x", model="script")
    ending = store.Ending(state="completed", text="x", marks=b"", usage=usage, free=False)
    closed = []

    def close():
        known = {"turn_id": assignment.opened.turn_id, "fence": assignment.fence, "user_id": alice.user_id, "price": None}
        closed.append(store.close_turn(**known, ending=ending))
        connection.close()

    with transaction.atomic():
        Conversation.objects.select_for_update(no_key=True).get(pk=conversation.pk)
        closing = threading.Thread(target=close)
        closing.start()
        closing.join(0.5)
        assert closing.is_alive(), "it waits for the conversation"
        Turn.objects.select_for_update(nowait=True).get(uuid=assignment.opened.turn_id)
        services.delete_message(principal=alice, message_id=assignment.opened.answer_id, origin=NOWHERE)
    closing.join(10)
    assert closed == [None], "the deletion closed it first"

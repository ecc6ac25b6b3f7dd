"""The reads that have SQL of their own say what the ORM says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError, connection, transaction
from django.db.models import Case, F, When

from chatplatform.core.origin import NOWHERE
from chatplatform.core.pages import PageRequest
from chatplatform.core.prepared import Int8, fetch_all
from conversations import selectors, services
from conversations.errors import ConversationNotFound
from conversations.models import Conversation, Message, Turn
from conversations.turns.request import MessageView
from providers.testing import ScriptedProvider, say
from tests.conversations.acting import asking, new_conversation

PAGES = [PageRequest(1, 3), PageRequest(2, 3), PageRequest(3, 3), PageRequest(1, 100), PageRequest(2**31 - 1, 100)]
MORNING = datetime(2026, 1, 15, 8, 30, tzinfo=UTC)


def talk(principal, *contents: str, deleted: frozenset[int] = frozenset(), **fields) -> Conversation:
    """A conversation with these messages in turn; those whose number is in `deleted` are tombstones."""
    conversation = Conversation.objects.create(user_id=principal.user_id, contract="test", **fields)
    leaf = None
    for number, content in enumerate(contents):
        leaf = Message.objects.create(
            conversation=conversation,
            parent=leaf,
            role=Message.Role.ASSISTANT if number % 2 else Message.Role.USER,
            content=content,
            created_at=MORNING + timedelta(minutes=number, microseconds=number),
            tokens_used=number,
            model="script" if number % 2 else "",
            edited_at=MORNING if number == 2 else None,
            deleted_at=MORNING if number in deleted else None,
        )
    conversation.leaf, conversation.message_count = leaf, len(contents) - len(deleted)
    conversation.save()
    return conversation


def running_turn(conversation: Conversation, text: str) -> Turn:
    assert conversation.leaf is not None
    return Turn.objects.create(
        user_id=conversation.user_id,
        conversation=conversation,
        answer=conversation.leaf,
        user_message=conversation.leaf.parent,
        contract="test",
        body_hash=b"",
        lease_until=MORNING,
        text=text,
    )


@pytest.fixture
def talks(alice, bob):
    """By what is special about them; the last was active first."""
    found = {
        "long": talk(alice, *(f"{number} 文字 🎉" for number in range(8)), title="long", system_message="Be brief."),
        "archived": talk(alice, "a", "b", title="archived", is_archived=True),
        "with tombstones": talk(alice, "", "one", "", "two", deleted=frozenset({0, 2}), system_message="x" * 10_000),
        "being answered": talk(alice, "why?", ""),
        "answer of a deleted question": talk(alice, "", "", deleted=frozenset({0})),
        "empty": talk(alice, model="script"),
        "deleted": talk(alice, "", deleted_at=MORNING),
        "bob's": talk(bob, "his"),
        "as old as another": talk(alice, "x"),
    }
    for minutes, conversation in enumerate(found.values()):
        moment = MORNING - timedelta(minutes=min(minutes, 7))
        Conversation.objects.filter(pk=conversation.pk).update(updated_at=moment, created_at=moment - timedelta(days=1))
    running_turn(found["being answered"], "Because")
    return found


def by_the_orm(conversation: Conversation) -> list[MessageView]:
    """Oldest first."""
    living = Message.objects.filter(conversation=conversation, deleted_at=None).order_by("id")
    shown = Case(When(content="", turn__isnull=False, then=F("turn__text")), default=F("content"))
    fields = ("uuid", "role", "shown", "tokens_used", "created_at", "status", "model", "turn__uuid", "edited_at")
    return [MessageView(*row) for row in living.annotate(shown=shown).values_list(*fields)]


def test_a_list_has_the_same_conversations_last_messages_and_total(alice, bob, talks):
    for principal in (alice, bob):
        for page in PAGES:
            plain = selectors.conversations_of(principal).filter(is_archived=False)
            assert selectors.list_conversations(principal=principal, page=page) == selectors.list_filtered(
                conversations=plain, page=page
            )
    everything = selectors.list_conversations(principal=alice, page=PageRequest(1, 100))
    assert everything.total == len(everything.items) == 6
    last = {item.conversation.uuid: item.last_message for item in everything.items}
    assert last[talks["empty"].uuid] is None
    assert last[talks["being answered"].uuid].content == "why?"
    assert last[talks["answer of a deleted question"].uuid].content == ""


def test_a_history_has_the_same_messages_and_total_in_both_orders(alice, talks):
    for name, conversation in talks.items():
        if name in ("deleted", "bob's"):
            continue
        oldest_first = by_the_orm(conversation)
        for newest_first, everything in ((False, oldest_first), (True, oldest_first[::-1])):
            for page in PAGES:
                read = selectors.list_messages(
                    principal=alice, conversation_id=conversation.uuid, page=page, newest_first=newest_first
                )
                assert list(read.items) == everything[page.offset : page.offset + page.size], (name, page)
                assert (read.number, read.size, read.total) == (page.number, page.size, len(everything))


def test_a_conversation_has_the_same_fields_and_messages(alice, talks):
    for name, conversation in talks.items():
        if name in ("deleted", "bob's"):
            continue
        row = Conversation.objects.get(pk=conversation.pk)
        read = selectors.read_conversation(principal=alice, conversation_id=conversation.uuid)
        assert read.system_message == row.system_message
        for field in ("uuid", "title", "model", "message_count", "is_archived", "created_at", "updated_at"):
            assert getattr(read.conversation, field) == getattr(row, field), (name, field)
        assert list(read.thread) == by_the_orm(conversation), name


def test_of_a_very_long_conversation_the_newest_thousand_are_shown(alice, talks):
    long = talks["long"]
    Message.objects.bulk_create(Message(conversation=long, role="user", content=str(number)) for number in range(1200))
    thread = selectors.read_conversation(principal=alice, conversation_id=long.uuid).thread
    assert [view.content for view in thread] == [str(number) for number in range(200, 1200)]


def test_what_is_deleted_somebody_elses_or_nowhere_is_not_found(alice, bob, talks):
    for principal, name in ((alice, "deleted"), (alice, "bob's"), (bob, "long"), (bob, None)):
        asked = {"principal": principal, "conversation_id": talks[name].uuid if name else uuid4()}
        with pytest.raises(ConversationNotFound):
            selectors.read_conversation(**asked)
        with pytest.raises(ConversationNotFound):
            selectors.list_messages(**asked, page=PageRequest(1, 10))


class TestTheKeptTotal:
    @pytest.fixture
    def scripted(self):
        return ScriptedProvider(lambda _request: [say("Because")])

    async def test_it_is_what_there_is_after_sends_and_deletions(self, runner, alice):
        conversation = await new_conversation(alice)
        for _ in range(2):
            await runner.finish(await runner.start_turn(principal=alice, request=asking(conversation)))

        @sync_to_async
        def page():
            return selectors.list_messages(
                principal=alice, conversation_id=conversation.uuid, page=PageRequest(1, 3), newest_first=False
            )

        assert (await page()).total == 4
        first = (await page()).items[0]
        await sync_to_async(services.delete_message)(principal=alice, message_id=first.id, origin=NOWHERE)
        assert ((await page()).total, len((await page()).items)) == (3, 3)


class TestFetching:
    """What the kept cursor must not change."""

    ONE = "SELECT %(value)s + 1"

    def test_a_connection_that_was_closed_is_opened_again(self, transactional_db):
        assert fetch_all(self.ONE, {"value": Int8(1)}) == [(2,)]
        connection.close()
        assert fetch_all(self.ONE, {"value": Int8(2)}) == [(3,)]

    def test_errors_are_djangos_and_the_next_read_is_well(self, transactional_db):
        with pytest.raises(OperationalError):
            fetch_all("SELECT pg_terminate_backend(pg_backend_pid())", {})
        connection.close_if_unusable_or_obsolete()
        assert fetch_all(self.ONE, {"value": Int8(1)}) == [(2,)]

    def test_a_broken_transaction_is_told_as_one(self, transactional_db):
        with transaction.atomic():
            transaction.set_rollback(True)
            with pytest.raises(transaction.TransactionManagementError):
                fetch_all(self.ONE, {"value": Int8(1)})

    def test_in_a_transaction_it_sees_what_the_transaction_wrote(self, alice, talks):
        with transaction.atomic():
            Conversation.objects.filter(pk=talks["long"].pk).update(title="new")
            assert selectors.read_conversation(principal=alice, conversation_id=talks["long"].uuid).conversation.title == "new"

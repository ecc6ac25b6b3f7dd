"""Conversations as sessions: with their settings, what they took, and how long each answer did."""

from __future__ import annotations

import uuid

import pytest
from asgiref.sync import sync_to_async

from chatplatform.core.errors import InvalidInput
from chatplatform.core.origin import NOWHERE
from chatplatform.core.pages import PageRequest
from conversations import services, sessions
from conversations.errors import ConversationNotFound, MessageNotFound
from conversations.models import Conversation, ConversationDocument, Message
from conversations.preferences import Preferences
from providers.errors import UnknownModel
from providers.testing import ScriptedProvider, report, say
from retrieval.errors import DocumentNotFound, TopicNotFound
from tests.conversations.acting import asking, new_conversation, person
from tests.conversations.library import new_document, new_topic, passage

PAGE = PageRequest(number=1, size=20)


def create(principal, **fields) -> Conversation:
    return services.create_conversation(principal=principal, contract="test", **fields)


def listed(principal, page=PAGE, **filters) -> list[str]:
    return [session.title for session in sessions.list_sessions(principal=principal, page=page, **filters).items]


class TestOneSession:
    def test_it_is_what_it_was_made_of(self, alice):
        topic = new_topic(alice)
        document = new_document(alice, "text")
        made = create(
            alice,
            title="Learning",
            description="About machines.",
            topic_id=topic.pk,
            settings={"temperature": 0.7, "relevance_threshold": 0.4},
            document_ids=[document.uuid],
            model="script",
        )
        session = sessions.read_session(principal=alice, conversation_id=made.uuid)
        assert (session.number, session.uuid, session.user_id, session.topic_id) == (made.pk, made.uuid, alice.user_id, topic.pk)
        assert (session.title, session.description, session.status, session.model) == (
            "Learning", "About machines.", "active", "script",
        )  # fmt: skip
        assert session.preferences == Preferences(temperature=0.7, relevance_threshold=0.4)
        assert (session.message_count, session.total_tokens, session.last_activity_at) == (0, 0, None)
        assert (session.created_at, session.updated_at) == (made.created_at, made.updated_at)
        assert ConversationDocument.objects.get().document_id == document.pk

    def test_what_is_somebody_elses_cannot_be_read_from(self, alice, bob):
        with pytest.raises(TopicNotFound):
            create(alice, topic_id=new_topic(bob).pk)
        with pytest.raises(TopicNotFound):
            create(alice, topic_id=2**40)
        with pytest.raises(DocumentNotFound):
            create(alice, document_ids=[new_document(bob, "hers").uuid])
        with pytest.raises(InvalidInput):
            create(alice, settings={"temperature": 7})
        assert Conversation.objects.count() == 0
        mine = create(alice)
        with pytest.raises(TopicNotFound):
            services.update_conversation(principal=alice, conversation_id=mine.uuid, topic_id=new_topic(bob).pk)

    def test_changes_are_merged_and_what_is_not_named_stays(self, alice, provider_row):
        from providers.models import Model

        Model.objects.create(provider=provider_row, name="another", context_window=4096)
        topic, document = new_topic(alice), new_document(alice, "text")
        made = create(alice, title="a", description="b", topic_id=topic.pk, settings={"temperature": 0.7, "max_tokens": 9})

        def change(**fields):
            services.update_conversation(principal=alice, conversation_id=made.uuid, **fields)
            return sessions.read_session(principal=alice, conversation_id=made.uuid)

        session = change(settings={"temperature": 0.5}, description="c", is_archived=True)
        assert (session.title, session.description, session.status, session.topic_id) == ("a", "c", "archived", topic.pk)
        assert (session.preferences.temperature, session.preferences.max_tokens) == (0.5, 9)
        session = change(model="another", topic_id=None, is_archived=False, document_ids=[document.uuid])
        assert (session.model, session.topic_id, session.status) == ("another", None, "active")
        assert ConversationDocument.objects.count() == 1
        change(document_ids=[])
        assert ConversationDocument.objects.count() == 0
        with pytest.raises(UnknownModel):
            change(model="no-such-model")

    def test_a_strangers_and_a_deleted_one_do_not_exist(self, alice, bob):
        made = create(alice)
        with pytest.raises(ConversationNotFound):
            sessions.read_session(principal=bob, conversation_id=made.uuid)
        services.delete_conversation(principal=alice, conversation_id=made.uuid, origin=NOWHERE)
        with pytest.raises(ConversationNotFound):
            sessions.read_session(principal=alice, conversation_id=made.uuid)


class TestTheList:
    def test_newest_activity_first_by_page(self, alice, bob):
        for number in range(5):
            create(alice, title=f"chat {number}")
        create(bob, title="not hers")
        assert listed(alice) == ["chat 4", "chat 3", "chat 2", "chat 1", "chat 0"]
        page = sessions.list_sessions(principal=alice, page=PageRequest(number=2, size=2))
        assert ([session.title for session in page.items], page.total) == (["chat 2", "chat 1"], 5)
        beyond = sessions.list_sessions(principal=alice, page=PageRequest(number=9, size=2))
        assert (beyond.items, beyond.total) == ([], 5)

    def test_by_status_topic_and_words_of_the_title(self, alice):
        topic = new_topic(alice)
        create(alice, title="机器学习的讨论", topic_id=topic.pk)
        create(alice, title="Deep learning", topic_id=topic.pk, is_archived=True)
        create(alice, title="Cooking")
        gone = create(alice, title="Gone", topic_id=topic.pk)
        services.delete_conversation(principal=alice, conversation_id=gone.uuid, origin=NOWHERE)
        assert listed(alice) == ["Cooking", "Deep learning", "机器学习的讨论"]
        assert listed(alice, status="active") == ["Cooking", "机器学习的讨论"]
        assert listed(alice, status="archived") == ["Deep learning"]
        assert listed(alice, status="deleted") == [""], "a tombstone has no text"
        assert listed(alice, topic_id=topic.pk) == ["Deep learning", "机器学习的讨论"]
        assert listed(alice, topic_id=topic.pk, status="active") == ["机器学习的讨论"]
        assert listed(alice, search="学习") == ["机器学习的讨论"]
        assert listed(alice, search="LEARN") == ["Deep learning"]
        assert listed(alice, search="learn", status="active") == []
        assert listed(alice, search="   ") == ["Cooking", "Deep learning", "机器学习的讨论"]
        assert listed(alice, search="%_'\"") == []

    def test_what_was_said_in_one_counts_and_nothing_of_the_others(self, alice):
        create(alice, title="b", earlier=[("user", "one two three"), ("assistant", "four")])
        create(alice, title="a")
        by_title = {session.title: session for session in sessions.list_sessions(principal=alice, page=PAGE).items}
        spoken, silent = by_title["b"], by_title["a"]
        assert (spoken.message_count, silent.message_count) == (2, 0)
        assert spoken.total_tokens == sum(Message.objects.values_list("tokens_used", flat=True)) > 0
        assert (silent.total_tokens, silent.last_activity_at) == (0, None)
        assert spoken.last_activity_at == spoken.updated_at


@pytest.fixture
def scripted():
    return ScriptedProvider(say("Because [1]."), report(150, 5))


async def ask(runner, principal, request):
    return await runner.finish(await runner.start_turn(principal=principal, request=request))


class TestMessages:
    async def test_an_answer_in_detail(self, runner, alice, library):
        document = await sync_to_async(new_document)(alice, "It is so.")
        library.passages = [await sync_to_async(passage)(document)]
        conversation = await new_conversation(alice, document_ids=[document.uuid])
        request = asking(conversation, temperature=0.7, content_type="markdown", metadata={"user_context": "初学者"})
        finished = await ask(runner, alice, request)
        read = sync_to_async(sessions.read_message)
        answer = await read(principal=alice, message_id=finished.assistant_message.id)
        question, same = await sync_to_async(sessions.read_turn)(principal=alice, turn_id=finished.turn_id)
        assert same == answer
        assert question == await read(principal=alice, message_id=finished.user_message.id)
        assert (question.content_type, question.metadata, question.role) == ("markdown", {"user_context": "初学者"}, "user")
        assert (question.turn_id, question.processing_ms, question.options) == (None, None, {})
        assert (answer.content_type, answer.parent_id, answer.conversation_id) == ("markdown", question.uuid, conversation.uuid)
        assert (answer.prompt_tokens, answer.completion_tokens, answer.tokens) == (150, 5, 5)
        assert (answer.model, answer.status, answer.options) == ("script", "complete", {"temperature": 0.7})
        assert answer.retrieval_ms == 7
        assert answer.processing_ms == answer.generation_ms + 7
        assert answer.updated_at >= answer.created_at > question.created_at
        session = await sync_to_async(sessions.read_session)(principal=alice, conversation_id=conversation.uuid)
        assert session.total_tokens == question.tokens + 5

    async def test_what_is_not_hers_or_deleted_does_not_exist(self, runner, alice, bob):
        conversation = await new_conversation(alice)
        finished = await ask(runner, alice, asking(conversation))
        read, of = sync_to_async(sessions.read_message), sync_to_async(sessions.conversation_of)
        assert await of(principal=alice, message_id=finished.assistant_message.id) == conversation.uuid
        for look in (read, of):
            with pytest.raises(MessageNotFound):
                await look(principal=bob, message_id=finished.assistant_message.id)
            with pytest.raises(MessageNotFound):
                await look(principal=alice, message_id=uuid.uuid4())
        await sync_to_async(services.delete_message)(principal=alice, message_id=finished.user_message.id, origin=NOWHERE)
        with pytest.raises(MessageNotFound):
            await read(principal=alice, message_id=finished.user_message.id)
        with pytest.raises(MessageNotFound):
            await sync_to_async(sessions.read_turn)(principal=alice, turn_id=finished.turn_id)
        answer = await read(principal=alice, message_id=finished.assistant_message.id)
        assert answer.parent_id is None, "what is deleted is not named"


class TestHistory:
    @pytest.fixture
    def said(self, alice):
        said = [("user" if n % 2 == 0 else "assistant", f"m{n}") for n in range(6)]
        conversation = create(alice, earlier=said)
        return conversation, list(Message.objects.filter(conversation=conversation).order_by("id"))

    def read(self, principal, conversation, page=PAGE, **filters):
        found = sessions.read_messages(principal=principal, conversation_id=conversation.uuid, page=page, **filters)
        return [message.content for message in found.items], found.total

    def test_newest_first_by_page(self, alice, said):
        conversation, _messages = said
        assert self.read(alice, conversation) == (["m5", "m4", "m3", "m2", "m1", "m0"], 6)
        assert self.read(alice, conversation, PageRequest(number=2, size=4)) == (["m1", "m0"], 6)
        assert self.read(alice, conversation, PageRequest(number=9, size=4)) == ([], 6)

    def test_before_after_and_by_role_with_true_totals(self, alice, said):
        conversation, messages = said
        assert self.read(alice, conversation, before=messages[3].uuid) == (["m2", "m1", "m0"], 3)
        assert self.read(alice, conversation, after=messages[3].uuid) == (["m5", "m4"], 2)
        assert self.read(alice, conversation, after=messages[0].uuid, before=messages[3].uuid) == (["m2", "m1"], 2)
        assert self.read(alice, conversation, role="user") == (["m4", "m2", "m0"], 3)
        assert self.read(alice, conversation, role="system") == ([], 0)
        assert self.read(alice, conversation, PageRequest(number=2, size=1), role="assistant") == (["m3"], 3)

    def test_no_further_back_than_the_newest_so_many(self, alice, said):
        conversation, messages = said
        assert self.read(alice, conversation, most=4) == (["m5", "m4", "m3", "m2"], 4)
        assert self.read(alice, conversation, PageRequest(number=2, size=3), most=4) == (["m2"], 4)
        assert self.read(alice, conversation, before=messages[4].uuid, most=4) == (["m3", "m2"], 2)
        assert self.read(alice, conversation, before=messages[1].uuid, most=4) == ([], 0)
        assert self.read(alice, conversation, role="user", most=4) == (["m4", "m2"], 2)
        assert self.read(alice, conversation, most=1000)[1] == 6
        services.delete_message(principal=alice, message_id=messages[4].uuid, origin=NOWHERE)
        assert self.read(alice, conversation, most=4) == (["m5", "m3", "m2", "m1"], 4)
        assert self.read(alice, create(alice), most=4) == ([], 0)

    def test_of_an_answer_that_was_given_anew_the_one_that_is_shown(self, alice, said):
        conversation, messages = said
        other = Message.objects.create(conversation=conversation, parent=messages[2], role="assistant", content="another")
        Conversation.objects.filter(pk=conversation.pk).update(leaf=other)
        assert self.read(alice, conversation, most=1000) == (["another", "m2", "m1", "m0"], 4)
        assert self.read(alice, conversation, most=2) == (["another", "m2"], 2)
        assert self.read(alice, conversation)[0][0] == "another"

    def test_a_place_in_another_conversation_is_none(self, alice, bob, said):
        conversation, messages = said
        other = create(alice)
        with pytest.raises(MessageNotFound):
            self.read(alice, other, before=messages[0].uuid)
        with pytest.raises(MessageNotFound):
            self.read(alice, conversation, after=uuid.uuid4())
        with pytest.raises(ConversationNotFound):
            self.read(bob, conversation)
        with pytest.raises(ConversationNotFound):
            self.read(bob, conversation, before=messages[0].uuid)

    def test_an_empty_conversation_has_an_empty_page(self, alice):
        assert self.read(alice, create(alice)) == ([], 0)


def test_people_who_share_nothing_see_nothing_of_each_other(alice):
    charlie = person("charlie")
    create(alice, title="alice's")
    assert listed(charlie) == []

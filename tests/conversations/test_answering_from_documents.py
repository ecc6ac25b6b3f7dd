"""A turn that reads before it answers: what the model is shown, what followers are told, what stays."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from conversations.models import Message, Reference, Turn
from conversations.references import list_references
from conversations.turns.events import ReferenceFound, TextAdded, TurnCompleted, TurnInterrupted, TurnStarted
from conversations.turns.healing import heal_turns
from providers.testing import ScriptedProvider, say, wait
from retrieval.errors import DocumentNotFound, RetrievalFailed
from tests.conversations.acting import asking, new_conversation, read
from tests.conversations.library import new_document, new_topic, passage

SLOPE = "Gradient descent walks downhill along the steepest slope of a loss."
BRANCH = "机器学习是人工智能的一个重要分支，它使计算机能够从数据中学习规律。"


@sync_to_async
def references_of(principal, message_id):
    return list_references(principal=principal, message_id=message_id)


@sync_to_async
def put(library, principal, *texts, **more):
    """Documents of these texts, found by whatever is asked."""
    documents = [new_document(principal, text, title=f"Book {n}", **more) for n, text in enumerate(texts, start=1)]
    library.passages = [passage(document, score=1 - n / 10, page=n) for n, document in enumerate(documents, start=1)]
    return documents


async def about_a_topic(principal, **more):
    topic = await sync_to_async(new_topic)(principal)
    return await new_conversation(principal, topic_id=topic.pk, **more)


@pytest.fixture
def scripted():
    return ScriptedProvider(say("Downhill"), say(" [1]."))


class TestWhatIsToldAndKept:
    async def test_references_come_after_the_start_and_before_the_text(self, runner, alice, library):
        await put(library, alice, SLOPE, BRANCH)
        conversation = await about_a_topic(alice)
        opened = await runner.start_turn(principal=alice, request=asking(conversation))
        events = await read(runner, opened.turn_id)
        assert [type(event) for event in events] == [
            TurnStarted, ReferenceFound, ReferenceFound, TextAdded, TextAdded, TurnCompleted,
        ]  # fmt: skip
        assert [event.n for event in events] == [1, 2, 3, 4, 5, 6]
        first = events[1].reference
        assert (first.position, first.title, first.page, first.excerpt) == (1, "Book 1", 1, SLOPE)
        assert (first.start, first.end, first.score) == (0, len(SLOPE), 0.9)

    async def test_they_are_stored_with_the_answer_each_with_its_kind(self, runner, alice, library):
        books = await put(library, alice, SLOPE, BRANCH)
        conversation = await about_a_topic(alice)
        finished = await runner.finish(await runner.start_turn(principal=alice, request=asking(conversation)))
        records = await references_of(alice, finished.assistant_message.id)
        assert [(record.reference.position, record.kind) for record in records] == [(1, "direct"), (2, "context")]
        assert [record.reference for record in records] == list(finished.references)
        assert [record.reference.document_id for record in records] == [book.uuid for book in books]
        assert [record.is_deleted for record in records] == [False, False]
        assert await references_of(alice, finished.user_message.id) == [], "a question has none"
        turn = await Turn.objects.aget()
        assert turn.retrieval_ms == 7

    @pytest.mark.parametrize("answer", [f"As it says: {SLOPE[5:17]}.", f"书上说：{BRANCH[8:20]}。"])
    async def test_words_of_a_passage_make_it_direct_without_a_marker(self, runner, alice, library, scripted, answer):
        scripted._script = tuple(say(character) for character in answer)
        await put(library, alice, "Nothing to the point.", SLOPE + BRANCH)
        conversation = await about_a_topic(alice)
        finished = await runner.finish(await runner.start_turn(principal=alice, request=asking(conversation)))
        records = await references_of(alice, finished.assistant_message.id)
        assert [record.kind for record in records] == ["context", "direct"]

    async def test_what_a_model_invents_is_no_reference(self, runner, alice, library, scripted):
        scripted._script = (say("Surely [7], see doc_123 and https://example.com/ref_9 [99]."),)
        await put(library, alice, SLOPE)
        conversation = await about_a_topic(alice)
        finished = await runner.finish(await runner.start_turn(principal=alice, request=asking(conversation)))
        records = await references_of(alice, finished.assistant_message.id)
        assert [(record.reference.position, record.kind) for record in records] == [(1, "context")]

    async def test_nothing_found_is_a_question_as_it_was_asked(self, runner, alice, library, scripted):
        conversation = await about_a_topic(alice)
        finished = await runner.finish(await runner.start_turn(principal=alice, request=asking(conversation)))
        assert finished.references == ()
        assert scripted.requests[0].messages[-1].content == "Why?"
        assert (await Turn.objects.aget()).retrieval_ms == 7


class TestWhatIsAskedFor:
    async def test_the_conversations_topic_its_documents_and_those_of_the_message(self, runner, alice, library):
        first, second, third = await put(library, alice, SLOPE, BRANCH, "third")
        conversation = await about_a_topic(alice, document_ids=[first.uuid], settings={"relevance_threshold": 0.5})
        request = asking(conversation, document_ids=(second.uuid, first.uuid))
        await runner.finish(await runner.start_turn(principal=alice, request=request))
        asked = library.asked[0]
        assert asked["question"] == "Why?"
        assert asked["topic_ids"] == (conversation.topic_id,)
        assert asked["document_ids"] == (first.pk, second.pk)
        assert asked["threshold"] == 0.5
        await runner.finish(await runner.start_turn(principal=alice, request=asking(conversation, "And then?")))
        assert library.asked[1]["document_ids"] == (first.pk, second.pk), "what was attached stays"
        assert third.pk not in library.asked[1]["document_ids"]

    async def test_without_documents_nobody_searches(self, runner, alice, library):
        conversation = await new_conversation(alice)
        finished = await runner.finish(await runner.start_turn(principal=alice, request=asking(conversation)))
        assert (library.asked, finished.references) == ([], ())
        assert (await Turn.objects.aget()).retrieval_ms is None

    async def test_an_agents_topics_are_read_too(self, runner, alice, library, provider_row):
        from providers.models import Agent
        from retrieval.models import AgentTopic

        topic = await sync_to_async(new_topic)(alice)
        agent = await Agent.objects.acreate(name="Librarian", provider=provider_row)
        await AgentTopic.objects.acreate(agent=agent, topic=topic)
        conversation = await new_conversation(alice)
        await runner.finish(await runner.start_turn(principal=alice, request=asking(conversation, agent_id=agent.uuid)))
        assert library.asked[0]["topic_ids"] == (topic.pk,)
        await runner.finish(await runner.start_turn(principal=alice, request=asking(conversation)))
        assert len(library.asked) == 1, "without the agent there is nothing to be read"

    async def test_somebody_elses_document_cannot_be_attached(self, runner, alice, bob, library):
        (hers,) = await put(library, bob, SLOPE)
        conversation = await new_conversation(alice)
        with pytest.raises(DocumentNotFound):
            await runner.start_turn(principal=alice, request=asking(conversation, document_ids=(hers.uuid,)))
        assert library.asked == []
        assert await Message.objects.acount() == 0

    async def test_a_search_that_fails_refuses_the_message_and_stores_nothing(self, runner, alice, library):
        library.failure = RetrievalFailed()
        conversation = await about_a_topic(alice)
        with pytest.raises(RetrievalFailed):
            await runner.start_turn(principal=alice, request=asking(conversation))
        assert await Message.objects.acount() == 0
        assert await Turn.objects.acount() == 0

    async def test_a_resend_searches_once_and_attaches_to_the_same_turn(self, runner, elsewhere, alice, library, scripted):
        await put(library, alice, SLOPE)
        conversation = await about_a_topic(alice)
        request = asking(conversation, client_key="k1")
        results = await asyncio.gather(
            *((runner if n % 2 else elsewhere).start_turn(principal=alice, request=request) for n in range(6))
        )
        assert len({result.turn_id for result in results}) == 1
        assert len(scripted.requests) == 1
        before = len(library.asked)
        again = await runner.start_turn(principal=alice, request=request)
        assert again.attached
        assert len(library.asked) == before
        finished = await runner.finish(again)
        assert [reference.position for reference in finished.references] == [1]


class TestReadingAgain:
    @pytest.fixture
    def gate(self):
        return asyncio.Event()

    @pytest.fixture
    def scripted(self, gate):
        return ScriptedProvider(say("a"), wait(gate), say("b [1]"))

    async def test_another_process_tells_the_same_with_the_same_numbers(self, runner, elsewhere, alice, library, gate):
        await put(library, alice, SLOPE, BRANCH)
        conversation = await about_a_topic(alice)
        opened = await runner.start_turn(principal=alice, request=asking(conversation))
        there = [asyncio.create_task(read(elsewhere, opened.turn_id, after)) for after in range(5)]
        await asyncio.sleep(0.3)
        gate.set()
        here = await read(runner, opened.turn_id)
        assert [event.n for event in here] == [1, 2, 3, 4, 5, 6]
        for after, task in enumerate(there):
            assert await task == here[after:]

    async def test_and_so_does_the_database_long_after(self, runner, elsewhere, alice, library, gate):
        gate.set()
        await put(library, alice, SLOPE, BRANCH)
        conversation = await about_a_topic(alice)
        opened = await runner.start_turn(principal=alice, request=asking(conversation))
        events = await read(runner, opened.turn_id)
        while runner.live:
            await asyncio.sleep(0.01)
        for after in range(len(events)):
            assert await read(elsewhere, opened.turn_id, after) == events[after:]

    async def test_without_redis_too(self, runner, elsewhere, alice, library, gate):
        class Unreachable:
            async def xread(self, *_args, **_more):
                import redis

                raise redis.ConnectionError("away")

        await elsewhere._redis.aclose()
        elsewhere._replicas._client = Unreachable()
        await put(library, alice, SLOPE, BRANCH)
        conversation = await about_a_topic(alice)
        opened = await runner.start_turn(principal=alice, request=asking(conversation))
        there = asyncio.create_task(read(elsewhere, opened.turn_id))
        await asyncio.sleep(0.2)
        gate.set()
        assert await there == await read(runner, opened.turn_id)

    async def test_what_a_dead_process_left_keeps_its_references_and_numbers(self, runner, elsewhere, alice, library):
        await put(library, alice, SLOPE, BRANCH)
        conversation = await about_a_topic(alice)
        opened = await runner.start_turn(principal=alice, request=asking(conversation))
        while not runner.live[opened.turn_id].log.length:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)  # the text is in Redis, and perhaps not yet in the database
        long_ago = timezone.now() - timedelta(hours=1)
        await Turn.objects.aupdate(lease_until=long_ago, fence=opened.turn_id, text="", marks=b"")
        assert await sync_to_async(heal_turns, thread_sensitive=False)() == 1
        events = await read(elsewhere, opened.turn_id)
        assert [type(event) for event in events] == [
            TurnStarted, ReferenceFound, ReferenceFound, TextAdded, TurnInterrupted,
        ]  # fmt: skip
        assert [event.n for event in events] == [1, 2, 3, 4, 5]
        assert events[3].text == "a"

    async def test_the_healer_says_which_were_used(self, runner, alice, library, scripted):
        scripted._script = (say("It is so [2]. "), wait(60))
        await put(library, alice, SLOPE, BRANCH)
        conversation = await about_a_topic(alice)
        opened = await runner.start_turn(principal=alice, request=asking(conversation))
        while not runner.live[opened.turn_id].log.length:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)
        await Turn.objects.aupdate(lease_until=timezone.now() - timedelta(hours=1), fence=opened.turn_id)
        await sync_to_async(heal_turns, thread_sensitive=False)()
        assert [record.kind for record in await references_of(alice, opened.answer_id)] == ["context", "direct"]


class TestWhatIsDeleted:
    async def answered(self, runner, alice, library):
        (book,) = await put(library, alice, SLOPE)
        conversation = await about_a_topic(alice)
        finished = await runner.finish(await runner.start_turn(principal=alice, request=asking(conversation)))
        return book, conversation, finished

    async def test_references_outlive_their_document_and_say_so(self, runner, elsewhere, alice, library):
        book, _conversation, finished = await self.answered(runner, alice, library)
        events = await read(runner, finished.turn_id)
        await book.adelete()
        (record,) = await references_of(alice, finished.assistant_message.id)
        assert record.is_deleted
        assert (record.reference.excerpt, record.reference.title, record.kind) == (SLOPE, "Book 1", "direct")
        assert record.reference.document_id == book.uuid
        while runner.live:
            await asyncio.sleep(0.01)
        assert await read(elsewhere, finished.turn_id) == events

    async def test_a_document_that_goes_between_the_search_and_the_answer_is_told_as_gone(self, runner, alice, library):
        (book,) = await put(library, alice, SLOPE)
        await book.adelete()
        conversation = await about_a_topic(alice)
        finished = await runner.finish(await runner.start_turn(principal=alice, request=asking(conversation)))
        (record,) = await references_of(alice, finished.assistant_message.id)
        assert record.is_deleted

    async def test_references_go_with_the_answer_and_with_the_conversation(self, runner, alice, library):
        from chatplatform.core.origin import NOWHERE
        from conversations import services
        from conversations.errors import MessageNotFound
        from conversations.models import ConversationDocument

        book, conversation, first = await self.answered(runner, alice, library)
        request = asking(conversation, "Again?", document_ids=(book.uuid,), metadata={"mood": "secret"})
        second = await runner.finish(await runner.start_turn(principal=alice, request=request))
        delete = sync_to_async(services.delete_message)
        await delete(principal=alice, message_id=first.assistant_message.id, origin=NOWHERE)
        assert await Reference.objects.acount() == 1
        with pytest.raises(MessageNotFound):
            await references_of(alice, first.assistant_message.id)
        await sync_to_async(services.delete_conversation)(principal=alice, conversation_id=conversation.uuid, origin=NOWHERE)
        assert await Reference.objects.acount() == 0
        assert await ConversationDocument.objects.acount() == 0
        assert not [message async for message in Message.objects.all() if message.metadata]
        with pytest.raises(MessageNotFound):
            await references_of(alice, second.assistant_message.id)

    async def test_a_strangers_references_do_not_exist(self, runner, alice, bob, library):
        from conversations.errors import MessageNotFound

        _book, _conversation, finished = await self.answered(runner, alice, library)
        with pytest.raises(MessageNotFound):
            await references_of(bob, finished.assistant_message.id)

    async def test_an_answer_that_is_edited_is_judged_anew(self, runner, alice, library):
        from chatplatform.core.origin import NOWHERE
        from conversations import services

        _book, _conversation, finished = await self.answered(runner, alice, library)
        edit = sync_to_async(services.edit_message)
        answer_id = finished.assistant_message.id
        await edit(principal=alice, message_id=answer_id, content="No.", origin=NOWHERE)
        assert [record.kind for record in await references_of(alice, answer_id)] == ["context"]
        await edit(principal=alice, message_id=answer_id, content="Yes [1].", origin=NOWHERE)
        assert [record.kind for record in await references_of(alice, answer_id)] == ["direct"]

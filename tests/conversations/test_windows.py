"""How much of a conversation and its documents a model is shown, as the conversation wants it; and the look at it beforehand."""

from __future__ import annotations

import uuid

import pytest
from asgiref.sync import sync_to_async
from hypothesis import given
from hypothesis import strategies as st

from chatplatform.core.errors import ContextTooLong
from conversations.preview import show_context
from conversations.turns.events import ReferenceView
from conversations.turns.prompt import SHORTEST_PIECE, Window, build_prompt
from providers.base import PromptMessage
from providers.testing import ScriptedProvider, say
from tests.conversations.acting import asking, new_conversation
from tests.conversations.library import new_document, new_topic, passage


def count(messages) -> int:
    return 3 + sum(len(message.content) for message in messages)


def reference(text: str, position: int = 1) -> ReferenceView:
    return ReferenceView(
        uuid.uuid4(), position, uuid.uuid4(), 1, uuid.uuid4(), "Title", "", "txt", None, 50, 50 + len(text), text, 0.5
    )


def build(window: Window, *, history=(), passages=(), question="why?", system=""):
    return build_prompt(
        system=system, history_newest_first=history, question=question, window=window, count=count, passages=passages
    )


class TestPassagesInThePrompt:
    def test_the_best_that_fit_into_half_of_what_the_question_leaves(self):
        passages = [reference(f"{number}" * 300, number) for number in range(1, 9)]
        built = build(Window(4_000, 1_000), passages=passages)
        assert 1 < len(built.quoted) < 8
        assert built.quoted == tuple(passages[: len(built.quoted)])
        assert built.tokens == count(built.messages) <= 3 + 4 + (3_000 - 7) // 2
        for passage_ in built.quoted:
            assert passage_.excerpt in built.messages[-1].content
            assert f"[{passage_.position}]" in built.messages[-1].content

    def test_of_a_passage_too_long_for_a_small_model_its_first_sentences_are_quoted_and_referred_to(self):
        text = "这是一个关于机器学习的完整句子，它讲的是梯度下降。" * 40
        built = build(Window(2_048, 512), passages=[reference(text, 1), reference("second", 2)])
        (cut,) = built.quoted
        assert SHORTEST_PIECE <= len(cut.excerpt) < len(text)
        assert cut.excerpt == text[: len(cut.excerpt)]
        assert cut.excerpt.endswith("。")
        assert (cut.start, cut.end) == (50, 50 + len(cut.excerpt))
        assert text[: len(cut.excerpt) + 1] not in built.messages[-1].content

    def test_where_nothing_fits_the_question_is_asked_alone(self):
        built = build(Window(100, 80), passages=[reference("x" * 500)])
        assert built.quoted == ()
        assert built.messages == (PromptMessage("user", "why?"),)

    def test_the_history_has_what_passages_leave(self):
        history = [PromptMessage("assistant" if n % 2 == 0 else "user", "h" * 100) for n in range(100)]
        with_passages = build(Window(4_000, 1_000), history=history, passages=[reference("p" * 600)])
        without = build(Window(4_000, 1_000), history=history)
        assert len(with_passages.quoted) == 1
        assert 0 < len(with_passages.messages) < len(without.messages)

    @given(
        st.lists(st.integers(0, 800), max_size=6), st.lists(st.integers(1, 200), max_size=10), st.integers(60, 3_000),
        st.integers(16, 40), st.booleans(), st.none() | st.integers(20, 2_000),
    )  # fmt: skip
    def test_the_answer_always_fits(self, passages, lengths, size, answer, whole, longest):
        window = Window(size, answer, longest, whole)
        history = [PromptMessage("assistant" if n % 2 == 0 else "user", "h" * length) for n, length in enumerate(lengths)]
        found = [reference("p" * length, n) for n, length in enumerate(passages, start=1)]
        try:
            built = build(window, history=history, passages=found)
        except ContextTooLong:
            assert whole or (longest is not None and longest < 10)
            return
        assert built.tokens == count(built.messages) <= min(size - answer, longest or size)
        assert [part.position for part in built.quoted] == list(range(1, len(built.quoted) + 1))


class TestStrategies:
    def test_full_refuses_what_sliding_cuts(self):
        history = [PromptMessage("assistant" if n % 2 == 0 else "user", "h" * 100) for n in range(10)]
        assert len(build(Window(600, 100), history=history).messages) == 5
        with pytest.raises(ContextTooLong):
            build(Window(600, 100, whole=True), history=history)
        assert len(build(Window(2_000, 100, whole=True), history=history).messages) == 11

    def test_the_longest_context_counts_the_whole_prompt(self):
        history = [PromptMessage("assistant" if n % 2 == 0 else "user", "h" * 100) for n in range(10)]
        built = build(Window(8_000, 100, longest=420), history=history)
        assert built.tokens <= 420
        with pytest.raises(ContextTooLong):
            build(Window(8_000, 100, longest=100), question="q" * 200)


@pytest.fixture
def scripted():
    return ScriptedProvider(say("Because of [1]."))


async def ask(runner, principal, request):
    return await runner.finish(await runner.start_turn(principal=principal, request=request))


class TestInAConversation:
    async def test_its_settings_hold_where_a_message_says_nothing(self, runner, alice, scripted):
        conversation = await new_conversation(alice, settings={"temperature": 0.25, "max_tokens": 77})
        await ask(runner, alice, asking(conversation))
        assert (scripted.requests[-1].temperature, scripted.requests[-1].max_tokens) == (0.25, 77)
        await ask(runner, alice, asking(conversation, temperature=1.5))
        assert (scripted.requests[-1].temperature, scripted.requests[-1].max_tokens) == (1.5, 77)

    async def test_sliding_leaves_out_the_oldest_and_full_refuses(self, runner, alice, scripted):
        for strategy in ("sliding", "full"):
            settings = {"max_context_length": 300, "context_window_strategy": strategy}
            conversation = await new_conversation(alice, settings=settings)
            await ask(runner, alice, asking(conversation, "First: " + "long " * 120))
            second = asking(conversation, "Second: " + "long " * 120)
            if strategy == "full":
                with pytest.raises(ContextTooLong):
                    await ask(runner, alice, second)
            else:
                await ask(runner, alice, second)
                assert [message.role for message in scripted.requests[-1].messages] == ["user"]

    async def test_full_sees_a_history_longer_than_any_page(self, runner, alice, scripted):
        earlier = [("user" if n % 2 == 0 else "assistant", str(n)) for n in range(560)]
        conversation = await new_conversation(
            alice, settings={"context_window_strategy": "full", "max_tokens": 64}, earlier=earlier
        )
        await ask(runner, alice, asking(conversation))
        assert len(scripted.requests[-1].messages) == 561

    async def test_without_metadata_the_model_is_told_no_titles(self, runner, alice, scripted, library):
        document = await sync_to_async(new_document)(alice, "It is so.", title="The Very Book")
        library.passages = [await sync_to_async(passage)(document, page=3)]
        for told in (True, False):
            conversation = await new_conversation(
                alice, document_ids=[document.uuid], settings={"include_document_metadata": told}
            )
            await ask(runner, alice, asking(conversation))
            content = scripted.requests[-1].messages[-1].content
            assert ("The Very Book | page 3" in content) == told
            assert "It is so." in content

    async def test_the_look_beforehand_shows_what_is_then_sent(self, runner, alice, scripted, library):
        topic = await sync_to_async(new_topic)(alice)
        document = await sync_to_async(new_document)(alice, "It is so.")
        library.passages = [await sync_to_async(passage)(document)]
        conversation = await new_conversation(alice, topic_id=topic.pk, system_message="Be brief.")
        look = sync_to_async(show_context)
        empty = await look(principal=alice, conversation_id=conversation.uuid)
        assert [(message.role, message.content) for message in empty.messages] == [("system", "Be brief.")]
        assert (empty.passages, empty.max_tokens) == ((), 4096)
        for question in ("One?", "Two?", "Three?"):
            finished = await ask(runner, alice, asking(conversation, question))
        seen = await look(principal=alice, conversation_id=conversation.uuid)
        assert seen.passages == finished.references
        assert 0 < seen.total_tokens <= seen.max_tokens
        await ask(runner, alice, asking(conversation, "Four?"))
        assert scripted.requests[-1].messages[:-1] == seen.messages

    async def test_the_look_beforehand_slides_and_names_the_limit(self, runner, alice, scripted):
        conversation = await new_conversation(alice, settings={"max_context_length": 200})
        for number in range(6):
            await ask(runner, alice, asking(conversation, f"Question {number}: " + "long " * 30))
        seen = await sync_to_async(show_context)(principal=alice, conversation_id=conversation.uuid)
        assert seen.max_tokens == 200
        assert seen.total_tokens <= 200
        assert 0 < len(seen.messages) < 12

    async def test_a_strangers_context_does_not_exist(self, alice, bob):
        from conversations.errors import ConversationNotFound

        conversation = await new_conversation(alice)
        with pytest.raises(ConversationNotFound):
            await sync_to_async(show_context)(principal=bob, conversation_id=conversation.uuid)


async def test_with_the_setting_on_a_provider_sees_no_secrets(runner, alice, scripted, library, settings):
    """Of what was said, of documents and of their titles. What is stored and shown to her is whole."""
    number, phone, address = "11010519491231002X", "13812345678", "zhangsan@example.com"
    document = await sync_to_async(new_document)(alice, f"Her number is {number}.", title=f"About {address}")
    library.passages = [await sync_to_async(passage)(document)]
    conversation = await new_conversation(alice, document_ids=[document.uuid], system_message=f"Call {phone}.")
    for masked in (False, True, True):
        settings.MASK_FOR_PROVIDERS = masked
        finished = await ask(runner, alice, asking(conversation, f"Is {address} at {phone}?"))
        sent = "\n".join(message.content for message in scripted.requests[-1].messages)
        for secret in (number, phone, address):
            assert (secret in sent) != masked
        assert number in finished.references[0].excerpt
        assert finished.user_message.content == f"Is {address} at {phone}?"
    seen = await sync_to_async(show_context)(principal=alice, conversation_id=conversation.uuid)
    assert phone not in "\n".join(message.content for message in seen.messages)

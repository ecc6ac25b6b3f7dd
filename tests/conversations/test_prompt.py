"""The window: what of a conversation a model is shown."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatplatform.core.errors import ContextTooLong
from conversations.titles import LONGEST, title_from
from conversations.turns.prompt import Window, build_prompt
from providers.base import PromptMessage

FRAME = 3


def count(messages: Sequence[PromptMessage]) -> int:
    return FRAME + sum(len(message.content) for message in messages)


def history(*lengths: int) -> list[PromptMessage]:
    """Newest first, as it is read: answer, question, answer, question."""
    return [PromptMessage("assistant" if i % 2 == 0 else "user", "x" * n) for i, n in enumerate(lengths)]


def prompt(past, *, window, answer=10, question="q" * 10, system=""):
    return build_prompt(system=system, history_newest_first=past, question=question, window=Window(window, answer), count=count)


def test_the_newest_messages_are_kept_and_the_oldest_fall_out():
    built = prompt(history(10, 10, 10, 10), window=48, system="s" * 5)
    assert [m.role for m in built.messages] == ["system", "user", "assistant", "user"]
    assert built.tokens == 38
    assert built.room == 10


def test_a_question_is_never_cut_from_its_answer():
    built = prompt(history(10, 10, 10), window=53)
    assert [m.role for m in built.messages] == ["user", "assistant", "user"]


def test_a_question_that_leaves_no_room_for_an_answer_is_refused():
    with pytest.raises(ContextTooLong):
        prompt([], window=22, answer=10)


def test_without_a_length_a_small_window_keeps_a_quarter_for_the_answer():
    built = prompt(history(30, 30), window=100, answer=None)
    assert len(built.messages) == 3
    assert built.room == 27


@given(st.lists(st.integers(1, 60), max_size=20), st.integers(33, 400), st.integers(1, 20))
def test_the_answer_always_fits(lengths, window, answer):
    built = prompt(history(*lengths), window=window, answer=answer)
    assert built.tokens + answer <= window
    assert built.messages[-1].content == "q" * 10
    assert built.tokens == count(built.messages)


def test_a_title_is_the_first_line_cut_at_a_word():
    assert title_from("\n  Hello there \nmore") == "Hello there"
    long = title_from("word " * 40)
    assert len(long) <= LONGEST
    assert long.endswith("word…")
    assert len(title_from("机" * 80)) == LONGEST

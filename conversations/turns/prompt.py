"""What is sent to the model: the system message, the newest messages that fit, the question, and room for the answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from chatplatform.core.errors import ContextTooLong
from providers.base import PromptMessage

DEFAULT_ANSWER = 1024
"""Tokens kept free for the answer when nobody says how long it may be."""


@dataclass(frozen=True, slots=True)
class Prompt:
    messages: tuple[PromptMessage, ...]
    tokens: int
    """Estimated."""
    room: int
    """Tokens left in the model's context for the answer."""


def build_prompt(
    *,
    system: str,
    history_newest_first: Iterable[PromptMessage],
    question: str,
    context_window: int,
    answer_tokens: int | None,
    count: Callable[[Sequence[PromptMessage]], int],
) -> Prompt:
    """Raises ContextTooLong when the system message and the question alone leave no room for an answer.

    A quarter of a small window is enough to keep for an answer whose length nobody gave; otherwise a 2,048-token model could
    never see a history. `count` estimates the tokens of a whole prompt.
    """
    head = [PromptMessage("system", system)] if system else []
    tail = PromptMessage("user", question)
    frame = count(())
    tokens = count([*head, tail])
    budget = answer_tokens or min(DEFAULT_ANSWER, context_window // 4)
    smallest_answer = min(budget, 16)
    if tokens + smallest_answer > context_window:
        raise ContextTooLong()

    kept: list[PromptMessage] = []
    for message in history_newest_first:
        cost = count((message,)) - frame
        if tokens + cost + budget > context_window:
            break
        kept.append(message)
        tokens += cost
    # A conversation is cut before a question, never between a question and its answer.
    while kept and kept[-1].role == "assistant":
        tokens -= count((kept.pop(),)) - frame
    return Prompt((*head, *reversed(kept), tail), tokens, context_window - tokens)

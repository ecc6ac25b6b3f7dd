"""What a model is sent: the system message, the newest messages that fit, the question with the passages that fit; and room is
kept for the answer. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from chatplatform.core.errors import ContextTooLong
from conversations.turns.events import ReferenceView
from conversations.turns.quoting import Quoting
from providers.base import PromptMessage

DEFAULT_ANSWER = 1024
"""Tokens kept free for the answer when nobody says how long it may be."""
SHORTEST_PIECE = 40
"""Characters of a passage that are worth quoting without the rest."""

Count = Callable[[Sequence[PromptMessage]], int]


@dataclass(frozen=True, slots=True)
class Prompt:
    messages: tuple[PromptMessage, ...]
    tokens: int
    """Estimated."""
    room: int
    """Tokens left in the model's context for the answer."""
    quoted: tuple[ReferenceView, ...] = ()
    """The passages in the question, as far as they are in it."""


@dataclass(frozen=True, slots=True)
class Window:
    """How much a prompt may be."""

    size: int
    """Tokens of the model, the answer's included."""
    answer_tokens: int | None = None
    """To be kept for the answer; None: nobody said."""
    longest: int | None = None
    """Tokens of the prompt; None: all that the answer leaves."""
    whole: bool = False
    """What does not fit is refused, instead of leaving out the oldest."""

    @property
    def answer(self) -> int:
        # A quarter of a small window is enough for an answer whose length nobody gave; otherwise a 2,048-token model could never
        # see a history.
        return self.answer_tokens or min(DEFAULT_ANSWER, self.size // 4)

    @property
    def prompt(self) -> int:
        """Tokens of the prompt."""
        rest = self.size - self.answer
        return rest if self.longest is None else min(rest, self.longest)

    def refuses(self, tokens: int) -> bool:
        """Whether a prompt of the question alone is too long already."""
        return tokens + min(self.answer, 16) > self.size or (self.longest is not None and tokens > self.longest)


def build_prompt(
    *,
    system: str,
    history_newest_first: Iterable[PromptMessage],
    question: str,
    window: Window,
    count: Count,
    passages: Sequence[ReferenceView] = (),
    with_metadata: bool = True,
    cover: Callable[[str], str] = str,
) -> Prompt:
    """Raises ContextTooLong when the system message and the question alone leave no room for an answer, or when all was wanted.

    `passages`, best first, take at most half of what the question leaves. `count` estimates the tokens of a whole prompt;
    `cover` hides in a passage what the provider is not to see, as the caller has done in the rest.
    """
    head = [PromptMessage("system", system)] if system else []
    tail = PromptMessage("user", question)
    tokens = count([*head, tail])
    if window.refuses(tokens):
        raise ContextTooLong()
    history: list[PromptMessage] = []
    if window.whole:  # the history comes first, and passages have half of what it leaves
        history, tokens = _newest(history_newest_first, window, tokens, count)
    quoted: tuple[ReferenceView, ...] = ()
    if passages:
        quoting = Quoting.of(question, passages, with_metadata=with_metadata, cover=cover)
        quoted = _fitting(passages, quoting, tokens=(window.prompt - tokens) // 2, count=count)
        tail = PromptMessage("user", quoting.message(quoted))
        tokens = count([*head, *history, tail])
    if not window.whole:
        history, tokens = _newest(history_newest_first, window, tokens, count)
    return Prompt((*head, *history, tail), tokens, window.size - tokens, quoted)


def _newest(newest_first: Iterable[PromptMessage], window: Window, tokens: int, count: Count) -> tuple[list[PromptMessage], int]:
    """As many as fit beside what has `tokens` already, oldest first; and the tokens of all together."""
    frame = count(())
    kept: list[PromptMessage] = []
    for message in newest_first:
        cost = count((message,)) - frame
        if tokens + cost > window.prompt:
            if window.whole:
                raise ContextTooLong()
            break
        kept.append(message)
        tokens += cost
    # A conversation is cut before a question, never between a question and its answer.
    while kept and kept[-1].role == "assistant" and not window.whole:
        tokens -= count((kept.pop(),)) - frame
    return kept[::-1], tokens


def _fitting(passages: Sequence[ReferenceView], quoting: Quoting, *, tokens: int, count: Count) -> tuple[ReferenceView, ...]:
    """The best ones that fit into so many tokens. One that does not ends the list; of the very first its beginning is taken."""

    def cost(text: str) -> int:
        return count([PromptMessage("user", text)]) - nothing

    nothing = count([PromptMessage("user", "")])
    asked = cost(quoting.question)
    first = passages[0]
    used = cost(quoting.message([first])) - asked
    if used > tokens:
        return _beginning(first, fits=lambda part: cost(quoting.message([part])) - asked <= tokens)
    kept = [first]
    for number, passage in enumerate(passages[1:], start=2):
        used += cost(quoting.block(number, passage))
        if used > tokens:
            break
        kept.append(passage)
    return tuple(kept)


_SENTENCE_END = re.compile(r"[。！？；\n]|[.!?;](?=\s)")


def _beginning(passage: ReferenceView, *, fits: Callable[[ReferenceView], bool]) -> tuple[ReferenceView, ...]:
    """Its longest beginning that fits, up to the end of a sentence where there is one; none that would say nothing."""
    shortest, too_long = 0, len(passage.excerpt)
    while too_long - shortest > SHORTEST_PIECE // 2:
        length = (shortest + too_long) // 2
        if fits(_cut(passage, length)):
            shortest = length
        else:
            too_long = length
    ends = [found.end() for found in _SENTENCE_END.finditer(passage.excerpt, 0, shortest) if found.end() >= SHORTEST_PIECE]
    length = ends[-1] if ends else shortest
    return (_cut(passage, length),) if length >= SHORTEST_PIECE else ()


def _cut(passage: ReferenceView, length: int) -> ReferenceView:
    return replace(passage, excerpt=passage.excerpt[:length], end=passage.start + length)

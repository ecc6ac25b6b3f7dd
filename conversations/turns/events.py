"""The one stream of a turn. Every transport is an encoder of these; `n` numbers them from 1 without a gap.

1           TurnStarted
2…r+1       ReferenceFound, one for each passage that the model is given to read
r+2…r+k+1   TextAdded, one for each delta of the provider
r+k+2       TurnCompleted | TurnStopped | TurnFailed | TurnInterrupted, exactly one of them

The first r+1 are in the database as soon as the turn is; only what comes after them is told from process to process.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import assert_never
from uuid import UUID


@dataclass(frozen=True, slots=True)
class TurnUsage:
    prompt_tokens: int | None
    completion_tokens: int | None
    source: str
    """provider, estimated or missing"""
    cached_tokens: int = 0
    """Of the prompt's, those that the vendor took from its cache."""
    cost_micros: int | None = None
    """Micro-USD; None: nobody knows the price."""

    @property
    def total_tokens(self) -> int | None:
        if self.prompt_tokens is None or self.completion_tokens is None:
            return None
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True)
class TurnStarted:
    n: int
    turn_id: UUID
    conversation_id: UUID | None
    """None, and no messages either: a completion, which nobody keeps."""
    message_id: UUID | None
    """The answer's."""
    user_message_id: UUID | None
    model: str
    at: datetime
    retrieval_ms: int | None = None
    """Milliseconds before that, in which passages were searched for; None: nobody did."""


@dataclass(frozen=True, slots=True)
class ReferenceView:
    """A passage of a document as it was when an answer was given it: what about a reference never changes."""

    id: UUID
    position: int
    """From 1: its marker in the prompt and in the answer, `[1]`."""
    document_id: UUID
    document_version: int
    chunk_id: UUID
    title: str
    author: str
    file_type: str
    """The extension, without a dot."""
    page: int | None
    """From 1; None where the file has no pages."""
    start: int
    end: int
    """Characters of the document's text: `text[start:end] == excerpt`."""
    excerpt: str
    score: float
    """0 to 1."""


@dataclass(frozen=True, slots=True)
class ReferenceFound:
    n: int
    reference: ReferenceView


@dataclass(frozen=True, slots=True)
class TextAdded:
    n: int
    text: str


@dataclass(frozen=True, slots=True)
class TurnCompleted:
    n: int
    usage: TurnUsage
    finish_reason: str
    model: str
    at: datetime


@dataclass(frozen=True, slots=True)
class TurnStopped:
    """Somebody asked for it. The text so far is kept."""

    n: int
    usage: TurnUsage
    at: datetime


@dataclass(frozen=True, slots=True)
class TurnFailed:
    """The provider failed. The text so far is kept; with none, nothing is charged."""

    n: int
    code: str
    """A `ProviderFault`, or `internal`."""
    retry_after: float | None
    usage: TurnUsage
    at: datetime


@dataclass(frozen=True, slots=True)
class TurnInterrupted:
    """Our own process died or was shut down. The text so far is kept."""

    n: int
    usage: TurnUsage
    at: datetime


TurnEnded = TurnCompleted | TurnStopped | TurnFailed | TurnInterrupted
TurnEvent = TurnStarted | ReferenceFound | TextAdded | TurnEnded
ENDINGS = (TurnCompleted, TurnStopped, TurnFailed, TurnInterrupted)
UNKNOWN_USAGE = TurnUsage(None, None, "missing")


def state_of(ended: TurnEnded) -> str:
    """The one of `Turn.State`'s final states that an ending tells of."""
    match ended:
        case TurnCompleted():
            return "completed"
        case TurnStopped():
            return "stopped"
        case TurnFailed():
            return "failed"
        case TurnInterrupted():
            return "interrupted"
        case _:
            assert_never(ended)


def make_ending(
    state: str,
    *,
    n: int,
    usage: TurnUsage,
    at: datetime,
    finish_reason: str = "",
    model: str = "",
    code: str = "",
    retry_after: float | None = None,
) -> TurnEnded:
    """The event that tells of a turn in one of `Turn.State`'s four final states."""
    match state:
        case "completed":
            return TurnCompleted(n, usage, finish_reason, model, at)
        case "stopped":
            return TurnStopped(n, usage, at)
        case "failed":
            return TurnFailed(n, code, retry_after, usage, at)
        case "interrupted":
            return TurnInterrupted(n, usage, at)
    raise ValueError(f"a turn does not end as {state!r}")

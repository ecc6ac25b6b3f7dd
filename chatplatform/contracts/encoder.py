"""From a turn's events to frames: one method a kind of event, so that a new kind cannot be forgotten.

An encoder is made for one turn and one reader. It is on the hottest path there is (once for each token and reader), so frames
are put together from bytes prepared once; only what the model said goes through the JSON library.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, assert_never
from uuid import UUID

import orjson

from chatplatform.core.errors import DomainError, Unavailable, VendorFailed
from conversations.turns.events import (
    ReferenceFound,
    TextAdded,
    TurnCompleted,
    TurnEvent,
    TurnFailed,
    TurnInterrupted,
    TurnStarted,
    TurnStopped,
    TurnUsage,
)

Frame = TypeVar("Frame", str, bytes, tuple[str, ...])


@dataclass(frozen=True, slots=True)
class TurnNames:
    """The public ids that a turn's frames carry."""

    turn_id: UUID
    conversation_id: UUID
    message_id: UUID
    """The answer's."""
    conversation_number: int | None = None
    message_number: int | None = None
    """The same two as rows: for contracts whose ids are numbers, which must give them."""


class TurnEncoder(ABC, Generic[Frame]):
    def start_after(self, seen: int) -> int:
        """The event after which it is to be given a turn's events, for a reader who has those up to number `seen`. (One whose
        last frame sums the turn up must be given them all.)"""
        return seen

    def frame(self, event: TurnEvent) -> Frame:
        match event:
            case TextAdded():
                return self.text(event)
            case TurnStarted():
                return self.started(event)
            case ReferenceFound():
                return self.reference(event)
            case TurnCompleted():
                return self.completed(event)
            case TurnStopped():
                return self.stopped(event)
            case TurnFailed():
                return self.failed(event)
            case TurnInterrupted():
                return self.interrupted(event)
            case _:
                assert_never(event)

    @abstractmethod
    def started(self, event: TurnStarted) -> Frame: ...

    @abstractmethod
    def reference(self, event: ReferenceFound) -> Frame:
        """An empty frame, which is never sent, where the contract's documented readers know no references."""

    @abstractmethod
    def text(self, event: TextAdded) -> Frame: ...

    @abstractmethod
    def completed(self, event: TurnCompleted) -> Frame: ...

    @abstractmethod
    def stopped(self, event: TurnStopped) -> Frame: ...

    @abstractmethod
    def failed(self, event: TurnFailed) -> Frame: ...

    @abstractmethod
    def interrupted(self, event: TurnInterrupted) -> Frame: ...


class StreamEncoder(TurnEncoder[bytes]):
    """Of server-sent events."""

    heartbeat: bytes = b": still here\n\n"

    def reference(self, event: ReferenceFound) -> bytes:
        return b""

    def frames(self, events: Iterable[TurnEvent]) -> bytes:
        """Many events of one moment, one after the other."""
        frame = self.frame
        return b"".join([frame(event) for event in events])

    def writes(self, events: Iterable[TurnEvent]) -> Iterable[bytes]:
        """The same as they go out: in one write, if there is anything to say."""
        data = self.frames(events)
        return (data,) if data else ()

    @abstractmethod
    def error(self, error: DomainError) -> bytes:
        """The frame of an error that belongs to the reader, not to the turn: her session ended."""


class DataStreamEncoder(StreamEncoder):
    """Of contracts whose frames are `data:` lines told apart by `type` (`start`, `content`…, then `end` or `error`), with the
    event's number as `id:`."""

    def text(self, event: TextAdded) -> bytes:
        return b'id: %d\ndata: {"type":"content","content":%b}\n\n' % (event.n, orjson.dumps(event.text))

    def started(self, event: TurnStarted) -> bytes:
        return _numbered(event.n, {"type": "start", **self.start(event)})

    def completed(self, event: TurnCompleted) -> bytes:
        return self._end(event.n, event.usage, {"finish_reason": event.finish_reason, "model": event.model})

    def stopped(self, event: TurnStopped) -> bytes:
        return self._end(event.n, event.usage, {"stopped": True})

    def failed(self, event: TurnFailed) -> bytes:
        return _numbered(event.n, self._error(ending_error(event)))

    def interrupted(self, event: TurnInterrupted) -> bytes:
        return _numbered(event.n, self._error(ending_error(event)))

    def error(self, error: DomainError) -> bytes:
        # Without a number: it is not one of the turn's events, and a reader who comes back has missed nothing by it.
        return b"data: %b\n\n" % orjson.dumps(self._error(error))

    def _end(self, n: int, usage: TurnUsage, more: Mapping[str, Any]) -> bytes:
        return _numbered(n, {"type": "end", **self.end(usage), **more})

    def _error(self, error: DomainError) -> dict[str, Any]:
        return {"type": "error", "error": self.error_object(error), **self.names}

    names: Mapping[str, Any]
    """The turn's and its answer's, as an error carries them."""

    @abstractmethod
    def start(self, event: TurnStarted) -> dict[str, Any]: ...

    @abstractmethod
    def end(self, usage: TurnUsage) -> dict[str, Any]: ...

    @abstractmethod
    def error_object(self, error: DomainError) -> dict[str, Any]: ...


def _numbered(n: int, data: Mapping[str, Any]) -> bytes:
    return b"id: %d\ndata: %b\n\n" % (n, orjson.dumps(data))


EncoderFactory = Callable[[TurnNames], StreamEncoder]


def ending_error(event: TurnFailed | TurnInterrupted) -> DomainError:
    """An ending that is an error, as the domain error that a contract's table can name."""
    if isinstance(event, TurnInterrupted):
        return Unavailable(retry_after=1)
    if event.code == "internal":
        return DomainError()
    return VendorFailed(retry_after=event.retry_after)

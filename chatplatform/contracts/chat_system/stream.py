"""A turn as this contract's frames, which go over its WebSocket and, as the data of server-sent events, to whoever reads a turn
again.

    stream_start        the turn has begun
    reference_chunk     a passage that the answer was given to read; all of them come before the text
    content_chunk       a piece of the answer, numbered from 1. The last one of an answer that is complete or was stopped has
                        `is_final`, and no text: nobody knows that a piece is the last before the next one has not come
    stream_end          the whole answer once more, and what it took
    error               the answer failed
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import orjson

from chatplatform.contracts.chat_system.errors import ERRORS, error_object
from chatplatform.contracts.contract import utc, utc_now
from chatplatform.contracts.encoder import Frame, StreamEncoder, TurnEncoder, TurnNames, ending_error
from chatplatform.contracts.errors import SOON, WireError
from chatplatform.core.errors import DomainError
from chatplatform.core.ids import prefixed
from conversations.turns.events import (
    ReferenceFound,
    ReferenceView,
    TextAdded,
    TurnCompleted,
    TurnFailed,
    TurnInterrupted,
    TurnStarted,
    TurnStopped,
    TurnUsage,
)

GENERATION_FAILED = "GENERATION_FAILED"
"""What an answer's failure is called once its stream has begun; a failure before that has its row in the table."""


class SessionEncoder(TurnEncoder[Frame]):
    """It counts what it is given, since the last frame sums the turn up. So it must see all of a turn, and writes nothing of what
    its reader has."""

    def __init__(self, names: TurnNames) -> None:
        self._ids = {
            "session_id": prefixed("sess", names.conversation_id),
            "message_id": prefixed("msg", names.message_id),
        }
        self._turn_id = str(names.turn_id)
        self._seen = 0
        self._began: datetime | None = None
        self._retrieval_ms = 0
        self._references = 0
        self._pieces: list[str] = []
        # All that is the same in each of a turn's content frames.
        ids = orjson.dumps(self._ids).decode()[1:-1]
        self._chunk = (
            f'{{"type":"content_chunk","data":{{{ids},"turn_id":"{self._turn_id}","n":%d,"chunk_index":%d,"content":%s,'
            '"is_final":%s},"timestamp":"%s"}'
        )

    def start_after(self, seen: int) -> int:
        self._seen = seen
        return 0

    @abstractmethod
    def write(self, n: int, *frames: str) -> Frame:
        """The frames of event `n` as they go out. None: nothing does."""

    def started(self, event: TurnStarted) -> Frame:
        self._began = event.at
        self._retrieval_ms = event.retrieval_ms or 0
        if event.n <= self._seen:
            return self.write(event.n)
        question = None if event.user_message_id is None else prefixed("msg", event.user_message_id)
        return self.write(event.n, self._frame("stream_start", event.n, event.at, user_message_id=question, model=event.model))

    def reference(self, event: ReferenceFound) -> Frame:
        self._references += 1
        if event.n <= self._seen:
            return self.write(event.n)
        return self.write(event.n, self._frame("reference_chunk", event.n, None, reference=reference_object(event.reference)))

    def text(self, event: TextAdded) -> Frame:
        self._pieces.append(event.text)
        if event.n <= self._seen:
            return self.write(event.n)
        content = orjson.dumps(event.text).decode()
        return self.write(event.n, self._chunk % (event.n, len(self._pieces), content, "false", utc_now()))

    # The ending is written to whoever asks, as all streams have it.

    def completed(self, event: TurnCompleted) -> Frame:
        return self._end(event, event.usage, finish_reason=event.finish_reason, model=event.model)

    def stopped(self, event: TurnStopped) -> Frame:
        return self._end(event, event.usage, stopped=True)

    def failed(self, event: TurnFailed) -> Frame:
        return self._failure(event)

    def interrupted(self, event: TurnInterrupted) -> Frame:
        return self._failure(event)

    def _end(self, event: TurnCompleted | TurnStopped, usage: TurnUsage, **more: Any) -> Frame:
        chunks = len(self._pieces) + 1
        end = self._frame(
            "stream_end",
            event.n,
            event.at,
            final_content="".join(self._pieces),
            total_tokens=usage.total_tokens,
            total_chunks=chunks,
            references_count=self._references,
            processing_time_ms=self._milliseconds(event.at),
            **more,
        )
        return self.write(event.n, self._chunk % (event.n, chunks, '""', "true", utc(event.at)), end)

    def _failure(self, event: TurnFailed | TurnInterrupted) -> Frame:
        wire = WireError.of(ending_error(event), ERRORS)
        wire = replace(wire, code=GENERATION_FAILED, turn_id=self._turn_id, text_kept=bool(self._pieces))
        return self.write(event.n, self._frame("error", event.n, event.at, **error_data(wire)))

    def _milliseconds(self, ended: datetime) -> int:
        return self._retrieval_ms + round((ended - (self._began or ended)).total_seconds() * 1000)

    def _frame(self, kind: str, n: int, at: datetime | None, **more: Any) -> str:
        return make_frame(kind, {**self._ids, "turn_id": self._turn_id, "n": n, **more}, at)


class EventEncoder(SessionEncoder[bytes], StreamEncoder):
    """The same frames as `data:` lines."""

    def write(self, n: int, *frames: str) -> bytes:
        if not frames:
            return b""
        lines = [b"data: %b\n\n" % text.encode() for text in frames]
        # Only an event's last frame has its number: whoever is cut off between two of them comes back for both.
        lines[-1] = b"id: %d\n" % n + lines[-1]
        return b"".join(lines)

    def error(self, error: DomainError) -> bytes:
        # Without a number: it is not one of the turn's events, and a reader who comes back has missed nothing by it.
        data = {**self._ids, "turn_id": self._turn_id, **error_data(WireError.of(error, ERRORS))}
        return b"data: %b\n\n" % make_frame("error", data).encode()


def reference_object(reference: ReferenceView) -> dict[str, Any]:
    return {
        "reference_id": prefixed("ref", reference.id),
        "document_id": prefixed("doc", reference.document_id),
        "chunk_id": prefixed("chunk", reference.chunk_id),
        "excerpt": reference.excerpt,
        "relevance_score": round(reference.score, 4),
        "document_title": reference.title,
        "display_order": reference.position,
        "start_char": reference.start,
        "end_char": reference.end,
        "page_number": reference.page,
    }


def make_frame(kind: str, data: Mapping[str, Any], at: datetime | None = None) -> str:
    return orjson.dumps({"type": kind, "data": data, "timestamp": utc_now() if at is None else utc(at)}).decode()


def error_data(error: WireError) -> dict[str, Any]:
    """`retry_after` is a number wherever it may go well at another time, also when nobody has said when."""
    found = error_object(error)
    seconds = error.retry_after or (SOON if error.status >= 500 else None)
    return {"error_code": found.pop("code"), "error_message": found.pop("details"), **found, "retry_after": seconds}

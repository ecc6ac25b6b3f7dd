"""A turn as this contract's server-sent events: `chunk`…, then `complete` or `error`. There is no first event, and none has a
number: the documented readers parse every line that is not empty, so there are `data:` lines and blank ones, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from chatplatform.contracts.coze.errors import ERRORS, sentence
from chatplatform.contracts.encoder import StreamEncoder, TurnNames, ending_error
from chatplatform.contracts.errors import WireError
from chatplatform.core.errors import DomainError
from chatplatform.core.ids import prefixed
from conversations.turns.events import (
    TextAdded,
    TurnCompleted,
    TurnEvent,
    TurnFailed,
    TurnInterrupted,
    TurnStarted,
    TurnStopped,
)


class EventEncoder(StreamEncoder):
    """It counts what it is given, since the last frame sums the turn up. So it must see all of a turn, and writes nothing of what
    its reader has."""

    heartbeat = b"\n"

    def __init__(self, names: TurnNames, session_id: str = "") -> None:
        """`session_id`: the client's own name for where it talks; empty where nobody knows it."""
        self._names = {
            "conversation_id": prefixed("conv", names.conversation_id),
            "message_id": prefixed("msg", names.message_id),
            "turn_id": str(names.turn_id),
        }
        if session_id:
            self._names = {"session_id": session_id, **self._names}
        self._seen = 0
        self._pieces: list[str] = []

    def start_after(self, seen: int) -> int:
        self._seen = seen
        return 0

    def writes(self, events: Iterable[TurnEvent]) -> Iterable[bytes]:
        """One for each frame: the documented reader in a browser takes what it is given at once for whole lines."""
        return [data for event in events if (data := self.frame(event))]

    def started(self, event: TurnStarted) -> bytes:
        return b""

    def text(self, event: TextAdded) -> bytes:
        pieces = self._pieces
        pieces.append(event.text)
        if event.n <= self._seen:
            return b""
        known = len(pieces)
        return b'data: {"type":"chunk","data":{"content":%b,"chunk_index":%d,"total_chunks":%d}}\n\n' % (
            orjson.dumps(event.text), known - 1, known,
        )  # fmt: skip

    def completed(self, event: TurnCompleted) -> bytes:
        return self._complete(event.n, {"finish_reason": event.finish_reason, "model": event.model})

    def stopped(self, event: TurnStopped) -> bytes:
        return self._complete(event.n, {"stopped": True})

    def failed(self, event: TurnFailed) -> bytes:
        return self._error(event.n, ending_error(event))

    def interrupted(self, event: TurnInterrupted) -> bytes:
        return self._error(event.n, ending_error(event))

    def error(self, error: DomainError) -> bytes:
        return _event("error", {"message": sentence(WireError.of(error, ERRORS)), **self._names})

    def _complete(self, n: int, more: dict[str, Any]) -> bytes:
        if n <= self._seen:
            return b""
        summed = {"total_chunks": len(self._pieces), "full_content": "".join(self._pieces)}
        return _event("complete", {**summed, **self._names, **more})

    def _error(self, n: int, error: DomainError) -> bytes:
        return b"" if n <= self._seen else self.error(error)


def _event(kind: str, data: dict[str, Any]) -> bytes:
    return b"data: %b\n\n" % orjson.dumps({"type": kind, "data": data})

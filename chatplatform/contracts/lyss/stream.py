"""A turn as this contract's server-sent events: `start`, `content`…, then `end` or `error`, with the event's number as `id:`."""

from __future__ import annotations

from typing import Any

import orjson

from chatplatform.contracts.encoder import StreamEncoder, TurnNames, ending_error
from chatplatform.contracts.errors import WireError
from chatplatform.contracts.lyss.errors import ERRORS, error_object
from chatplatform.core.errors import DomainError
from conversations.turns.events import (
    TextAdded,
    TurnCompleted,
    TurnFailed,
    TurnInterrupted,
    TurnStarted,
    TurnStopped,
    TurnUsage,
)


def usd(micros: int | None) -> float | None:
    """None: nobody knows the price."""
    return None if micros is None else micros / 1e6


class EventEncoder(StreamEncoder):
    def __init__(self, names: TurnNames) -> None:
        self._turn_id = names.turn_id
        self._conversation_id = names.conversation_number
        self._message_id = names.message_number

    def text(self, event: TextAdded) -> bytes:
        return b'id: %d\ndata: {"type":"content","content":%b}\n\n' % (event.n, orjson.dumps(event.text))

    def started(self, event: TurnStarted) -> bytes:
        return _event(
            event.n,
            {
                "type": "start",
                "conversation_id": self._conversation_id,
                "message_id": self._message_id,
                "turn_id": event.turn_id,
                "model": event.model,
            },
        )

    def completed(self, event: TurnCompleted) -> bytes:
        return self._end(event.n, event.usage, {"finish_reason": event.finish_reason, "model": event.model})

    def stopped(self, event: TurnStopped) -> bytes:
        return self._end(event.n, event.usage, {"stopped": True})

    def failed(self, event: TurnFailed) -> bytes:
        return _event(event.n, self._error(ending_error(event)))

    def interrupted(self, event: TurnInterrupted) -> bytes:
        return _event(event.n, self._error(ending_error(event)))

    def error(self, error: DomainError) -> bytes:
        # Without a number: it is not one of the turn's events, and a reader who comes back has missed nothing by it.
        return b"data: %b\n\n" % orjson.dumps(self._error(error))

    def _end(self, n: int, usage: TurnUsage, more: dict[str, Any]) -> bytes:
        spent = {
            "tokens_used": usage.total_tokens or 0,
            "cost": usd(usage.cost_micros),
            "cached": usage.cached_tokens > 0,
        }
        return _event(n, {"type": "end", "message_id": self._message_id, **spent, "turn_id": self._turn_id, **more})

    def _error(self, error: DomainError) -> dict[str, Any]:
        found = error_object(WireError.of(error, ERRORS))
        return {"type": "error", "error": found, "turn_id": self._turn_id, "message_id": self._message_id}


def _event(n: int, data: dict[str, Any]) -> bytes:
    return b"id: %d\ndata: %b\n\n" % (n, orjson.dumps(data))

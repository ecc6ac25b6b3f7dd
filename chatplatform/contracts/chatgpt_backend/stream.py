"""A turn as this contract's server-sent events: `start`, `content`…, then `end` or `error`, with the event's number as `id:`."""

from __future__ import annotations

from typing import Any

import orjson

from chatplatform.contracts.chatgpt_backend.errors import ERRORS, error_object
from chatplatform.contracts.encoder import StreamEncoder, TurnNames, ending_error
from chatplatform.contracts.errors import WireError
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


def usage_object(usage: TurnUsage) -> dict[str, Any]:
    """Counts are 0 where nothing was spent, and null where nobody knows them."""
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
        "source": usage.source,
    }


class EventEncoder(StreamEncoder):
    def __init__(self, names: TurnNames) -> None:
        self._names = names

    def text(self, event: TextAdded) -> bytes:
        return b'id: %d\ndata: {"type":"content","content":%b}\n\n' % (event.n, orjson.dumps(event.text))

    def started(self, event: TurnStarted) -> bytes:
        return _event(
            event.n,
            {
                "type": "start",
                "message_id": event.message_id,
                "turn_id": event.turn_id,
                "conversation_id": event.conversation_id,
                "user_message_id": event.user_message_id,
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
        names = {"turn_id": self._names.turn_id, "message_id": self._names.message_id}
        return _event(n, {"type": "end", "usage": usage_object(usage), **names, **more})

    def _error(self, error: DomainError) -> dict[str, Any]:
        found = error_object(WireError.of(error, ERRORS))
        return {"type": "error", "error": found, "turn_id": self._names.turn_id, "message_id": self._names.message_id}


def _event(n: int, data: dict[str, Any]) -> bytes:
    return b"id: %d\ndata: %b\n\n" % (n, orjson.dumps(data))

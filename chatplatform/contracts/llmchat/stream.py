"""A turn as this contract's server-sent events: `start`, `chunk`…, then `end` or `error`, with the event's number as `id:`."""

from __future__ import annotations

from typing import Any

import orjson

from chatplatform.contracts.encoder import StreamEncoder, TurnNames, ending_error
from chatplatform.contracts.errors import WireError
from chatplatform.contracts.llmchat.errors import ERRORS
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
    return {
        "promptTokens": usage.prompt_tokens,
        "completionTokens": usage.completion_tokens,
        "totalTokens": usage.total_tokens,
    }


class EventEncoder(StreamEncoder):
    def __init__(self, names: TurnNames) -> None:
        self._names = {"sessionId": names.conversation_id, "messageId": names.message_id, "turnId": names.turn_id}

    def text(self, event: TextAdded) -> bytes:
        return b'id: %d\nevent: chunk\ndata: {"type":"text","content":%b}\n\n' % (event.n, orjson.dumps(event.text))

    def started(self, event: TurnStarted) -> bytes:
        return _event(event.n, b"start", {"type": "start", **self._names, "model": event.model})

    def completed(self, event: TurnCompleted) -> bytes:
        return self._end(event.n, event.usage, {"finishReason": event.finish_reason, "model": event.model})

    def stopped(self, event: TurnStopped) -> bytes:
        return self._end(event.n, event.usage, {"stopped": True})

    def failed(self, event: TurnFailed) -> bytes:
        return _event(event.n, b"error", self._error(ending_error(event)))

    def interrupted(self, event: TurnInterrupted) -> bytes:
        return _event(event.n, b"error", self._error(ending_error(event)))

    def error(self, error: DomainError) -> bytes:
        # Without a number: it is not one of the turn's events, and a reader who comes back has missed nothing by it.
        return b"event: error\ndata: %b\n\n" % orjson.dumps(self._error(error))

    def _end(self, n: int, usage: TurnUsage, more: dict[str, Any]) -> bytes:
        return _event(n, b"end", {"type": "end", **self._names, "usage": usage_object(usage), **more})

    def _error(self, error: DomainError) -> dict[str, Any]:
        wire = WireError.of(error, ERRORS)
        return {"type": "error", "code": wire.code, "message": wire.message, **self._names}


def _event(n: int, name: bytes, data: dict[str, Any]) -> bytes:
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (n, name, orjson.dumps(data))

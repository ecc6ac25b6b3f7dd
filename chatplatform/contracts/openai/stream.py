"""A turn as chunks of a chat completion: the role, the text delta by delta, why it ended, what it took, `[DONE]`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from chatplatform.contracts.encoder import StreamEncoder, TurnNames, ending_error
from chatplatform.contracts.errors import WireError
from chatplatform.contracts.openai.errors import ERRORS, error_object
from chatplatform.core.errors import DomainError
from conversations.turns.events import (
    ENDINGS,
    TextAdded,
    TurnCompleted,
    TurnEvent,
    TurnFailed,
    TurnInterrupted,
    TurnStarted,
    TurnStopped,
    TurnUsage,
)
from providers.base import FinishReason

_FINISH_REASONS = {FinishReason.STOP, FinishReason.LENGTH, FinishReason.FILTER}


def finish_reason(reason: str) -> str:
    """One that OpenAI has."""
    return reason if reason in _FINISH_REASONS else "stop"


def usage_object(usage: TurnUsage) -> dict[str, Any] | None:
    """None where nobody counted."""
    if usage.total_tokens is None:
        return None
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
    }


class ChunkEncoder(StreamEncoder):
    # Without the empty line that ends an event: the official Python client takes one for an event without data as soon as it has
    # seen an `id:`, and fails to read it as JSON.
    heartbeat = b": still here\n"

    def __init__(self, names: TurnNames, *, include_usage: bool = False, metadata: Mapping[str, Any] | None = None) -> None:
        """`metadata` is the client's own, as it comes back."""
        self._turn_id = names.turn_id
        self._include_usage = include_usage
        self._own = dict(metadata or {})
        self._told: dict[str, Any] = {}
        """What the first and the last chunk say of the turn."""
        self._seen = 0
        self._head: dict[str, Any] = {}
        self._before_text = b""
        self._after_text = b'},"logprobs":null,"finish_reason":null}]%b}\n\n' % (b',"usage":null' if include_usage else b"")

    def start_after(self, seen: int) -> int:
        """From the beginning: every chunk says what its first event says."""
        self._seen = seen
        return 0

    def frames(self, events: Iterable[TurnEvent]) -> bytes:
        if not self._seen:
            return super().frames(events)
        framed = [(event, self.frame(event)) for event in events]
        return b"".join([frame for event, frame in framed if event.n > self._seen or isinstance(event, ENDINGS)])

    def text(self, event: TextAdded) -> bytes:
        return b"id: %d\n%b%b%b" % (event.n, self._before_text, orjson.dumps(event.text), self._after_text)

    def started(self, event: TurnStarted) -> bytes:
        self._head = {
            "id": f"chatcmpl-{self._turn_id.hex}",
            "object": "chat.completion.chunk",
            "created": int(event.at.timestamp()),
            "model": event.model,
            "system_fingerprint": None,
        }
        opened = orjson.dumps(self._head).removesuffix(b"}")
        self._before_text = b'data: %b,"choices":[{"index":0,"delta":{"content":' % opened
        self._told = {"turn_id": self._turn_id}
        if event.conversation_id is not None:
            self._told["metadata"] = {**self._own, "conversation_id": event.conversation_id}
        return b"id: %d\n%b" % (event.n, self._chunk({"role": "assistant", "content": "", "refusal": None}, None, **self._told))

    def completed(self, event: TurnCompleted) -> bytes:
        self._head["model"] = event.model or self._head["model"]
        return self._end(event.n, finish_reason(event.finish_reason), event.usage)

    def stopped(self, event: TurnStopped) -> bytes:
        return self._end(event.n, "stop", event.usage, stopped=True)

    def failed(self, event: TurnFailed) -> bytes:
        return b"id: %d\n%b" % (event.n, self.error(ending_error(event)))

    def interrupted(self, event: TurnInterrupted) -> bytes:
        return b"id: %d\n%b" % (event.n, self.error(ending_error(event)))

    def error(self, error: DomainError) -> bytes:
        return b"data: %b\n\n" % orjson.dumps({"error": error_object(WireError.of(error, ERRORS))})

    def _end(self, n: int, reason: str, usage: TurnUsage, **more: Any) -> bytes:
        frames = b"id: %d\n%b" % (n, self._chunk({}, reason, **self._told, **more))
        if self._include_usage:
            frames += b"data: %b\n\n" % orjson.dumps({**self._head, "choices": [], "usage": usage_object(usage)})
        return frames + b"data: [DONE]\n\n"

    def _chunk(self, delta: Mapping[str, Any], reason: str | None, **more: Any) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        usage = {"usage": None} if self._include_usage else {}
        return b"data: %b\n\n" % orjson.dumps({**self._head, "choices": [choice], **usage, **more})

"""Anthropic's messages after excerpts of its documentation, read on 2026-11-21, and the types of its SDK:

https://docs.anthropic.com/en/docs/build-with-claude/streaming   events, their order, pings, errors inside

By the SDK's types alone, their pages were not opened:

https://docs.anthropic.com/en/api/errors                         statuses and their objects
https://docs.anthropic.com/en/api/models-list                    the list

`input_tokens` leave the cached ones out, and counts are cumulative: `message_delta` has the final ones.
"""

from typing import Any

import orjson

from providers.adapters.anthropic_messages import AnthropicMessages
from providers.base import Endpoint, Provider
from tests.vendors.wire import CACHED_TOKENS, PROMPT_TOKENS, Asked, Wire

MODEL = "claude-haiku-4-5-20251001"
TYPES = {401: "authentication_error", 404: "not_found_error", 429: "rate_limit_error", 500: "api_error"}


def event(name: str, **fields: Any) -> bytes:
    return f"event: {name}\n".encode() + b"data: " + orjson.dumps({"type": name, **fields}) + b"\n\n"


def delta(kind: str, **fields: Any) -> bytes:
    return event("content_block_delta", index=0, delta={"type": kind, **fields})


class AnthropicWire(Wire):
    name = "anthropic"
    page = "https://docs.anthropic.com/en/docs/build-with-claude/streaming"
    read_on = "2026-11-21"

    def provider(self, endpoint: Endpoint) -> Provider:
        return AnthropicMessages(endpoint)

    def script(self, asked: Asked) -> str:
        return asked.body["model"] if asked.path == "/v1/messages" else ""

    def other(self, asked: Asked) -> Any:
        if asked.path != "/v1/models":
            return None
        names = ["claude-haiku-4-5-20251001"] if "after_id" in asked.query else ["claude-opus-4-5", "claude-sonnet-4-5"]
        listed = [{"type": "model", "id": one, "display_name": one, "created_at": "2026-02-19T00:00:00Z"} for one in names]
        return {"data": listed, "has_more": "after_id" not in asked.query, "first_id": names[0], "last_id": names[-1]}

    def refusal(self, status: int, words: str) -> tuple[int, Any]:
        error = {"type": TYPES[status], "message": words}
        return status, {"type": "error", "error": error, "request_id": "req_011CSHoEeqs5C35K2UUqR7Fy"}

    def opening(self, asked: Asked) -> bytes:
        usage = {"input_tokens": PROMPT_TOKENS - CACHED_TOKENS, "cache_creation_input_tokens": 0}
        counts = {**usage, "cache_read_input_tokens": CACHED_TOKENS, "output_tokens": 1, "service_tier": "standard"}
        message = {"id": "msg_014p7gG3wDgGV9EUtLvnow3U", "type": "message", "role": "assistant", "model": MODEL, "content": []}
        started = event("message_start", message={**message, "stop_reason": None, "stop_sequence": None, "usage": counts})
        return started + event("content_block_start", index=0, content_block={"type": "text", "text": ""}) + event("ping")

    def delta(self, text: str) -> bytes:
        return delta("text_delta", text=text)

    def thought(self, text: str) -> bytes:
        return delta("thinking_delta", thinking=text) + delta("signature_delta", signature="EqQBCgIYAhIM1gbcDa9GJwZA2b3h")

    def ending(self, asked: Asked, completion_tokens: Any, *, length: bool = False) -> bytes:
        stopped = {"stop_reason": "max_tokens" if length else "end_turn", "stop_sequence": None}
        usage = {} if completion_tokens is None else {"usage": {"output_tokens": completion_tokens}}
        return event("content_block_stop", index=0) + event("message_delta", delta=stopped, **usage) + event("message_stop")

    def error_inside(self) -> bytes:
        return event("error", error={"type": "overloaded_error", "message": "Overloaded"})

    def bad_events(self) -> bytes:
        half = b'event: content_block_delta\ndata: {"type":"content_block_delta","delta":{"type":"text_delta","text":"lost\n\n'
        return half + b"event: content_block_delta\ndata: [1,2]\n\n" + event("something_new", index=7) + b"data: {}\n\n"

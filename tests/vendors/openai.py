"""OpenAI's chat completions. Unverified: these pages were not opened. llama.cpp's own server is the real peer of this adapter
(`tests/providers/test_the_local_model_as_a_vendor.py`).

https://platform.openai.com/docs/api-reference/chat/streaming   chunks, usage in the last one
https://platform.openai.com/docs/guides/error-codes             statuses and their objects
"""

from typing import Any

import orjson

from providers.adapters.openai_compatible import OpenAICompatible
from providers.base import Endpoint, Provider
from tests.vendors.wire import CACHED_TOKENS, PROMPT_TOKENS, Asked, Wire

ABOUT = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1760000000, "model": "gpt-4o-mini"}
CODES = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded", 500: "server_error"}


def event(body: Any) -> bytes:
    return b"data: " + (body if isinstance(body, bytes) else orjson.dumps(body)) + b"\n\n"


def chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
    return event({**ABOUT, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], "usage": None})


class OpenAIWire(Wire):
    name = "openai"
    page = "https://platform.openai.com/docs/api-reference/chat/streaming"
    read_on = ""

    def provider(self, endpoint: Endpoint) -> Provider:
        return OpenAICompatible(endpoint)

    def script(self, asked: Asked) -> str:
        return asked.body["model"] if asked.path == "/chat/completions" else ""

    def other(self, asked: Asked) -> Any:
        if asked.path == "/models":
            return {"object": "list", "data": [{"id": "gpt-4o-mini", "object": "model", "created": 1, "owned_by": "openai"}]}
        return None

    def refusal(self, status: int, words: str) -> tuple[int, Any]:
        return status, {"error": {"message": words, "type": "invalid_request_error", "param": None, "code": CODES[status]}}

    def opening(self, asked: Asked) -> bytes:
        return chunk({"role": "assistant", "content": ""})

    def delta(self, text: str) -> bytes:
        return chunk({"content": text})

    def thought(self, text: str) -> bytes:
        # Not OpenAI's: DeepSeek's, https://api-docs.deepseek.com/guides/reasoning_model
        return chunk({"reasoning_content": text})

    def ending(self, asked: Asked, completion_tokens: Any, *, length: bool = False) -> bytes:
        last = chunk({}, "length" if length else "stop")
        if completion_tokens is None:
            return last + event(b"[DONE]")
        usage = {"prompt_tokens": PROMPT_TOKENS, "completion_tokens": completion_tokens, "total_tokens": 0}
        details = {"prompt_tokens_details": {"cached_tokens": CACHED_TOKENS}}
        return last + event({**ABOUT, "choices": [], "usage": {**usage, **details}}) + event(b"[DONE]")

    def error_inside(self) -> bytes:
        return event({"error": {"message": "Too many requests", "type": "requests", "code": "rate_limit_exceeded"}})

    def bad_events(self) -> bytes:
        return event(b'{"choices":[{"delta":{"content":"lost') + event(b"[1,2]") + event(b"")

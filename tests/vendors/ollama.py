"""Ollama's own API as the documentation in its repository has it, read on 2026-11-21:

https://github.com/ollama/ollama/blob/main/docs/openapi.yaml      one object a line, counts in the last one
https://github.com/ollama/ollama/blob/main/docs/api/errors.mdx    statuses, and the line that is an error

The list (https://docs.ollama.com/api/tags) was not looked up.
"""

from typing import Any

import orjson

from providers.adapters.ollama import Ollama
from providers.base import Endpoint, Provider
from tests.vendors.wire import PROMPT_TOKENS, Asked, Wire

ABOUT = {"model": "gemma3", "created_at": "2026-11-21T17:15:24.097767Z"}


def line(**fields: Any) -> bytes:
    return orjson.dumps(fields) + b"\n"


def message(done: bool = False, **fields: Any) -> bytes:
    return line(**ABOUT, message={"role": "assistant", "content": "", **fields}, done=done)


class OllamaWire(Wire):
    name = "ollama"
    page = "https://github.com/ollama/ollama/blob/main/docs/openapi.yaml"
    read_on = "2026-11-21"
    media = "application/x-ndjson"
    caches = False

    def provider(self, endpoint: Endpoint) -> Provider:
        return Ollama(endpoint)

    def script(self, asked: Asked) -> str:
        return asked.body["model"] if asked.path == "/api/chat" else ""

    def other(self, asked: Asked) -> Any:
        details = {"format": "gguf", "family": "gemma", "parameter_size": "4.3B", "quantization_level": "Q4_K_M"}
        model = {"name": "gemma3:latest", "model": "gemma3:latest", "size": 3338801804, "digest": "a2af6cc3", "details": details}
        return {"models": [model]} if asked.path == "/api/tags" else None

    def refusal(self, status: int, words: str) -> tuple[int, Any]:
        return status, {"error": words}

    def opening(self, asked: Asked) -> bytes:
        return b""

    def delta(self, text: str) -> bytes:
        return message(content=text)

    def thought(self, text: str) -> bytes:
        return message(thinking=text)

    def ending(self, asked: Asked, completion_tokens: Any, *, length: bool = False) -> bytes:
        times = {
            "total_duration": 174560334,
            "load_duration": 101397084,
            "prompt_eval_duration": 13074791,
            "eval_duration": 52479709,
        }
        counts = {} if completion_tokens is None else {"prompt_eval_count": PROMPT_TOKENS, "eval_count": completion_tokens}
        reason = "length" if length else "stop"
        said = {"role": "assistant", "content": ""}
        return line(**ABOUT, message=said, done=True, done_reason=reason, **times, **counts)

    def error_inside(self) -> bytes:
        return line(error="server busy, please try again. too many requests")

    def bad_events(self) -> bytes:
        return b'{"message":{"content":"lost\n[1,2]\n\n7\n'

"""What FastGPT's chat completions say, after its documentation and, where that is silent, its source, read on 2026-11-21:

https://github.com/labring/FastGPT/blob/main/document/content/docs/openapi/chat.mdx    request, `chatId`, events, their order
https://github.com/labring/FastGPT, projects/app/src/pages/api/v2/chat/completions.ts  `flowNodeResponse`, the usage that is none
https://github.com/labring/FastGPT, packages/service/common/response/index.ts          errors: HTTP 500, or an event in a 200

With `detail` each event is named: `answer` is a chunk of chat completions, `flowResponses` after `[DONE]` holds what each step of
the workflow took. Newer servers tell that as each step ends (`flowNodeResponse`) and end at `[DONE]`.
"""

from typing import Any

import orjson

from providers.adapters.fastgpt import FastGPT
from providers.base import Endpoint, Limits, Provider
from tests.vendors.wire import KEY, PROMPT_TOKENS, Asked, Wire

REFUSALS = {401: (500, 514, "unAuthApiKey"), 404: (404, 404, "error"), 429: (429, 429, ""), 500: (500, 500, "error")}
"""By what is meant: HTTP's status, the body's code, its `statusText`."""
PLUGIN_MODEL = {"id": "s4", "moduleType": "chatNode", "inputTokens": 30, "outputTokens": 3}
NO_MESSAGES = {"code": 500, "statusText": "error", "message": "messages is empty", "data": None}


def event(name: str, data: Any) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + (data if isinstance(data, bytes) else orjson.dumps(data)) + b"\n\n"


def chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    choices = [{"delta": delta, "index": 0, "finish_reason": finish}]
    return {"id": "", "object": "", "created": 0, "model": "", "choices": choices}


def answer(piece: str) -> bytes:
    return event("answer", chunk({"role": "assistant", "content": piece}))


def thought(piece: str) -> bytes:
    return event("answer", chunk({"role": "assistant", "reasoning_content": piece}))


def ending() -> bytes:
    return event("answer", chunk({}, "stop")) + event("answer", b"[DONE]")


def steps(prompt: Any, completion: Any) -> list[dict[str, Any]]:
    """What the workflow took: a search of the knowledge base, a model, a plugin with a model of its own."""
    search = {
        "id": "s1",
        "moduleName": "search",
        "moduleType": "datasetSearchNode",
        "runningTime": 1.78,
        "embeddingTokens": 6,
        "queryExtensionResult": {"model": "small", "inputTokens": 20, "outputTokens": 2, "query": "who"},
    }
    return [
        search,
        {"id": "s2", "moduleName": "AI", "moduleType": "chatNode", "inputTokens": prompt, "outputTokens": completion},
        {"id": "s3", "moduleType": "pluginModule", "totalPoints": 1, "pluginDetail": [PLUGIN_MODEL]},
        {"id": "s5", "moduleType": "tools", "toolCallInputTokens": 40, "toolCallOutputTokens": 4, "toolDetail": []},
    ]


def workflow(*pieces: str) -> bytes:
    return b"".join(
        (
            event("flowNodeStatus", {"status": "running", "name": "search"}),
            event("flowNodeStatus", {"status": "running", "name": "AI"}),
            event("toolCall", {"tool": {"id": "t1", "toolName": "clock", "functionName": "now", "params": ""}}),
            *(answer(piece) for piece in pieces),
            ending(),
            event("flowResponses", steps(100, 10)),
        )
    )


def newer_workflow(*pieces: str) -> bytes:
    return b"".join(
        (
            event("flowNodeStatus", {"status": "running", "name": "AI"}),
            *(answer(piece) for piece in pieces),
            event("flowNodeResponse", PLUGIN_MODEL),  # and once more within its plugin
            *(event("flowNodeResponse", step) for step in steps(100, 10)),
            event("workflowDuration", {"durationSeconds": 1.2}),
            ending(),
        )
    )


def without_detail(*pieces: str) -> bytes:
    said = b"".join(b"data: " + orjson.dumps(chunk({"content": piece})) + b"\n\n" for piece in pieces)
    return said + b"data: " + orjson.dumps(chunk({}, "stop")) + b"\n\ndata: [DONE]\n\n"


def choice() -> bytes:
    options = [{"key": "option1", "value": "Confirm"}, {"key": "option2", "value": "Cancel"}]
    asked = {"type": "userSelect", "params": {"description": "Shall I?", "userSelectOptions": options}}
    return event("interactive", {"interactive": asked}) + ending() + event("flowResponses", [])


def form() -> bytes:
    fields = [{"type": "input", "key": "name", "label": "Name"}, {"type": "numberInput", "key": "age", "label": "Age"}]
    asked = {"type": "userInput", "params": {"description": "Who are you?", "inputForm": fields}}
    return event("interactive", {"interactive": asked}) + ending() + event("flowResponses", [])


def one_body(text: str) -> dict[str, Any]:
    choices = [{"message": {"role": "assistant", "content": text}, "finish_reason": "stop", "index": 0}]
    fake = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 1}
    return {"responseData": steps(100, 10), "id": "c", "model": "", "usage": fake, "choices": choices}


class FastGPTWire(Wire):
    """A workflow. The key names the app: `fastgpt-<script>.<key>`."""

    name = "fastgpt"
    page = "https://github.com/labring/FastGPT/blob/main/document/content/docs/openapi/chat.mdx"
    read_on = "2026-11-21"
    caches = False
    limits_answers = False

    def provider(self, endpoint: Endpoint) -> Provider:
        return FastGPT(endpoint)

    def endpoint(self, url: str, script: str, limits: Limits) -> Endpoint:
        return Endpoint(url, f"fastgpt-{script}.{KEY}", trusted=True, limits=limits)

    def script(self, asked: Asked) -> str:
        return app_of(asked) if asked.path == "/v1/chat/completions" and asked.body["messages"] else ""

    def other(self, asked: Asked) -> Any:
        if asked.path != "/v1/chat/completions":
            return None
        return self.refusal(401, "Api Key is illegal")[1] if app_of(asked) == "401" else NO_MESSAGES

    def refusal(self, status: int, words: str) -> tuple[int, Any]:
        http, code, name = REFUSALS[status]
        return http, {"code": code, "statusText": name, "message": words, "data": None}

    def opening(self, asked: Asked) -> bytes:
        return event("flowNodeStatus", {"status": "running", "name": "AI"}) + answer("")

    def delta(self, text: str) -> bytes:
        return answer(text)

    def thought(self, text: str) -> bytes:
        return thought(text)

    def ending(self, asked: Asked, completion_tokens: Any, *, length: bool = False) -> bytes:
        counts = {} if completion_tokens is None else {"inputTokens": PROMPT_TOKENS, "outputTokens": completion_tokens}
        return ending() + event("flowResponses", [{"id": "s1", "moduleType": "chatNode", **counts}])

    def error_inside(self) -> bytes:
        return event("error", {"message": "429 Too many requests"})

    def bad_events(self) -> bytes:
        half = b'event: answer\ndata: {"choices":[{"delta":{"content":"lost\n\n'
        return half + event("answer", b"[1,2]") + event("answer", b"") + event("somethingNew", {"x": 1})


def app_of(asked: Asked) -> str:
    return asked.headers["authorization"].removeprefix("Bearer fastgpt-").partition(".")[0]

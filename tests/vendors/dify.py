"""What Dify's service API says, after its documentation, read on 2026-11-21:

https://docs.dify.ai/en/api-reference/chat-messages/send-chat-message   request, events and their order, errors
https://docs.dify.ai/en/api-reference/applications/get-app-info         the check

Each event is one `data:` line whose object names it; keep-alives are `event: ping` without data. A chatbot says `message`s and
`message_end`; an agent `agent_thought`s and `agent_message`s; a chatflow puts workflow and node events around them, and after
`message_end` its `workflow_finished`. An error after the first byte is an event, the status stays 200.
"""

from typing import Any

import orjson

from providers.adapters.dify import Dify
from providers.base import Endpoint, Limits, Provider
from tests.vendors.wire import KEY, PROMPT_TOKENS, Asked, Wire

CONVERSATION = "45701982-8118-4bc5-8e9b-64562b4555f2"
MESSAGE = "9da23599-e713-473b-982c-4328d4f5c78a"
TASK = "c3800678-a077-43df-a102-53f23ed20b88"
CODES = {401: "unauthorized", 404: "not_found", 429: "rate_limit_error", 500: "internal_server_error"}
INFO = {"name": "Helper", "description": "", "tags": [], "mode": "chat", "author_name": "alice"}


def event(name: str, **fields: Any) -> bytes:
    head = {"event": name, "conversation_id": CONVERSATION, "message_id": MESSAGE, "created_at": 1760000000, "task_id": TASK}
    return b"data: " + orjson.dumps({**head, **fields}) + b"\n\n"


def step(name: str, **data: Any) -> bytes:
    """A workflow or node event of a chatflow: its payload is under `data`."""
    return event(name, workflow_run_id="fb47b2e6-5e43-4f90-be01-d5c5a088d156", data=data)


def ending(usage: Any) -> bytes:
    return event("message_end", id=MESSAGE, metadata={"usage": usage, "retriever_resources": []})


def usage(prompt: Any, completion: Any) -> dict[str, Any]:
    prices = {"prompt_unit_price": "0.001", "prompt_price": "0.0010330", "completion_price": "0.0002560", "currency": "USD"}
    total = prompt + completion if isinstance(prompt, int) and isinstance(completion, int) else 0
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": total, "latency": 0.77, **prices}


def chatbot(*pieces: str) -> bytes:
    said = b"".join(event("message", id=MESSAGE, answer=piece) for piece in pieces)
    return b"event: ping\n\n" + said + ending(usage(1033, 128))


def agent(*pieces: str) -> bytes:
    thought = event("agent_thought", id="t1", position=1, thought="Look it up.", tool="search", tool_input='{"search": {}}')
    file = event("message_file", id="f1", type="image", belongs_to="assistant", url="https://example.com/cat.png")
    said = b"".join(event("agent_message", id=MESSAGE, answer=piece) for piece in pieces)
    return thought + file + said + ending(usage(1033, 128))


def chatflow(*pieces: str) -> bytes:
    node = {"id": "ne_001", "node_id": "llm_1", "node_type": "llm", "title": "LLM", "index": 1}
    thinking = step("reasoning_chunk", message_id=MESSAGE, reasoning="Hm, ", node_id="llm_1", is_final=False)
    thought = step("reasoning_chunk", message_id=MESSAGE, reasoning="", node_id="llm_1", is_final=True)
    said = b"".join(event("message", id=MESSAGE, answer=piece, from_variable_selector=["llm_1", "text"]) for piece in pieces)
    return b"".join(
        (
            step("workflow_started", id="wfr", workflow_id="wf", inputs={"city": "Berlin"}),
            step("node_started", **node),
            thinking,
            thought,
            said,
            step("node_finished", **node, status="succeeded", outputs={"text": "".join(pieces)}, elapsed_time=1.5),
            ending(usage(1033, 128)),
            step("workflow_finished", id="wfr", status="succeeded", outputs={"answer": "".join(pieces)}, total_tokens=1161),
        )
    )


def failed_chatflow(*pieces: str) -> bytes:
    return b"".join(
        (
            step("workflow_started", id="wfr", workflow_id="wf", inputs={}),
            *(event("message", id=MESSAGE, answer=piece) for piece in pieces),
            step("workflow_finished", id="wfr", status="failed", error="boom", outputs={}, total_tokens=0),
            event("error", status=400, code="completion_request_error", message="Completion request failed."),
        )
    )


def paused_chatflow() -> bytes:
    form = {"form_id": "f", "form_token": "tok", "form_content": "Please look at the draft.", "inputs": [], "actions": []}
    return b"".join(
        (
            step("workflow_started", id="wfr", workflow_id="wf", inputs={}),
            step("human_input_required", **form),
            step("workflow_paused", paused_nodes=["approval"], outputs={}, reasons=[{"TYPE": "human_input_required"}]),
        )
    )


class DifyWire(Wire):
    """A chatflow. The key names the app: `app-<script>.<key>`."""

    name = "dify"
    page = "https://docs.dify.ai/en/api-reference/chat-messages/send-chat-message"
    read_on = "2026-11-21"
    caches = False
    limits_answers = False

    def provider(self, endpoint: Endpoint) -> Provider:
        return Dify(endpoint)

    def endpoint(self, url: str, script: str, limits: Limits) -> Endpoint:
        return Endpoint(url, f"app-{script}.{KEY}", trusted=True, limits=limits)

    def script(self, asked: Asked) -> str:
        if asked.path != "/chat-messages":
            return ""
        # A conversation that Dify does not know is a 404, whatever the app does else.
        known = asked.body["conversation_id"] in {"", CONVERSATION}
        return asked.headers["authorization"].removeprefix("Bearer app-").partition(".")[0] if known else "no-such-conversation"

    def other(self, asked: Asked) -> Any:
        return INFO if (asked.method, asked.path) == ("GET", "/info") else None

    def refusal(self, status: int, words: str) -> tuple[int, Any]:
        words = "Conversation Not Exists." if "no-such-conversation" in words else words
        return status, {"status": status, "code": CODES[status], "message": words}

    def opening(self, asked: Asked) -> bytes:
        return b"event: ping\n\n" + step("workflow_started", id="wfr", workflow_id="wf", inputs={})

    def delta(self, text: str) -> bytes:
        return event("message", id=MESSAGE, answer=text)

    def thought(self, text: str) -> bytes:
        return step("reasoning_chunk", message_id=MESSAGE, reasoning=text, node_id="llm_1", is_final=False)

    def ending(self, asked: Asked, completion_tokens: Any, *, length: bool = False) -> bytes:
        counted = {"total_tokens": 0} if completion_tokens is None else usage(PROMPT_TOKENS, completion_tokens)
        return ending(counted) + step("workflow_finished", id="wfr", status="succeeded", outputs={})

    def error_inside(self) -> bytes:
        return event("error", status=429, code="rate_limit_error", message="Rate Limit Error")

    def bad_events(self) -> bytes:
        return b'data: {"event": "message", "answer": "lost\n\ndata: [1,2]\n\ndata: {}\n\n' + event("something_new", x=1)

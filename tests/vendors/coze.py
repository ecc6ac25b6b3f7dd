"""What Coze's chat API of version 3 says, after copies of its documentation in public repositories, read on 2026-11-21:

https://docs.coze.cn/developer_guides/chat_v3                       request, events and their order, two namings of usage
https://docs.coze.cn/developer_guides/coze_error_codes              codes
https://docs.coze.cn/developer_guides/get_metadata_draft_published  the check
https://github.com/coze-dev/coze-py/issues/78                       one body, `{"code", "msg"}`, where a stream was asked for

Events are named by `event:` lines, both with and without a space after the colon. Each message comes as deltas and then once more
whole; knowledge, tool calls, the end of all answers (`verbose`) and questions to ask next are messages of other types.
"""

from typing import Any

import orjson

from providers.adapters.coze import Coze
from providers.base import Endpoint, Limits, Provider
from tests.vendors.wire import KEY, PROMPT_TOKENS, Asked, Wire

CONVERSATION = "7381473525342978089"
CHAT = "7382159487131697202"
ANSWER = "7382159494123470858"
CODES = {401: 4100, 404: 4200, 429: 4020, 500: 5000}
"""By what is meant."""
UNKNOWN_CONVERSATION = 4002


def refusal(code: int, words: str) -> dict[str, Any]:
    return {"code": code, "msg": words, "detail": {"logid": "20250402172757C9D48D9701EFB24031A7"}}


def event(name: str, data: Any) -> bytes:
    return f"event:{name}\n".encode() + b"data:" + (data if isinstance(data, bytes) else orjson.dumps(data)) + b"\n\n"


def chat(status: str, **fields: Any) -> bytes:
    none = {"token_count": 0, "output_count": 0, "input_count": 0}
    about = {"id": CHAT, "conversation_id": CONVERSATION, "bot_id": "7379462189365198898", "last_error": {"code": 0, "msg": ""}}
    return event(f"conversation.chat.{status}", {**about, "status": status, "usage": none, **fields})


def message(part: str, kind: str, content: str, **fields: Any) -> bytes:
    """`part` is delta or completed; `kind` answer, follow_up, verbose, function_call, ..."""
    about = {"id": ANSWER, "conversation_id": CONVERSATION, "bot_id": "7379462189365198898", "chat_id": CHAT}
    said = {"role": "assistant", "type": kind, "content": content, "content_type": "text"}
    return event(f"conversation.message.{part}", {**about, **said, **fields})


def opening() -> bytes:
    return chat("created") + chat("in_progress")


def delta(piece: str) -> bytes:
    return message("delta", "answer", piece)


def thought(piece: str) -> bytes:
    return message("delta", "answer", "", reasoning_content=piece)


def usage(prompt: Any, completion: Any) -> dict[str, Any]:
    total = prompt + completion if isinstance(prompt, int) and isinstance(completion, int) else 0
    return {"token_count": total, "output_count": completion, "input_count": prompt}


def ending(counted: Any) -> bytes:
    return chat("completed", usage=counted) + event("done", b'"[DONE]"')


def bot(*pieces: str) -> bytes:
    finish = '{"msg_type":"generate_answer_finish","data":"","from_module":null,"from_unit":null}'
    return b"".join(
        (
            opening(),
            message("completed", "knowledge", "recall slice 1: a rule", id="7382159494123470001"),
            message("completed", "function_call", '{"name":"search"}', id="7382159494123470002"),
            message("completed", "tool_response", '{"content_type":1}', id="7382159494123470003"),
            *(delta(piece) for piece in pieces),
            message("completed", "answer", "".join(pieces)),
            message("completed", "verbose", finish, id="7382159494123552778"),
            message("completed", "follow_up", "And what then?", id="7382159494123552779"),
            ending(usage(614, 19)),
        )
    )


def two_answers() -> bytes:
    """The second one was not streamed; and the frames of the page's other example, with its spaces and its names of counts."""
    second = message("completed", "answer", "And two.", id="7382159494123470859")
    card = message("completed", "answer", '{"card":1}', id="7382159494123470860", content_type="card")
    counted = {"token_count": 3397, "output_tokens": 1173, "input_tokens": 2224}
    end = chat("completed", usage=counted) + event("done", b"[DONE]")
    frames = opening() + delta("One.") + message("completed", "answer", "One.") + second + card + end
    return frames.replace(b"event:", b"event: ").replace(b"data:", b"data: ")


def question() -> bytes:
    """A workflow that asks back: the question is a message, and the chat waits."""
    call = {"id": "c1", "type": "reply_message"}
    action = {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": [call]}}
    return opening() + delta("Which city?") + chat("requires_action", required_action=action) + event("done", b'"[DONE]"')


def tool_call() -> bytes:
    function = {"name": "get_rain_probability", "arguments": '{"location":"Berlin"}'}
    call = {"id": "c1", "type": "function", "function": function}
    action = {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": [call]}}
    return opening() + chat("requires_action", required_action=action) + event("done", b'"[DONE]"')


def failed(code: int, words: str) -> bytes:
    return chat("failed", last_error={"code": code, "msg": words}) + event("done", b'"[DONE]"')


class CozeWire(Wire):
    """A bot, whose id is the script's name."""

    name = "coze"
    page = "https://docs.coze.cn/developer_guides/chat_v3"
    read_on = "2026-11-21"
    caches = False
    limits_answers = False

    def provider(self, endpoint: Endpoint) -> Provider:
        return Coze(endpoint)

    def endpoint(self, url: str, script: str, limits: Limits) -> Endpoint:
        return Endpoint(url, KEY, trusted=True, limits=limits, config={"bot_id": script})

    def script(self, asked: Asked) -> str:
        if asked.path != "/v3/chat":
            return ""
        known = asked.query.get("conversation_id", CONVERSATION) == CONVERSATION
        return str(asked.body["bot_id"]) if known else "no-such-conversation"

    def other(self, asked: Asked) -> Any:
        if not asked.path.startswith("/v1/bots/"):
            return None
        bot = asked.path.removeprefix("/v1/bots/")
        return self.refusal(401, "invalid")[1] if bot == "401" else {"code": 0, "msg": "", "data": {"bot_id": bot, "name": "Bot"}}

    def refusal(self, status: int, words: str) -> tuple[int, Any]:
        if "no-such-conversation" in words:
            return 200, refusal(UNKNOWN_CONVERSATION, "invalid conversation")
        return (200 if status in {401, 404} else status), refusal(CODES[status], words)

    def opening(self, asked: Asked) -> bytes:
        return opening()

    def delta(self, text: str) -> bytes:
        return delta(text)

    def thought(self, text: str) -> bytes:
        return thought(text)

    def ending(self, asked: Asked, completion_tokens: Any, *, length: bool = False) -> bytes:
        counted = None if completion_tokens is None else usage(PROMPT_TOKENS, completion_tokens)
        return message("completed", "follow_up", "And what then?", id="7382159494123552779") + ending(counted)

    def error_inside(self) -> bytes:
        return failed(4009, "The system is at its limit, try again later")

    def bad_events(self) -> bytes:
        half = event("conversation.message.delta", b'{"type":"answer","content":"lost')
        return half + event("conversation.message.delta", b"[1,2]") + event("conversation.message.delta", b"")

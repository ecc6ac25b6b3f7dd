"""Coze's bots by its API of version 3: https://docs.coze.cn/developer_guides/chat_v3

The bot chose the model, its temperature and its limits. Coze keeps the conversation, and answers with its id. A refusal is often
a body `{"code": ..., "msg": ...}` with status 200: https://docs.coze.cn/developer_guides/coze_error_codes
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from providers.adapters.decoding import Decoder, read_json, token_count
from providers.adapters.threads import NOBODY, ThreadedAdapter, ThreadLost, history, instructions, question, thread_id
from providers.base import FinishReason, ProviderError, ProviderFault, ProviderRequest, UsageReported
from providers.hygiene import redact
from providers.retry import parse_retry_after
from providers.sse import SSEEvent

MOST_MESSAGES = 100
"""In one request."""
_FAULTS = {
    4008: (ProviderFault.BUSY, False),  # the bot's uses of this day
    4009: (ProviderFault.BUSY, True),
    4011: (ProviderFault.BUSY, False),  # no tokens left
    4013: (ProviderFault.UNAVAILABLE, True),  # the model behind the bot
    4016: (ProviderFault.BUSY, True),  # the conversation is being answered
    4019: (ProviderFault.BUSY, False),  # an unpaid bill
    4020: (ProviderFault.BUSY, True),  # too many a minute
    4022: (ProviderFault.BUSY, False),  # an unpaid bill of the model's
    4100: (ProviderFault.AUTH, False),
    4101: (ProviderFault.AUTH, False),
    4102: (ProviderFault.BUSY, False),  # taken for an attack
    700012006: (ProviderFault.AUTH, False),
}
"""By code. The rest of 4000 to 4999 is the request's fault, all others the vendor's."""
_UNKNOWN_CONVERSATION = 4002


class Coze(ThreadedAdapter):
    def url(self, request: ProviderRequest) -> str:
        conversation = f"?conversation_id={quote(request.thread, safe='')}" if request.thread else ""
        return f"{self.base_url}/v3/chat{conversation}"

    def body(self, request: ProviderRequest) -> dict[str, Any]:
        return {
            **request.extra,
            "bot_id": self._bot_id,
            "user_id": self.endpoint.config.get("user_id") or request.user or NOBODY,
            "stream": True,
            "auto_save_history": True,
            "additional_messages": _messages(request),
        }

    def decoder(self, request: ProviderRequest) -> "CozeDecoder":
        return CozeDecoder(longest_text=self.endpoint.limits.text_chars, keys=self.keys)

    def error_of(self, status: int, body: Any, headers: Any) -> tuple[ProviderError, str]:
        if _code(body) in _FAULTS:
            return _error(body, keys=self.keys, headers=headers), ""
        return super().error_of(status, body, headers)

    async def check(self) -> None:
        """https://docs.coze.cn/developer_guides/get_metadata_draft_published (needs the permission `getMetadata`)"""
        answer = await self.call("GET", f"/v1/bots/{quote(self._bot_id, safe='')}")
        if _code(answer) != 0:
            raise _error(answer, keys=self.keys)

    @property
    def _bot_id(self) -> str:
        return str(self.endpoint.config.get("bot_id") or "")


class CozeDecoder(Decoder):
    """Of the bot's answers. What it looked up, called and suggests to ask next is left out."""

    __slots__ = ("_answering", "_streamed")

    def __init__(self, *, longest_text: int, keys: tuple[str, ...] = ()) -> None:
        super().__init__(longest_text=longest_text, keys=keys)
        self._answering = ""
        self._streamed: set[str] = set()

    def take(self, event: SSEEvent) -> None:
        if event.name == "done":  # its data is [DONE], with quotation marks or without
            self.finish = self.finish or FinishReason.STOP
            self.done = True
            return
        body = read_json(event.data)
        if not self.thread:
            self.thread = thread_id(body.get("conversation_id"))
        match event.name:
            case "conversation.message.delta":
                self._take_delta(body)
            case "conversation.message.completed":
                # All of a message once more; only what was not streamed is new.
                if str(body["id"]) not in self._streamed:
                    self._take_delta(body)
            case "conversation.chat.completed":
                self.usage = _usage(body.get("usage"))
                self.finish = FinishReason.STOP
                self.done = True
            case "conversation.chat.requires_action":
                self._wait_for_action(body)
            case "conversation.chat.failed" | "error":
                self.failure = _error(body.get("last_error") or body, keys=self.keys)

    def take_body(self, body: bytes) -> None:
        refusal = read_json(body)
        if _code(refusal):
            self.failure = _error(refusal, keys=self.keys)
        else:
            self.failure = ProviderError(ProviderFault.PROTOCOL, "one body instead of a stream", retryable=True)

    def _take_delta(self, message: Mapping[str, Any]) -> None:
        if message["type"] != "answer" or message.get("content_type", "text") != "text":
            return
        if thought := message.get("reasoning_content"):
            self.add_thought(thought)
        content = message.get("content")
        if not content:
            return
        name = str(message["id"])
        if self._answering not in {"", name}:
            self.add_text("\n\n")  # a bot may answer in several messages
        self._answering = name
        self._streamed.add(name)
        self.add_text(content)

    def _wait_for_action(self, chat: Mapping[str, Any]) -> None:
        """A question that the bot has just asked is an answer to us; a tool that it wants run here is a failure."""
        if self._answering:
            self.usage = _usage(chat.get("usage"))
            self.finish = FinishReason.OTHER
            self.done = True
        else:
            self.failure = ProviderError(ProviderFault.REJECTED, "the bot waits for a tool's result, which a chat cannot give")


def _messages(request: ProviderRequest) -> list[dict[str, str]]:
    """The last one is the question, the others are its context. There is no role for instructions: they come first."""
    if request.thread:
        return [_message("user", question(request))]
    said = [_message(message.role, message.content) for message in history(request)]
    told = [_message("user", text)] if (text := instructions(request)) else []
    room = MOST_MESSAGES - len(told) - 1
    return [*told, *said[-room:], _message("user", question(request))]


def _message(role: str, content: str) -> dict[str, str]:
    return {"role": role, "type": "answer" if role == "assistant" else "question", "content": content, "content_type": "text"}


def _usage(usage: Any) -> UsageReported | None:
    """One example of Coze's page has other names than its table."""
    if not isinstance(usage, dict):
        return None
    prompt = token_count(usage.get("input_count", usage.get("input_tokens")))
    completion = token_count(usage.get("output_count", usage.get("output_tokens")))
    return None if not prompt or completion is None else UsageReported(prompt, completion)


def _code(body: Any) -> int | None:
    """Of `{"code": ..., "msg": ...}`, where 0 is success; None: this is something else."""
    code = body.get("code") if isinstance(body, dict) else None
    return code if isinstance(code, int) else None


def _error(body: Any, *, keys: tuple[str, ...], headers: Mapping[str, str] | None = None) -> ProviderError:
    code = _code(body) or 0
    detail = redact(f"{code}: {body.get('msg') or ''}" if isinstance(body, dict) else "no code", keys=keys)
    if code == _UNKNOWN_CONVERSATION:
        return ThreadLost(detail)
    other = (ProviderFault.REJECTED, False) if 4000 <= code < 5000 else (ProviderFault.UNAVAILABLE, True)
    fault, retryable = _FAULTS.get(code, other)
    retry_after = parse_retry_after((headers or {}).get("Retry-After"), now=datetime.now(UTC))
    return ProviderError(fault, detail, retryable=retryable, retry_after=retry_after)

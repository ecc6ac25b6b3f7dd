"""Dify's apps (chatbot, agent, chatflow), https://docs.dify.ai/en/api-reference/chat-messages/send-chat-message

The key names the app, and the app chose the model, its temperature and its limits: there is nothing of that to send. Dify keeps
the conversation under its `conversation_id`, for the `user` that began it.
"""

from collections.abc import Mapping
from typing import Any

from providers.adapters.decoding import Decoder, read_json, token_count
from providers.adapters.faults import error_message, error_of_status
from providers.adapters.threads import NOBODY, ThreadedAdapter, ThreadLost, as_one_text, question, thread_id
from providers.base import FinishReason, ProviderError, ProviderFault, ProviderRequest, UsageReported
from providers.hygiene import redact
from providers.sse import SSEEvent


class Dify(ThreadedAdapter):
    def url(self, request: ProviderRequest) -> str:
        return f"{self.base_url}/chat-messages"

    def body(self, request: ProviderRequest) -> dict[str, Any]:
        return {
            **request.extra,
            "inputs": {},
            "query": question(request) if request.thread else as_one_text(request),
            "response_mode": "streaming",
            "conversation_id": request.thread,
            "user": request.user or NOBODY,
            # A title that nobody reads would cost the app's owner tokens.
            "auto_generate_name": False,
        }

    def decoder(self, request: ProviderRequest) -> "DifyDecoder":
        return DifyDecoder(longest_text=self.endpoint.limits.text_chars, keys=self.keys)

    def error_of(self, status: int, body: Any, headers: Any) -> tuple[ProviderError, str]:
        words, name = error_message(body)
        return _error(status, words=words, name=name, headers=headers, keys=self.keys), words.lower()

    async def check(self) -> None:
        """https://docs.dify.ai/en/api-reference/applications/get-app-info"""
        await self.call("GET", "/info")


class DifyDecoder(Decoder):
    """Of `message`, `agent_message` and what comes with them. Workflow steps, files, voices and tool calls are left out."""

    __slots__ = ("_has_spoken",)

    def __init__(self, *, longest_text: int, keys: tuple[str, ...] = ()) -> None:
        super().__init__(longest_text=longest_text, keys=keys)
        self._has_spoken = False

    def take(self, event: SSEEvent) -> None:
        self.take_message(read_json(event.data))

    def take_body(self, body: bytes) -> None:
        """A proxy that waits for the whole answer, or a refusal with status 200."""
        message = read_json(body)
        if message.get("event") == "message" and "metadata" in message:
            self.take_message(message)
            self.take_message({**message, "event": "message_end"})
        else:
            self.take_message({**message, "event": "error"})

    def take_message(self, message: Mapping[str, Any]) -> None:
        if not self.thread:
            self.thread = thread_id(message.get("conversation_id"))
        match message["event"]:
            case "message" | "agent_message":
                if message["answer"]:
                    self._has_spoken = True
                    self.add_text(message["answer"])
            case "reasoning_chunk":
                self.add_thought(message["data"]["reasoning"])
            case "message_replace":
                # Moderation takes back what was said. What was shown is shown: its words follow, and the ending says why.
                self.add_text(f"\n\n{message['answer']}" if self._has_spoken else message["answer"])
                self.finish = FinishReason.FILTER
            case "message_end":
                self.usage = _usage(message)
                self.finish = self.finish or FinishReason.STOP
                self.done = True
            case "workflow_paused":
                self.failure = ProviderError(ProviderFault.REJECTED, "the app waits for a form, which a chat cannot fill in")
            case "error":
                words, name = error_message(message)
                self.failure = _error(token_count(message.get("status")) or 500, words=words, name=name, keys=self.keys)


def _usage(message: Mapping[str, Any]) -> UsageReported | None:
    """Of a `message_end`; workflows without a model have none, and some count only a total."""
    usage = (message.get("metadata") or {}).get("usage") or {}
    prompt, completion = token_count(usage.get("prompt_tokens")), token_count(usage.get("completion_tokens"))
    return None if prompt is None or completion is None else UsageReported(prompt, completion)


def _error(
    status: int, *, words: str, name: str, headers: Mapping[str, str] | None = None, keys: tuple[str, ...] = ()
) -> ProviderError:
    """What Dify calls 400 is often the fault of the model behind it."""
    detail = redact(f"HTTP {status} {name}: {words}", keys=keys)
    match name:
        case "not_found" if "conversation" in words.lower():
            return ThreadLost(detail)
        case "conversation_completed":
            return ThreadLost(detail)
        case "completion_request_error":
            return ProviderError(ProviderFault.UNAVAILABLE, detail, retryable=True)
        case "provider_quota_exceeded":
            return ProviderError(ProviderFault.BUSY, detail)
        case "provider_not_initialize":
            return ProviderError(ProviderFault.UNAVAILABLE, detail)
    return error_of_status(status, words=words, name=name, headers=headers or {}, keys=keys)

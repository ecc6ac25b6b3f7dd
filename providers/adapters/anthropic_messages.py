"""Anthropic's messages: https://docs.anthropic.com/en/api/messages, and as a stream https://docs.anthropic.com/en/docs/build-with-claude/streaming

What differs from the others: the system prompt stands apart, roles alternate and the user begins, `max_tokens` is needed, the
cached part of a prompt is not counted among its `input_tokens`, and counts come in two events, of which the later ones hold.
"""

from typing import Any

from providers.adapters import sdks
from providers.adapters.decoding import Decoder, read_json, token_count
from providers.adapters.faults import error_in_answer
from providers.adapters.streaming import StreamingAdapter
from providers.base import FinishReason, PromptMessage, ProviderRequest, UsageReported
from providers.sse import SSEEvent

VERSION = "2023-06-01"
"""https://docs.anthropic.com/en/api/versioning"""

_FINISH_REASONS = {
    "end_turn": FinishReason.STOP,
    "stop_sequence": FinishReason.STOP,
    "max_tokens": FinishReason.LENGTH,
    "model_context_window_exceeded": FinishReason.LENGTH,
    "refusal": FinishReason.FILTER,
}
_FIXED_SAMPLING: dict[tuple[str, str], bool] = {}
"""Base URL and model of those that refused `temperature` or `top_p`, as some newer models do. Bounded: see `learns_from`."""


class AnthropicMessages(StreamingAdapter):
    surplus = ("/v1",)

    def url(self, request: ProviderRequest) -> str:
        return f"{self.base_url}/v1/messages"

    def headers(self) -> dict[str, str]:
        return {"x-api-key": self.endpoint.api_key, "anthropic-version": VERSION}

    def body(self, request: ProviderRequest) -> dict[str, Any]:
        system, messages = arrange(request.messages)
        body: dict[str, Any] = {
            **request.extra,
            "model": request.model,
            "messages": messages,
            "max_tokens": request.max_tokens,
            "stream": True,
        }
        if system:
            body["system"] = system
        if (self.base_url, request.model) not in _FIXED_SAMPLING:
            # One of the two: newer models refuse both together. Elsewhere a temperature goes up to 2, here to 1.
            if request.temperature is not None:
                body["temperature"] = min(request.temperature, 1.0)
            elif request.top_p is not None:
                body["top_p"] = request.top_p
        if stop := [one for one in request.stop if one.strip()]:
            body["stop_sequences"] = stop
        if request.user:
            body["metadata"] = {"user_id": request.user}
        return body

    def decoder(self, request: ProviderRequest) -> "MessageDecoder":
        return MessageDecoder(longest_text=self.endpoint.limits.text_chars, keys=self.keys)

    def learns_from(self, request: ProviderRequest, words: str) -> bool:
        model = (self.base_url, request.model)
        sampled = request.temperature is not None or request.top_p is not None
        if model in _FIXED_SAMPLING or not sampled or ("temperature" not in words and "top_p" not in words):
            return False
        if len(_FIXED_SAMPLING) >= 1_000:
            _FIXED_SAMPLING.pop(next(iter(_FIXED_SAMPLING)))
        _FIXED_SAMPLING[model] = True
        return True

    async def check(self) -> None:
        await self.list_models()

    async def list_models(self) -> tuple[str, ...]:
        """https://docs.anthropic.com/en/api/models-list"""
        async with sdks.client(self, "anthropic", "AsyncAnthropic", base_url=self.base_url) as client:
            return tuple([str(model.id) async for model in client.models.list(limit=1000)])


def arrange(messages: tuple[PromptMessage, ...]) -> tuple[str, list[dict[str, str]]]:
    """System prompt, and messages that alternate and begin with the user's."""
    system = "\n\n".join(message.content for message in messages if message.role == "system" and message.content.strip())
    turns: list[dict[str, str]] = []
    for message in messages:
        if message.role == "system" or not message.content.strip():
            continue  # a text block may not be blank
        if turns and turns[-1]["role"] == message.role:
            turns[-1]["content"] += f"\n\n{message.content}"
        else:
            turns.append({"role": message.role, "content": message.content})
    if turns and turns[0]["role"] != "user":
        turns.insert(0, {"role": "user", "content": "…"})
    return system, turns


class MessageDecoder(Decoder):
    __slots__ = ("_counts",)

    def __init__(self, *, longest_text: int, keys: tuple[str, ...] = ()) -> None:
        super().__init__(longest_text=longest_text, keys=keys)
        self._counts: dict[str, Any] = {}

    def take(self, event: SSEEvent) -> None:
        body = read_json(event.data)
        match body["type"]:
            case "content_block_delta":
                delta = body["delta"]
                if delta["type"] == "text_delta":
                    self.add_text(delta["text"])
                elif delta["type"] == "thinking_delta":
                    self.add_thought(delta["thinking"])
            case "content_block_start":
                self._take_block(body["content_block"])
            case "message_start":
                # Its `output_tokens` are no answer's: they are those of the first moment.
                self.name_model(body["message"].get("model"))
                self._counts = dict(body["message"].get("usage") or {})
            case "message_delta":
                self._count(body.get("usage"))
                self._end(body["delta"].get("stop_reason"))
            case "message_stop":
                self.done = True
            case "error":
                self.failure = error_in_answer(body, keys=self.keys)
            # `ping`, `content_block_stop` and whatever Anthropic adds are passed over, as its versioning policy asks.

    def take_body(self, body: bytes) -> None:
        message = read_json(body)
        if message.get("type") == "error" or "error" in message:
            self.failure = error_in_answer(message, keys=self.keys)
            return
        self.name_model(message.get("model"))
        for block in message["content"]:
            self._take_block(block)
        self._count(message.get("usage"))
        self._end(message.get("stop_reason"))

    def _take_block(self, block: dict[str, Any]) -> None:
        if text := block.get("text"):
            self.add_text(text)
        elif thinking := block.get("thinking"):
            self.add_thought(thinking)

    def _end(self, reason: str | None) -> None:
        if reason:
            self.finish = _FINISH_REASONS.get(reason, FinishReason.OTHER)

    def _count(self, usage: dict[str, Any] | None) -> None:
        """Counts are cumulative, and an event leaves out those that did not change."""
        if usage:
            self._counts |= {name: value for name, value in usage.items() if value is not None}
            self.usage = read_usage(self._counts)


def read_usage(usage: dict[str, Any]) -> UsageReported | None:
    """None when a count is missing or absurd: then the caller estimates."""
    fresh, completion = token_count(usage.get("input_tokens")), token_count(usage.get("output_tokens"))
    if fresh is None or completion is None:
        return None
    cached = token_count(usage.get("cache_read_input_tokens")) or 0
    written = token_count(usage.get("cache_creation_input_tokens")) or 0
    details = usage.get("output_tokens_details")
    reasoning = token_count(details.get("thinking_tokens")) if isinstance(details, dict) else None
    prompt = token_count(fresh + cached + written)
    if prompt is None:
        return None
    return UsageReported(prompt, completion, cached_tokens=cached, reasoning_tokens=min(reasoning or 0, completion))

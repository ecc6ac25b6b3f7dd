"""What OpenAI's chat completions look like, read into provider events. Pure: bytes in, events out.

The wire: https://platform.openai.com/docs/api-reference/chat/streaming. Vendors that call themselves compatible differ in
usage (at the end, in every chunk, never), in errors (inside a 200), in reasoning (`reasoning_content` at DeepSeek and
llama.cpp, `reasoning` at OpenRouter and Groq) and in content (a list of parts at Mistral).
"""

from typing import Any

from providers.adapters.decoding import Decoder, read_json, token_count
from providers.adapters.faults import error_in_answer
from providers.base import FinishReason, UsageReported
from providers.sse import SSEEvent

_FINISH_REASONS = {
    "stop": FinishReason.STOP,
    "eos": FinishReason.STOP,
    "end_turn": FinishReason.STOP,
    "length": FinishReason.LENGTH,
    "max_tokens": FinishReason.LENGTH,
    "content_filter": FinishReason.FILTER,
    "sensitive": FinishReason.FILTER,
}


class CompletionDecoder(Decoder):
    """Of chat completions, streamed or in one body."""

    __slots__ = ()

    def take(self, event: SSEEvent) -> None:
        name, data = event
        if data[:1] == b"[" and data.strip() == b"[DONE]":
            self.done = True
            return
        self.take_chunk(read_json(data), failed=name == "error")

    def take_chunk(self, chunk: Any, *, failed: bool = False) -> None:
        if failed or chunk.get("error"):
            self.failure = error_in_answer(chunk, keys=self.keys)
            return
        if not self.model:
            self.name_model(chunk.get("model"))
        choices = chunk.get("choices")
        if choices:
            choice = choices[0]
            delta = choice.get("delta") or choice.get("message")
            if delta:
                self._take_delta(delta)
            reason = choice.get("finish_reason")
            if reason:
                self.finish = _FINISH_REASONS.get(reason, FinishReason.OTHER)
        usage = chunk.get("usage")
        if usage:
            self.usage = read_usage(usage) or self.usage
            # Waiting for `[DONE]` would be waiting for vendors that never send it.
            if self.finish is not None:
                self.done = True

    def _take_delta(self, delta: dict[str, Any]) -> None:
        thought = delta.get("reasoning_content") or delta.get("reasoning")
        if thought and isinstance(thought, str):
            self.add_thought(thought)
        content = delta.get("content")
        if content:
            if isinstance(content, str):
                self.add_text(content)
            else:
                self._take_parts(content)
        if refusal := delta.get("refusal"):
            self.add_text(refusal)

    def _take_parts(self, parts: Any) -> None:
        # Mistral: [{"type": "thinking", "thinking": [{"type": "text", "text": ...}]}, {"type": "text", "text": ...}]
        # https://docs.mistral.ai/capabilities/reasoning/
        for part in parts:
            if part.get("type") == "text":
                self.add_text(part["text"])
            elif part.get("type") == "thinking":
                self.add_thought("".join(str(piece.get("text") or "") for piece in part["thinking"]))


def read_usage(usage: Any) -> UsageReported | None:
    """A vendor's usage object, or None when a count in it is absurd: then the caller estimates."""
    if not isinstance(usage, dict):
        return None
    prompt, completion = token_count(usage.get("prompt_tokens")), token_count(usage.get("completion_tokens"))
    if prompt is None or completion is None:
        return None
    prompt_details = usage.get("prompt_tokens_details")
    completion_details = usage.get("completion_tokens_details")
    cached = token_count(prompt_details.get("cached_tokens")) if isinstance(prompt_details, dict) else None
    if cached is None:
        cached = token_count(usage.get("prompt_cache_hit_tokens"))  # DeepSeek's name
    reasoning = token_count(completion_details.get("reasoning_tokens")) if isinstance(completion_details, dict) else None
    return UsageReported(
        prompt, completion, cached_tokens=min(cached or 0, prompt), reasoning_tokens=min(reasoning or 0, completion)
    )

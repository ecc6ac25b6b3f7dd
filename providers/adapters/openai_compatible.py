"""Any vendor that speaks OpenAI's chat completions: https://platform.openai.com/docs/api-reference/chat/create"""

from dataclasses import dataclass
from typing import Any

from providers.adapters import sdks
from providers.adapters.openai_chunks import CompletionDecoder
from providers.adapters.streaming import StreamingAdapter
from providers.base import ProviderRequest


@dataclass(frozen=True, slots=True)
class Dialect:
    """What a vendor's endpoint turned out not to understand."""

    usage_option: bool = True
    """Understands `stream_options`."""
    tokens_field: str = "max_tokens"


_dialects: dict[tuple[str, str], Dialect] = {}
"""By base URL and model: learned from a refusal, so that only the first request pays for it. Bounded: see `learns_from`."""


class OpenAICompatible(StreamingAdapter):
    def url(self, request: ProviderRequest) -> str:
        return f"{self.base_url}/chat/completions"

    def body(self, request: ProviderRequest) -> dict[str, Any]:
        dialect = self._dialect(request)
        body: dict[str, Any] = {
            **request.extra,
            "model": request.model,
            "messages": [{"role": message.role, "content": message.content} for message in request.messages],
            dialect.tokens_field: request.max_tokens,
            "stream": True,
        }
        if dialect.usage_option:
            body["stream_options"] = {"include_usage": True}
        if request.temperature is not None:
            body["temperature"] = request.temperature
        if request.top_p is not None:
            body["top_p"] = request.top_p
        if request.stop:
            body["stop"] = list(request.stop)
        if request.user:
            body["user"] = request.user
        return body

    def decoder(self, request: ProviderRequest) -> CompletionDecoder:
        return CompletionDecoder(longest_text=self.endpoint.limits.text_chars, keys=self.keys)

    def learns_from(self, request: ProviderRequest, words: str) -> bool:
        before = self._dialect(request)
        after = _learn(before, words)
        if after == before:
            return False
        if len(_dialects) >= 1_000:
            _dialects.pop(next(iter(_dialects)))
        _dialects[self.base_url, request.model] = after
        return True

    async def check(self) -> None:
        await self.list_models()

    async def list_models(self) -> tuple[str, ...]:
        """https://platform.openai.com/docs/api-reference/models/list"""
        async with sdks.client(self, "openai", "AsyncOpenAI", base_url=self.base_url) as client:
            return tuple([str(model.id) async for model in client.models.list()])

    def _dialect(self, request: ProviderRequest) -> Dialect:
        if learned := _dialects.get((self.base_url, request.model)):
            return learned
        # OpenAI calls `max_tokens` deprecated and its reasoning models refuse it; most compatible vendors know nothing else.
        # https://platform.openai.com/docs/api-reference/chat/create#chat-create-max_completion_tokens
        newer = "//api.openai.com/" in self.base_url or ".openai.azure.com/" in self.base_url
        return Dialect(tokens_field="max_completion_tokens" if newer else "max_tokens")


def _learn(dialect: Dialect, words: str) -> Dialect:
    """The dialect after a refusal with these words; the same one when it had another reason."""
    if dialect.usage_option and ("stream_options" in words or "include_usage" in words):
        return Dialect(usage_option=False, tokens_field=dialect.tokens_field)
    if dialect.tokens_field == "max_tokens" and "max_completion_tokens" in words:
        return Dialect(usage_option=dialect.usage_option, tokens_field="max_completion_tokens")
    return dialect

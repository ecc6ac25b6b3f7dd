"""Ollama's own API: https://docs.ollama.com/api/chat, /api/streaming, /api/errors, /api/tags

One JSON object a line. Ollama cuts a prompt that is longer than its context without a word: give it the length that the
provider's models are said to have (`OLLAMA_CONTEXT_LENGTH`).
"""

from typing import Any

from providers.adapters.decoding import Decoder, read_json, token_count
from providers.adapters.faults import error_in_answer
from providers.adapters.streaming import StreamingAdapter
from providers.base import FinishReason, ProviderError, ProviderFault, ProviderRequest, UsageReported
from providers.ndjson import LineParser
from providers.sse import SSEEvent

_FINISH_REASONS = {"stop": FinishReason.STOP, "length": FinishReason.LENGTH}


class Ollama(StreamingAdapter):
    parser = LineParser
    surplus = ("/api", "/v1")

    def url(self, request: ProviderRequest) -> str:
        return f"{self.base_url}/api/chat"

    def body(self, request: ProviderRequest) -> dict[str, Any]:
        options: dict[str, Any] = {"num_predict": request.max_tokens}
        if request.temperature is not None:
            options["temperature"] = request.temperature
        if request.top_p is not None:
            options["top_p"] = request.top_p
        if request.stop:
            options["stop"] = list(request.stop)
        return {
            **request.extra,
            "model": request.model,
            "messages": [{"role": message.role, "content": message.content} for message in request.messages],
            "stream": True,
            "options": {**(request.extra.get("options") or {}), **options},
        }

    def decoder(self, request: ProviderRequest) -> "ChatDecoder":
        return ChatDecoder(longest_text=self.endpoint.limits.text_chars, keys=self.keys)

    async def check(self) -> None:
        await self.list_models()

    async def list_models(self) -> tuple[str, ...]:
        answer = await self.call("GET", "/api/tags")
        try:
            return tuple(str(model["name"]) for model in answer["models"])
        except (KeyError, TypeError):
            raise ProviderError(ProviderFault.PROTOCOL, "no list of models") from None


class ChatDecoder(Decoder):
    __slots__ = ()

    def take(self, event: SSEEvent) -> None:
        body = read_json(event.data)
        if body.get("error"):
            self.failure = error_in_answer(body, keys=self.keys)
            return
        message = body.get("message")
        if message:
            if thinking := message.get("thinking"):
                self.add_thought(thinking)
            if content := message.get("content"):
                self.add_text(content)
        if body.get("done"):
            self._end(body)

    def _end(self, body: dict[str, Any]) -> None:
        self.name_model(body.get("model"))
        # No reason at all is what a model's runner says that was interrupted.
        self.finish = _FINISH_REASONS.get(body.get("done_reason") or "", FinishReason.OTHER)
        prompt, completion = token_count(body.get("prompt_eval_count")), token_count(body.get("eval_count"))
        if prompt is not None and completion is not None:
            self.usage = UsageReported(prompt, completion)
        self.done = True

"""FastGPT's apps: https://github.com/labring/FastGPT/blob/main/document/content/docs/openapi/chat.mdx

OpenAI's chat completions on the outside, but the key names an app that chose its model, and `model`, `temperature` and the like
are not looked at. With a `chatId`, which the client names, FastGPT keeps the conversation and reads the newest message alone;
without, it keeps nothing and reads them all. It counts tokens only for each step of the app's workflow, when asked for `detail`.
"""

import secrets
from collections.abc import AsyncGenerator, Mapping
from dataclasses import replace
from typing import Any

from providers.adapters.decoding import read_json, token_count
from providers.adapters.faults import error_in_answer, error_message, error_of_status
from providers.adapters.openai_chunks import CompletionDecoder
from providers.adapters.threads import LONGEST_THREAD, ThreadedAdapter, as_one_text, history, question
from providers.base import FinishReason, ProviderError, ProviderEvent, ProviderFault, ProviderRequest, UsageReported
from providers.hygiene import redact
from providers.sse import SSEEvent

LONGEST_CHAT_ID = LONGEST_THREAD - 9
_REFUSED_KEYS = frozenset({"unAuthApiKey", "unAuthorization"})
_UNPAID = frozenset({"insufficientQuota", "aiPointsNotEnough"})
_ASKED_NOTHING = "messages is empty"
_CHILDREN = (
    "childrenResponses",
    "toolDetail",
    "pluginDetail",
    "loopDetail",
    "parallelDetail",
    "loopRunDetail",
)
"""Where a step keeps its own steps, by version."""
_COUNTS = (("inputTokens", "outputTokens"), ("toolCallInputTokens", "toolCallOutputTokens"))
_MODELS_WITHIN = ("queryExtensionResult", "deepSearchResult")
"""Models that a search of the knowledge base asks."""


class FastGPT(ThreadedAdapter):
    def stream(self, request: ProviderRequest) -> AsyncGenerator[ProviderEvent, None]:
        """As of `providers.base`; a conversation that begins here gets a name of its own."""
        if not request.thread and request.conversation and not history(request):
            # Never the same twice: a first question that is asked again must not find its first answer there.
            name = f"{request.conversation[:LONGEST_CHAT_ID]}-{secrets.token_hex(4)}"
            request = replace(request, conversation=name)
        return super().stream(request)

    def url(self, request: ProviderRequest) -> str:
        return f"{self.base_url}{self._path}"

    def body(self, request: ProviderRequest) -> dict[str, Any]:
        body = {**request.extra, "stream": True, "detail": True}
        if request.thread:
            return {**body, "chatId": request.thread, "messages": [{"role": "user", "content": question(request)}]}
        if chat := _new_chat(request):
            return {**body, "chatId": chat, "messages": [{"role": "user", "content": as_one_text(request)}]}
        return {**body, "messages": [{"role": message.role, "content": message.content} for message in request.messages]}

    def decoder(self, request: ProviderRequest) -> "FastGPTDecoder":
        decoder = FastGPTDecoder(longest_text=self.endpoint.limits.text_chars, keys=self.keys)
        decoder.thread = request.thread or _new_chat(request)
        return decoder

    def error_of(self, status: int, body: Any, headers: Any) -> tuple[ProviderError, str]:
        return _error(status, body, headers=headers, keys=self.keys), ""

    async def check(self) -> None:
        """Asks nothing: FastGPT looks at the key first, and then refuses that.

        It documents no cheap call that an app's key is enough for; the ones about chats want the app's id too.
        """
        try:
            answer = await self.call("POST", self._path, {"stream": False, "messages": []})
        except ProviderError as error:
            refused = error
        else:
            refused = _error(200, answer, keys=self.keys)
        if _ASKED_NOTHING not in refused.detail:
            raise refused

    @property
    def _path(self) -> str:
        # FastGPT shows its address without the version, and many write it with one.
        return "/chat/completions" if self.base_url.endswith("/v1") else "/v1/chat/completions"


class FastGPTDecoder(CompletionDecoder):
    """Of `answer` and what comes with it. Steps, tools and their results are left out, but for their tokens."""

    __slots__ = ("_tally",)

    def __init__(self, *, longest_text: int, keys: tuple[str, ...] = ()) -> None:
        super().__init__(longest_text=longest_text, keys=keys)
        self._tally = _Tally()

    def take(self, event: SSEEvent) -> None:
        match event.name:
            case "message" | "answer" | "fastAnswer":
                self._take_answer(event.data)
            case "flowResponses":  # after `[DONE]`
                self._count(read_json(event.data))
                self.done = self.finish is not None
            case "flowNodeResponse":  # newer versions: as each step ends, before `[DONE]`
                self._count([read_json(event.data)])
            case "interactive":
                self._ask(read_json(event.data)["interactive"])
            case "error":
                self.failure = _error(200, read_json(event.data), keys=self.keys)

    def take_body(self, body: bytes) -> None:
        answer = read_json(body)
        if "choices" not in answer:
            self.failure = _error(200, answer, keys=self.keys)
            return
        self.take_chunk({**answer, "error": None, "usage": None})  # that usage is always one token and one token
        self._count(answer.get("responseData") or [])

    def _take_answer(self, data: bytes) -> None:
        if data.strip() == b"[DONE]":
            self.finish = self.finish or FinishReason.STOP
            self.done = self.usage is not None
            return
        self.take_chunk(read_json(data))

    def _count(self, steps: list[Any]) -> None:
        self._tally.add(steps)
        self.usage = self._tally.usage() or self.usage

    def _ask(self, interactive: Mapping[str, Any]) -> None:
        """A step that waits for a choice or for fields: the next message answers it."""
        asked = interactive["params"]
        options = [option["value"] for option in asked.get("userSelectOptions") or ()]
        fields = [field["label"] for field in asked.get("inputForm") or ()]
        self.add_text("\n".join([asked.get("description") or "", *(f"- {one}" for one in options + fields)]).strip())


def _new_chat(request: ProviderRequest) -> str:
    """The name under which FastGPT keeps this conversation from its first message on; none for one that began elsewhere."""
    return "" if history(request) else request.conversation


class _Tally:
    """The tokens of all models that took part, each step counted once wherever it is told.

    Kept as a sum: to go through all steps again with each new one would let a vendor that sends thousands hold the event loop.
    """

    __slots__ = ("_completion", "_counted", "_prompt", "_seen")

    def __init__(self) -> None:
        self._prompt = self._completion = 0
        self._counted = False
        self._seen: set[str] = set()

    def usage(self) -> UsageReported | None:
        """None when no step counts them, and when the sum is absurd."""
        prompt, completion = token_count(self._prompt), token_count(self._completion)
        return None if not self._counted or prompt is None or completion is None else UsageReported(prompt, completion)

    def add(self, steps: list[Any]) -> None:
        waiting = list(steps)
        while waiting:
            step = waiting.pop()
            if not isinstance(step, dict):
                continue
            name = str(step.get("id") or "")
            if name and name in self._seen:
                continue
            self._seen.add(name)
            for key in _CHILDREN:
                waiting += step.get(key) or []
            for place in (step, *(step.get(key) or {} for key in _MODELS_WITHIN)):
                self._add_counts(place)

    def _add_counts(self, place: Mapping[str, Any]) -> None:
        for asked, answered in _COUNTS:
            tokens_in, tokens_out = token_count(place.get(asked)), token_count(place.get(answered))
            if tokens_in is not None and tokens_out is not None:
                self._prompt, self._completion, self._counted = self._prompt + tokens_in, self._completion + tokens_out, True


def _error(status: int, body: Any, *, headers: Mapping[str, str] | None = None, keys: tuple[str, ...] = ()) -> ProviderError:
    """Of `{"code": ..., "statusText": ..., "message": ...}`, which is 500 or 200 whatever the reason is."""
    words, name = error_message(body)
    status_text = str(body.get("statusText") or "") if isinstance(body, dict) else ""
    detail = redact(f"HTTP {status} {name} {status_text}: {words}", keys=keys)
    if status_text in _REFUSED_KEYS or "key is error" in words.lower():
        return ProviderError(ProviderFault.AUTH, detail)
    if status_text in _UNPAID:
        return ProviderError(ProviderFault.BUSY, detail)
    if status_text.startswith("unAuth") or _ASKED_NOTHING in words:
        return ProviderError(ProviderFault.REJECTED, detail)
    if status == 200:
        code = body.get("code") if isinstance(body, dict) else None
        if code is None:  # words of the model behind the app
            return error_in_answer(body, keys=keys)
        status = code if code in range(400, 600) else 500
    return error_of_status(status, words=words, name=name, headers=headers or {}, keys=keys)

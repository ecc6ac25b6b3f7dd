"""What OpenAI's chat completions look like, read into provider events. Pure: bytes in, events out.

The wire: https://platform.openai.com/docs/api-reference/chat/streaming. Vendors that call themselves compatible differ in
usage (at the end, in every chunk, never), in errors (inside a 200), in reasoning (`reasoning_content` at DeepSeek and
llama.cpp, `reasoning` at OpenRouter and Groq) and in content (a list of parts at Mistral).
"""

import json
from typing import Any

import orjson

from providers.base import (
    Finished,
    FinishReason,
    ProviderError,
    ProviderEvent,
    ProviderFault,
    ReasoningDelta,
    TextDelta,
    UsageReported,
)
from providers.hygiene import REPLACEMENT, redact, storable
from providers.sse import SSEEvent

MAX_BAD_EVENTS = 20
MOST_TOKENS = 100_000_000
"""No context window is this long; a report above it is absurd."""

_FINISH_REASONS = {
    "stop": FinishReason.STOP,
    "eos": FinishReason.STOP,
    "end_turn": FinishReason.STOP,
    "length": FinishReason.LENGTH,
    "max_tokens": FinishReason.LENGTH,
    "content_filter": FinishReason.FILTER,
    "sensitive": FinishReason.FILTER,
}


class CompletionDecoder:
    """Reads one answer. `feed` gives text and reasoning; once `done`, `close` gives usage and the end.

    What one read brought comes out as one delta, however many the vendor made of it: under load a burst costs as a token does.
    """

    __slots__ = (
        "_bad",
        "_chars",
        "_high",
        "_keys",
        "_longest",
        "_reasoned",
        "_usage",
        "done",
        "failure",
        "finish",
        "model",
        "was_cut",
    )

    def __init__(self, *, longest_text: int, keys: tuple[str, ...] = ()) -> None:
        """`longest_text` in characters; `keys` never appear in a failure's detail."""
        self._longest = longest_text
        self._keys = keys
        self._chars = 0
        self._reasoned = False
        self._bad = 0
        self._high = ""
        self._usage: UsageReported | None = None
        self.finish: FinishReason | None = None
        self.model = ""
        self.done = False
        self.was_cut = False
        """Our own limit ended it; the vendor may still be talking."""
        self.failure: ProviderError | None = None
        """What the vendor said went wrong. The events that `feed` returned with it came before."""

    def feed(self, events: list[SSEEvent]) -> list[ProviderEvent]:
        said: list[ProviderEvent] = []
        text: list[str] = []
        for name, data in events:
            if data[:1] == b"[" and data.strip() == b"[DONE]":
                self.done = True
                break
            try:
                chunk = orjson.loads(data)
            except ValueError:
                chunk = self._parse_odd(data)
            try:
                thought = self._take_chunk(chunk, text, failed=name == "error")
            except (TypeError, AttributeError, KeyError, IndexError):
                self._count_bad()
                thought = ""
            if thought:
                self._flush(text, said)
                self._reasoned = True
                said.append(ReasoningDelta(storable(thought)))
            if self.done or self.failure:
                break
        self._flush(text, said)
        return said

    def feed_body(self, body: bytes) -> list[ProviderEvent]:
        """An answer that came as one JSON object, streaming or not."""
        said = self.feed([SSEEvent("message", body)])
        self.done = True
        return said

    def close(self) -> list[ProviderEvent]:
        """The last events of a complete answer. Raises ProviderError when it said nothing."""
        if not self._chars:
            if self._bad:
                raise ProviderError(ProviderFault.PROTOCOL, f"{self._bad} unreadable events and no text", retryable=True)
            what = "reasoning without an answer" if self._reasoned else "no text"
            # Another try may help against a vendor's hiccup, not against a model that thinks its budget away.
            raise ProviderError(ProviderFault.EMPTY, what, retryable=not self._reasoned)
        end = Finished(self.finish or FinishReason.STOP, self.model)
        return [self._usage, end] if self._usage else [end]

    @property
    def has_text(self) -> bool:
        return self._chars > 0

    def cut_short(self) -> None:
        """Our own limit was reached: what there is, is the answer."""
        self.finish = FinishReason.LENGTH
        self.done = self.was_cut = True

    def _take_chunk(self, chunk: Any, text: list[str], *, failed: bool) -> str:
        """Notes what a chunk says; its text goes to `text`, its reasoning is returned."""
        if failed or chunk.get("error"):
            self.failure = error_in_answer(chunk, keys=self._keys)
            return ""
        if not self.model:
            self.model = storable(str(chunk.get("model") or ""))[:200]
        thought = ""
        choices = chunk.get("choices")
        if choices:
            choice = choices[0]
            delta = choice.get("delta") or choice.get("message")
            if delta:
                content = delta.get("content")
                if content:
                    thought = self._take_content(content, text)
                thought = delta.get("reasoning_content") or delta.get("reasoning") or thought
                if refusal := delta.get("refusal"):
                    self._add_text(refusal, text)
            reason = choice.get("finish_reason")
            if reason:
                self.finish = _FINISH_REASONS.get(reason, FinishReason.OTHER)
        usage = chunk.get("usage")
        if usage:
            self._usage = read_usage(usage) or self._usage
        # Waiting for `[DONE]` would be waiting for vendors that never send it.
        if usage and self.finish is not None:
            self.done = True
        return thought if isinstance(thought, str) else ""

    def _take_content(self, content: Any, text: list[str]) -> str:
        if isinstance(content, str):
            self._add_text(content, text)
            return ""
        # Mistral: [{"type": "thinking", "thinking": [{"type": "text", "text": ...}]}, {"type": "text", "text": ...}]
        # https://docs.mistral.ai/capabilities/reasoning/
        thought = ""
        for part in content:
            if part.get("type") == "text":
                self._add_text(part["text"], text)
            elif part.get("type") == "thinking":
                thought += "".join(str(piece.get("text") or "") for piece in part["thinking"])
        return thought

    def _add_text(self, content: str, text: list[str]) -> None:
        # Some proxies cut strings between the halves of a surrogate pair: one half waits here for the other.
        if self._high:
            content = self._high + content
            self._high = ""
        if "\ud800" <= content[-1:] <= "\udbff":
            content, self._high = content[:-1], content[-1]
        text.append(content)

    def _flush(self, text: list[str], said: list[ProviderEvent]) -> None:
        if (self.done or self.failure) and self._high:
            text.append(REPLACEMENT)
            self._high = ""
        if not text:
            return
        whole = "".join(text)
        text.clear()
        if "\0" in whole or not whole.isascii():
            whole = _join_surrogates(whole)
        if self._chars + len(whole) > self._longest:
            whole = whole[: self._longest - self._chars]
            self.cut_short()
        self._chars += len(whole)
        if whole:
            said.append(TextDelta(whole))

    def _parse_odd(self, data: bytes) -> Any:
        """What orjson refuses and a vendor sends nevertheless: bad UTF-8, lone surrogates, NaN, raw control characters."""
        try:
            return json.loads(data.decode("utf-8", "replace"), strict=False)
        except (ValueError, RecursionError):
            return None  # no chunk at all: counted as a bad event by whoever looks inside

    def _count_bad(self) -> None:
        self._bad += 1
        if self._bad > MAX_BAD_EVENTS:
            self.failure = ProviderError(ProviderFault.PROTOCOL, f"more than {MAX_BAD_EVENTS} unreadable events")


def _join_surrogates(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return storable(text)


def read_usage(usage: Any) -> UsageReported | None:
    """A vendor's usage object, or None when a count in it is absurd: then the caller estimates."""
    if not isinstance(usage, dict):
        return None
    prompt, completion = _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))
    if prompt is None or completion is None:
        return None
    prompt_details = usage.get("prompt_tokens_details")
    completion_details = usage.get("completion_tokens_details")
    cached = _count(prompt_details.get("cached_tokens")) if isinstance(prompt_details, dict) else None
    if cached is None:
        cached = _count(usage.get("prompt_cache_hit_tokens"))  # DeepSeek's name
    reasoning = _count(completion_details.get("reasoning_tokens")) if isinstance(completion_details, dict) else None
    return UsageReported(
        prompt, completion, cached_tokens=min(cached or 0, prompt), reasoning_tokens=min(reasoning or 0, completion)
    )


def _count(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= MOST_TOKENS else None


def error_message(body: Any) -> tuple[str, str]:
    """The words and the machine's name of an error object: `{"error": {...}}`, `{"error": "..."}`, `{"message": ...}`, ..."""
    if not isinstance(body, dict):
        return "", ""
    error = body.get("error", body)
    if isinstance(error, str):
        return error, ""
    if not isinstance(error, dict):
        return "", ""
    message = error.get("message") or error.get("detail") or error.get("msg") or ""
    name = " ".join(str(error[key]) for key in ("code", "type") if error.get(key) is not None)
    return str(message), name


def error_in_answer(body: Any, *, keys: tuple[str, ...]) -> ProviderError:
    """An error that came inside a 200."""
    message, name = error_message(body)
    detail = redact(f"{name}: {message}" if name else message, keys=keys)
    words = f"{name} {message}".lower()
    if any(word in words for word in ("401", "403", "invalid_api_key", "authentication", "permission")):
        return ProviderError(ProviderFault.AUTH, detail)
    if any(word in words for word in ("429", "rate_limit", "rate limit", "overloaded", "529", "too many")):
        return ProviderError(ProviderFault.BUSY, detail, retryable=True)
    if any(word in words for word in ("400", "invalid_request", "context_length", "not_found", "content_policy")):
        return ProviderError(ProviderFault.REJECTED, detail)
    return ProviderError(ProviderFault.UNAVAILABLE, detail, retryable=True)

"""What the decoders of all vendors have in common. Pure: events in, provider events out.

A vendor's decoder is a `Decoder` whose `take` reads one event of its wire: it calls `add_text` and `add_thought`, and sets
`usage`, `finish`, `model`, `thread`, `failure` and, at the answer's last event, `done`.
"""

import json
from abc import ABC, abstractmethod
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
    ThreadNamed,
    UsageReported,
)
from providers.hygiene import REPLACEMENT, storable
from providers.sse import SSEEvent

MAX_BAD_EVENTS = 20
MOST_TOKENS = 100_000_000
"""No context window is this long; a report above it is absurd."""


class Decoder(ABC):
    """Reads one answer. `feed` gives text and reasoning; once `done`, `close` gives usage and the end.

    What one read brought comes out as one delta, however many the vendor made of it: under load a burst costs as a token does.
    """

    __slots__ = (
        "_bad",
        "_chars",
        "_high",
        "_longest",
        "_named",
        "_said",
        "_text",
        "_thoughts",
        "done",
        "failure",
        "finish",
        "has_thoughts",
        "keys",
        "model",
        "thread",
        "usage",
        "was_cut",
    )

    def __init__(self, *, longest_text: int, keys: tuple[str, ...] = ()) -> None:
        """`longest_text` in characters; `keys` never appear in a failure's detail."""
        self._longest = longest_text
        self.keys = keys
        self._said: list[ProviderEvent] = []
        self._text: list[str] = []
        self._thoughts: list[str] = []
        self._chars = 0
        self._bad = 0
        self._high = ""
        self._named = False
        self.has_thoughts = False
        self.usage: UsageReported | None = None
        self.finish: FinishReason | None = None
        """Set with the last token: from then on only usage is to come."""
        self.model = ""
        self.thread = ""
        self.done = False
        """Nothing more is to come; the vendor need not hang up."""
        self.was_cut = False
        """Our own limit ended it; the vendor may still be talking."""
        self.failure: ProviderError | None = None
        """What the vendor said went wrong. The events that `feed` returned with it came before."""

    # What a vendor fills in

    @abstractmethod
    def take(self, event: SSEEvent) -> None:
        """Notes what one event says. May stumble over a bad one: that is counted and the next one read."""

    def take_body(self, body: bytes) -> None:
        """An answer that came as one JSON object instead of a stream."""
        self.take(SSEEvent("message", body))

    # What `take` calls

    def add_text(self, content: str) -> None:
        # Some proxies cut strings between the halves of a surrogate pair: one half waits here for the other.
        if self._high:
            content = self._high + content
            self._high = ""
        if "\ud800" <= content[-1:] <= "\udbff":
            content, self._high = content[:-1], content[-1]
        if self._thoughts:
            self._flush_thoughts()
        self._text.append(content)

    def add_thought(self, thought: str) -> None:
        if not isinstance(thought, str):
            raise TypeError(thought)
        if self._text:
            self._flush_text()
        self._thoughts.append(thought)

    def name_model(self, name: Any) -> None:
        self.model = storable(str(name or ""))[:200]

    # What the machinery calls

    @property
    def has_text(self) -> bool:
        return self._chars > 0

    def feed(self, events: list[SSEEvent]) -> list[ProviderEvent]:
        for event in events:
            try:
                self.take(event)
            except (TypeError, AttributeError, KeyError, IndexError, ValueError):
                self._count_bad()
            if self.done or self.failure:
                break
        return self._flush()

    def feed_body(self, body: bytes) -> list[ProviderEvent]:
        """An answer that came as one JSON object, whole."""
        try:
            self.take_body(body)
        except (TypeError, AttributeError, KeyError, IndexError, ValueError):
            self._count_bad()
        self.done = True
        return self._flush()

    def close(self) -> list[ProviderEvent]:
        """The last events of a complete answer. Raises ProviderError when it said nothing."""
        if not self._chars:
            if self._bad:
                raise ProviderError(ProviderFault.PROTOCOL, f"{self._bad} unreadable events and no text", retryable=True)
            what = "reasoning without an answer" if self.has_thoughts else "no text"
            # Another try may help against a vendor's hiccup, not against a model that thinks its budget away.
            raise ProviderError(ProviderFault.EMPTY, what, retryable=not self.has_thoughts)
        end = Finished(self.finish or FinishReason.STOP, self.model)
        return [self.usage, end] if self.usage else [end]

    def cut_short(self) -> None:
        """Our own limit was reached: what there is, is the answer."""
        self.finish = FinishReason.LENGTH
        self.done = self.was_cut = True

    def _flush(self) -> list[ProviderEvent]:
        if self._high and (self.done or self.failure):
            self._text.append(REPLACEMENT)
            self._high = ""
        if self._text:
            self._flush_text()
        if self._thoughts:
            self._flush_thoughts()
        said = self._said
        if said:
            self._said = []
            if self.thread and not self._named:
                # Not before there is a token: a failure up to then is one that may be tried again.
                self._named = True
                said.insert(0, ThreadNamed(storable(self.thread)))
        return said

    def _flush_text(self) -> None:
        whole = "".join(self._text)
        self._text.clear()
        if "\0" in whole or not whole.isascii():
            whole = _join_surrogates(whole)
        if self._chars + len(whole) > self._longest:
            whole = whole[: self._longest - self._chars]
            self.cut_short()
        self._chars += len(whole)
        if whole:
            self._said.append(TextDelta(whole))

    def _flush_thoughts(self) -> None:
        thought = "".join(self._thoughts)
        self._thoughts.clear()
        if thought:
            self.has_thoughts = True
            self._said.append(ReasoningDelta(storable(thought)))

    def _count_bad(self) -> None:
        self._bad += 1
        if self._bad > MAX_BAD_EVENTS:
            self.failure = ProviderError(ProviderFault.PROTOCOL, f"more than {MAX_BAD_EVENTS} unreadable events")


def read_json(data: bytes) -> Any:
    """Any JSON that a vendor sends; ValueError for what is none."""
    try:
        return orjson.loads(data)
    except ValueError:
        # What orjson refuses and some vendors send nevertheless: bad UTF-8, lone surrogates, NaN, raw control characters.
        try:
            return json.loads(data.decode("utf-8", "replace"), strict=False)
        except RecursionError:
            raise ValueError("JSON that is nested too deeply") from None


def token_count(value: Any) -> int | None:
    """A vendor's count, or None when it is absurd."""
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= MOST_TOKENS else None


def _join_surrogates(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return storable(text)

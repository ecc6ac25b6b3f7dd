"""The numbered events of a turn in memory: appended by whoever writes the turn, read by any number of followers.

The process that runs a turn holds its log; another process that follows it holds a replica, fed by `replicas.py`. Followers
cannot tell the difference.
"""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import AsyncGenerator, Sequence
from datetime import datetime

import orjson

from conversations.turns.events import (
    ENDINGS,
    ReferenceFound,
    ReferenceView,
    TextAdded,
    TurnCompleted,
    TurnEnded,
    TurnEvent,
    TurnFailed,
    TurnInterrupted,
    TurnStarted,
    TurnStopped,
    TurnUsage,
)


class TurnLog:
    """Only the event loop that made it touches it."""

    def __init__(self, started: TurnStarted, references: Sequence[ReferenceView] = ()) -> None:
        self.events: list[TurnEvent] = [started, *(ReferenceFound(n, found) for n, found in enumerate(references, start=2))]
        self.head = len(self.events)
        """How many events there were from the beginning: whoever has read the turn in the database has them."""
        self.marks = array("I")
        """Where each delta ends in the text, in characters."""
        self.published = 0
        """How many events have gone to other processes."""
        self.saved = -1
        """How many deltas have gone to the database; -1: nothing, the first save also notes the first token."""
        self._pieces: list[str] = []
        self._length = 0
        self._changed: asyncio.Future[None] | None = None

    @property
    def started(self) -> TurnStarted:
        first = self.events[0]
        assert isinstance(first, TurnStarted)
        return first

    @property
    def references(self) -> tuple[ReferenceView, ...]:
        return tuple(event.reference for event in self.events[1 : self.head] if isinstance(event, ReferenceFound))

    @property
    def ended(self) -> TurnEnded | None:
        last = self.events[-1]
        return last if isinstance(last, ENDINGS) else None

    @property
    def length(self) -> int:
        """Of the text so far, in characters."""
        return self._length

    @property
    def text(self) -> str:
        if len(self._pieces) > 1:
            self._pieces = ["".join(self._pieces)]
        return self._pieces[0] if self._pieces else ""

    @property
    def next_n(self) -> int:
        return len(self.events) + 1

    def add_text(self, text: str) -> None:
        self._length += len(text)
        self._pieces.append(text)
        self.marks.append(self._length)
        self._append(TextAdded(len(self.events) + 1, text))

    def end(self, event: TurnEnded) -> None:
        assert self.ended is None, "a turn ends once"
        self._append(event)

    async def follow(self, after: int = 0) -> AsyncGenerator[list[TurnEvent], None]:
        """Events with a number above `after`, all that are there at once as one batch, up to the ending. A follower that is
        already at or past the end gets the ending again."""
        after = max(after, 0)
        while True:
            if self.ended is not None and after >= len(self.events):
                yield [self.ended]
                return
            if len(self.events) > after:
                batch = self.events[after:]
                after = len(self.events)
                yield batch
                if isinstance(batch[-1], ENDINGS):
                    return
            else:
                await self.changed()

    async def changed(self) -> None:
        """Returns after the next event."""
        if self._changed is None:
            self._changed = asyncio.get_running_loop().create_future()
        # Shielded: one follower that gives up must not take the news from the others.
        await asyncio.shield(self._changed)

    def _append(self, event: TurnEvent) -> None:
        self.events.append(event)
        if self._changed is not None:
            self._changed.set_result(None)
            self._changed = None


def replay(
    started: TurnStarted,
    *,
    text: str,
    marks: bytes,
    ended: TurnEnded | None,
    references: Sequence[ReferenceView] = (),
) -> TurnLog:
    """The log of a stored turn, event by event as it was."""
    log = TurnLog(started, references)
    begin = 0
    for end in array("I", marks):
        log.add_text(text[begin:end])
        begin = end
    if begin < len(text):  # text without a mark: more than was numbered
        log.add_text(text[begin:])
    if ended is not None:
        log.end(ended)
    return log


# --- Between processes --------------------------------------------------------------------------------------------------------
# A batch is a JSON list. Text is a bare string, since nearly every event is text; an ending is an object.

_ENDING_NAMES: dict[str, type[TurnEnded]] = {
    "completed": TurnCompleted,
    "stopped": TurnStopped,
    "failed": TurnFailed,
    "interrupted": TurnInterrupted,
}


def pack(events: list[TurnEvent]) -> bytes:
    """Events after a log's `head`, as bytes for another process."""
    return orjson.dumps([event.text if isinstance(event, TextAdded) else _pack_ending(event) for event in events])


def _pack_ending(event: TurnEvent) -> dict[str, object]:
    assert isinstance(event, ENDINGS)
    name = next(name for name, kind in _ENDING_NAMES.items() if isinstance(event, kind))
    fields = {slot: getattr(event, slot) for slot in event.__slots__ if slot not in ("n", "usage")}
    usage = [getattr(event.usage, slot) for slot in TurnUsage.__slots__]
    return {"ending": name, "usage": usage, **fields}


def unpack(data: bytes) -> list[str | TurnEnded]:
    """The texts of the deltas, and the ending (its number is for the reader to set) where there is one."""
    return [item if isinstance(item, str) else _unpack_ending(item) for item in orjson.loads(data)]


def _unpack_ending(item: dict[str, object]) -> TurnEnded:
    kind = _ENDING_NAMES[str(item.pop("ending"))]
    usage = TurnUsage(*item.pop("usage"))  # type: ignore[misc]
    at = datetime.fromisoformat(str(item.pop("at")))
    return kind(n=0, usage=usage, at=at, **item)  # type: ignore[arg-type]

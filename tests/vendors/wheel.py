"""One timer for all streams: what is due within the same few milliseconds is done together."""

import asyncio
from collections.abc import Callable

TICK = 0.002


class Wheel:
    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._slots: dict[int, list[Callable[[], None]]] = {}
        self._awake_for: int | None = None
        self._handle: asyncio.TimerHandle | None = None

    def at(self, when: float, call: Callable[[], None]) -> None:
        """Calls `call` at `when` (the loop's clock), up to a tick later."""
        slot = int(when / TICK) + 1
        if slot in self._slots:
            self._slots[slot].append(call)
            return
        self._slots[slot] = [call]
        if self._awake_for is None or slot < self._awake_for:
            self._sleep_until(slot)

    def _sleep_until(self, slot: int) -> None:
        if self._handle is not None:
            self._handle.cancel()
        self._awake_for = slot
        self._handle = self._loop.call_at(slot * TICK, self._turn)

    def _turn(self) -> None:
        now = int(self._loop.time() / TICK)
        self._awake_for = None
        for slot in sorted(slot for slot in self._slots if slot <= now):
            for call in self._slots.pop(slot):
                call()
        if self._slots:
            self._sleep_until(min(self._slots))

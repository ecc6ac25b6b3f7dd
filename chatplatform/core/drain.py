"""Being shut down, as a state of the process. SIGTERM sets it first; whoever holds something open reacts."""

from __future__ import annotations

import threading
from collections.abc import Callable


class _Draining:
    """`begin()` may be called from a signal handler, more than once. Listeners run once, in the caller's thread, and must only
    schedule work (`loop.call_soon_threadsafe`)."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._listeners: list[Callable[[], object]] = []

    @property
    def begun(self) -> bool:
        return self._event.is_set()

    def on_begin(self, listener: Callable[[], object]) -> None:
        self._listeners.append(listener)

    def begin(self) -> None:
        if self._event.is_set():
            return
        self._event.set()
        for listener in self._listeners:
            listener()


draining = _Draining()

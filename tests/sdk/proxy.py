"""A way to the platform that can be cut."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit


class CuttableProxy:
    """Passes bytes on to `target`, an `http://host:port` that may be changed at any time, on a thread of its own.

    `cut_after` names, for each connection to come, after how many of the platform's bytes it is reset; connections beyond it are
    left alone. `cut()` resets all that there are. While `refuses`, new connections are reset at once.
    """

    def __init__(self, target: str) -> None:
        self.target = target
        self.cut_after: deque[int] = deque()
        self.refuses = False
        self.connections = 0
        self.url = ""
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def start(self) -> None:
        self._thread.start()
        self._server = self._do(asyncio.start_server(self._connected, "127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def close(self) -> None:
        self.cut()
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def cut(self) -> None:
        self._do(self._cut())

    def _do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _close(self) -> None:
        self._server.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _cut(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        if self.refuses:
            writer.transport.abort()
            return
        left = self.cut_after.popleft() if self.cut_after else None
        try:
            there, to_platform = await asyncio.open_connection(urlsplit(self.target).hostname, urlsplit(self.target).port)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, to_platform}
        try:
            await asyncio.gather(_pass(reader, to_platform, None), _pass(there, writer, left))
        except OSError:
            pass
        finally:
            for one in (writer, to_platform):
                self._writers.discard(one)
                one.transport.abort()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, left: int | None) -> None:
    """Until one side has gone: then it raises, so that the other side is told."""
    while data := await reader.read(65_536):
        if left is not None:
            data, left = data[:left], left - len(data)
        writer.write(data)
        with contextlib.suppress(ConnectionError):
            await writer.drain()
        if left is not None and left <= 0:
            break
    raise ConnectionAbortedError


@contextmanager
def cuttable(target: str) -> Iterator[CuttableProxy]:
    proxy = CuttableProxy(target)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.close()


async def until(true: Callable[[], bool] | Callable[[], Awaitable[bool]], *, seconds: float = 20) -> None:
    """Waits until it is so."""
    async with asyncio.timeout(seconds):
        while True:
            found = true()
            if found if isinstance(found, bool) else await found:
                return
            await asyncio.sleep(0.02)

"""What a vendor's double does, by the script's name. Numbers in a name are the script's own.

ok-20                20 deltas, then usage and the end       ok-20-split-3    the same in pieces of 3 bytes
time-500-rate-50     50 deltas a second, each with the time that it was made (`scripts.seconds_since`); as fast as it goes without
401 echo-key 429-ra1 429-ra999999 500 500-once 502-html redirect              answers before any token
slow-first-30        the first token after 30 s              stall-after-5    silence after 5, the connection open
no-close             the end is said, the body goes on       cut-after-5 rst  the connection closed, reset
error-after-0        an error inside the stream              half-event       closed in the midst of an event
bad-events long-event nul odd-usage                          odd bytes and counts
empty empty-body reasoning reasoning-only no-usage length    little or no text
huge-2               2 MB of text                            html-in-200 gzip no stream at all
"""

import asyncio
import gzip
import re
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from tests.vendors.scripts import stamp, word
from tests.vendors.wire import Asked, Wire

NUMBER = re.compile(r"\d+")


class Play:
    """One script, played once."""

    def __init__(self, wire: Wire, asked: Asked, script: str, count: int, writer: asyncio.StreamWriter) -> None:
        self.wire, self.asked, self.script, self.count, self.writer = wire, asked, script, count, writer
        numbers = [int(one) for one in NUMBER.findall(script)]
        self.number = numbers[0] if numbers else 0
        self.second = numbers[1] if len(numbers) > 1 else 0

    async def run(self) -> bool:
        played = next((played for pattern, played in SCRIPTS if re.fullmatch(pattern, self.script)), Play.unknown)
        return await played(self)

    # What scripts are made of

    async def _refuse(self, status: int, words: str, **headers: str) -> bool:
        status, body = self.wire.refusal(status, words)
        await send(self.writer, status, orjson.dumps(body), **headers)
        return True

    def _begin(self, *, opening: bool = True) -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {self.wire.media}\r\nTransfer-Encoding: chunked\r\n\r\n"
        self.writer.write(head.encode())
        if opening:
            self._write(self.wire.opening(self.asked))

    def _write(self, data: bytes) -> None:
        if data:
            self.writer.write(b"%x\r\n%s\r\n" % (len(data), data))

    async def _say(self, count: int) -> None:
        self._begin()
        for n in range(count):
            self._write(self.wire.delta(word(n)))
        await self.writer.drain()

    async def _end(self, count: Any, *, length: bool = False) -> bool:
        self._write(self.wire.ending(self.asked, count, length=length))
        self.writer.write(b"0\r\n\r\n")
        await self.writer.drain()
        return True

    async def _whole(self, data: bytes, count: Any = 3) -> bool:
        """An answer with these events in it."""
        self._begin()
        self._write(data)
        return await self._end(count)

    # Scripts, see `SCRIPTS`

    async def unknown(self) -> bool:
        return await self._refuse(404, f"there is no model {self.script}")

    async def ok(self) -> bool:
        await self._say(self.number)
        return await self._end(self.number)

    async def split(self) -> bool:
        deltas = b"".join(self.wire.delta(word(n)) for n in range(self.number))
        data = self.wire.opening(self.asked) + deltas + self.wire.ending(self.asked, self.number)
        self._begin(opening=False)
        for start in range(0, len(data), self.second):
            self._write(data[start : start + self.second])
            await self.writer.drain()
            await asyncio.sleep(0.0005)
        self.writer.write(b"0\r\n\r\n")
        return True

    async def timed(self) -> bool:
        loop = asyncio.get_running_loop()
        self._begin()
        due = loop.time()
        for _ in range(self.number):
            self._write(self.wire.delta(stamp()))
            if self.second:
                due += 1 / self.second
                await asyncio.sleep(due - loop.time())
            else:
                await self.writer.drain()
        return await self._end(self.number)

    async def refuse(self) -> bool:
        return await self._refuse(401, "that key is not known")

    async def echo_key(self) -> bool:
        shown = self.asked.headers.get("authorization") or self.asked.headers.get("x-api-key") or ""
        return await self._refuse(401, f"that key is not known: {shown}\n\x1b[31mask somebody")

    async def too_many(self) -> bool:
        waits = int(NUMBER.findall(self.script)[1])
        if self.count > 1 and waits < 100:
            self.number = 3
            return await self.ok()
        return await self._refuse(429, "too many requests", **{"Retry-After": str(waits)})

    async def broken(self) -> bool:
        return await self._refuse(500, "something broke")

    async def broken_once(self) -> bool:
        self.number = 3
        return await (self.ok() if self.count > 1 else self.broken())

    async def html(self) -> bool:
        page = b"<html><body><h1>502 Bad Gateway</h1>nginx at 10.0.0.7</body></html>"
        await send(self.writer, 200 if self.script == "html-in-200" else 502, page, **{"Content-Type": "text/html"})
        return True

    async def redirect(self) -> bool:
        await send(self.writer, 307, b"", Location="/elsewhere")
        return True

    async def slow_first(self) -> bool:
        self._begin()
        await self.writer.drain()
        await asyncio.sleep(self.number)
        return await self._end(0)

    async def stall(self) -> bool:
        await self._say(self.number)
        await asyncio.sleep(30)
        return False

    async def no_close(self) -> bool:
        await self._say(3)
        self._write(self.wire.ending(self.asked, 3))
        await self.writer.drain()
        await asyncio.sleep(30)
        return False

    async def cut(self) -> bool:
        await self._say(self.number)
        await asyncio.sleep(0.05)
        return False

    async def rst(self) -> bool:
        await self._say(5)
        await asyncio.sleep(0.05)
        raw: socket.socket = self.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()
        return False

    async def half_event(self) -> bool:
        await self._say(5)
        self._write(self.wire.delta("lost")[:-9])
        await self.writer.drain()
        return False

    async def error_inside(self) -> bool:
        await self._say(self.number)
        self._write(self.wire.error_inside())
        self.writer.write(b"0\r\n\r\n")
        return True

    async def bad_events(self) -> bool:
        return await self._whole(self.wire.delta("good ") + self.wire.bad_events() + self.wire.delta("again"))

    async def long_event(self) -> bool:
        return await self._whole(self.wire.delta("x" * 2_000_000))

    async def nul(self) -> bool:
        return await self._whole(self.wire.delta("a\0b 你好😀"))

    async def odd_usage(self) -> bool:
        return await self._whole(self.wire.delta("counted"), -5)

    async def no_usage(self) -> bool:
        return await self._whole(self.wire.delta("counted"), None)

    async def length(self) -> bool:
        await self._say(3)
        return await self._end(3, length=True)

    async def empty(self) -> bool:
        return await self._whole(b"", 0)

    async def empty_body(self) -> bool:
        await send(self.writer, 200, b"", **{"Content-Type": self.wire.media})
        return True

    async def reasoning(self) -> bool:
        return await self._whole(self.wire.thought("let me ") + self.wire.thought("think") + self.wire.delta("42"))

    async def reasoning_only(self) -> bool:
        return await self._whole(self.wire.thought("let me ") + self.wire.thought("think"))

    async def huge(self) -> bool:
        self._begin()
        for _ in range(self.number * 100):
            self._write(self.wire.delta("x" * 9_999 + "\n"))
            await self.writer.drain()
        return await self._end(self.number * 100)

    async def gzipped(self) -> bool:
        body = gzip.compress(self.wire.delta("x") * 1000)
        await send(self.writer, 200, body, **{"Content-Type": self.wire.media, "Content-Encoding": "gzip"})
        return True


SCRIPTS: tuple[tuple[str, Callable[[Play], Awaitable[bool]]], ...] = (
    (r"ok-\d+", Play.ok),
    (r"ok-\d+-split-\d+", Play.split),
    (r"time-\d+(-rate-\d+)?", Play.timed),
    (r"401", Play.refuse),
    (r"echo-key", Play.echo_key),
    (r"429-ra\d+", Play.too_many),
    (r"500", Play.broken),
    (r"500-once", Play.broken_once),
    (r"502-html|html-in-200", Play.html),
    (r"redirect", Play.redirect),
    (r"slow-first-\d+", Play.slow_first),
    (r"stall-after-\d+", Play.stall),
    (r"no-close", Play.no_close),
    (r"cut-after-\d+", Play.cut),
    (r"rst", Play.rst),
    (r"half-event", Play.half_event),
    (r"error-after-\d+", Play.error_inside),
    (r"bad-events", Play.bad_events),
    (r"long-event", Play.long_event),
    (r"nul", Play.nul),
    (r"odd-usage", Play.odd_usage),
    (r"no-usage", Play.no_usage),
    (r"length", Play.length),
    (r"empty", Play.empty),
    (r"empty-body", Play.empty_body),
    (r"reasoning", Play.reasoning),
    (r"reasoning-only", Play.reasoning_only),
    (r"huge-\d+", Play.huge),
    (r"gzip", Play.gzipped),
)


async def send(writer: asyncio.StreamWriter, status: int, body: bytes, **headers: str) -> None:
    lines = "".join(f"{name}: {value}\r\n" for name, value in {"Content-Type": "application/json", **headers}.items())
    writer.write(f"HTTP/1.1 {status} X\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    await writer.drain()

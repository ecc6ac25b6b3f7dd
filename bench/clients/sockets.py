"""Many WebSockets of the ChatGPT Backend contract, held open, and some of them in use.

It takes orders one after the other (`do` says which) and tells when each is done, with what it saw:

    open   tokens               one more socket for each token       opened {open, lost, problem}
    ping   seconds, every       each sends a ping every so often     pinged {pongs, p50, p99 in ms, cpu_seconds}
    chat   as ping, and rooms   so many of them send and read turns  chatted {the same, turns, failed, turn_p50, turn_p99}
"""

import asyncio
import base64
import os
import time
from array import array
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar, cast

import orjson
import uvloop

from bench.clients import read_order, tell

PING = b'{"type":"ping"}'
AT_ONCE = 64
"""Handshakes under way."""
TICK = 0.01
"""Seconds between two slices of the pings."""


class Socket(asyncio.Protocol):
    path = "/api/v1/ws/chat"

    def __init__(self, seen: "Seen", host: str, port: int, token: str) -> None:
        self.seen = seen
        self.ready: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.answered: asyncio.Future[bool] | None = None
        """The end of the turn that is under way: whether it was answered."""
        self._handshake = _handshake(host, port, self.path, token)
        self._buffer = b""
        self._pinged_at = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.write(self._handshake)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self.ready.done():
            head, blank, rest = self._buffer.partition(b"\r\n\r\n")
            if not blank:
                return
            self._buffer = rest
            self.ready.set_result(head.startswith(b"HTTP/1.1 101"))
            if not self.ready.result():
                self.seen.problem = head.decode("latin-1")
        while (found := frame(self._buffer)) is not None:
            opcode, payload, self._buffer = found
            if opcode == 9:  # the server's own ping
                self.transport.write(masked(payload, opcode=10))
            elif opcode == 8:
                self.seen.problem = f"closed by the server: {int.from_bytes(payload[:2], 'big')}"
            elif payload.startswith(b'{"type":"pong"'):
                self.seen.pongs.append(time.perf_counter_ns() - self._pinged_at)
            else:
                self.received(payload)

    def received(self, payload: bytes) -> None:
        """A frame of a turn."""
        if payload.startswith((b'{"type":"message_end"', b'{"type":"error"')) and self.answered and not self.answered.done():
            if payload.startswith(b'{"type":"error"'):
                self.seen.problem = payload.decode()
            self.answered.set_result(not payload.startswith(b'{"type":"error"'))

    def ping(self) -> None:
        self._pinged_at = time.perf_counter_ns()
        self.transport.write(masked(PING))

    async def turn(self, room: str) -> bool:
        """Sends a message and reads the answer to its end."""
        self.answered = asyncio.get_running_loop().create_future()
        body = {"type": "chat_message", "conversation_id": room, "content": "How is the harbour?", "max_tokens": 100}
        self.transport.write(masked(orjson.dumps(body)))
        return await self.answered

    def connection_lost(self, exc: Exception | None) -> None:
        self.seen.lost += 1
        if not self.ready.done():
            self.ready.set_result(False)
        if self.answered and not self.answered.done():
            self.answered.set_result(False)


S = TypeVar("S", bound=Socket)


class Seen:
    """What all sockets count together."""

    def __init__(self) -> None:
        self.pongs = array("q")
        """Nanoseconds from a ping to its pong."""
        self.turns = array("q")
        self.failed = self.lost = 0
        self.problem = ""

    def forget(self) -> None:
        self.pongs, self.turns, self.failed = array("q"), array("q"), 0


def frame(data: bytes) -> tuple[int, bytes, bytes] | None:
    """The first frame of the server in `data` and what follows it; None when it is not whole. None of ours is fragmented."""
    if len(data) < 2:
        return None
    size, at = data[1] & 0x7F, 2
    if size > 125:
        at = 4 if size == 126 else 10
        size = int.from_bytes(data[2:at], "big")
    if len(data) < at + size:
        return None
    return data[0] & 0x0F, data[at : at + size], data[at + size :]


def masked(payload: bytes, opcode: int = 1) -> bytes:
    """A frame of the client; a mask of zeros leaves the bytes as they are."""
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else bytes([0x80 | 126]) + size.to_bytes(2, "big")
    return bytes([0x80 | opcode]) + length + b"\x00\x00\x00\x00" + payload


def _handshake(host: str, port: int, path: str, token: str) -> bytes:
    key = base64.b64encode(os.urandom(16)).decode()
    return (
        f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {token}\r\n"
        f"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
    ).encode()


async def open_all(makes: Sequence[Callable[[], S]], host: str, port: int) -> list[S]:
    """Those that were accepted."""
    loop = asyncio.get_running_loop()
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(make: Callable[[], S]) -> S | None:
        async with gate:
            _, socket = await loop.create_connection(make, host, port)
            return socket if await socket.ready else None

    return [socket for socket in await asyncio.gather(*map(one, makes)) if socket is not None]


class Sockets:
    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port
        self.seen = Seen()
        self.sockets: list[Socket] = []

    async def open(self, tokens: Sequence[str]) -> dict[str, Any]:
        makes = [partial(Socket, self.seen, self.host, self.port, token) for token in tokens]
        self.sockets += await open_all(makes, self.host, self.port)
        return {"open": len(self.sockets) - self.seen.lost, "lost": self.seen.lost, "problem": self.seen.problem}

    async def use(self, *, seconds: float, every: float, rooms: Sequence[str] = ()) -> dict[str, Any]:
        """Pings of all, spread evenly over `every` seconds, and turns one after the other of the first `len(rooms)`."""
        self.seen.forget()
        cpu, until = time.process_time(), time.perf_counter() + seconds
        chats = [self._chat(socket, room, until) for socket, room in zip(self.sockets, rooms, strict=False)]
        await asyncio.gather(self._ping(until, every), *chats)
        await asyncio.sleep(1)  # for the last pongs
        pongs, turns = sorted(self.seen.pongs) or [0], sorted(self.seen.turns) or [0]
        return {
            "pongs": len(self.seen.pongs),
            "p50": pongs[len(pongs) // 2] / 1e6,
            "p99": pongs[len(pongs) * 99 // 100] / 1e6,
            "turns": len(self.seen.turns),
            "failed": self.seen.failed,
            "turn_p50": turns[len(turns) // 2] / 1e6,
            "turn_p99": turns[len(turns) * 99 // 100] / 1e6,
            "lost": self.seen.lost,
            "problem": self.seen.problem,
            "cpu_seconds": time.process_time() - cpu,
        }

    async def _ping(self, until: float, every: float) -> None:
        slices = round(every / TICK)
        began, n = time.perf_counter(), 0
        while time.perf_counter() < until:
            for socket in self.sockets[n % slices :: slices]:
                socket.ping()
            n += 1
            await asyncio.sleep(max(0.0, began + n * TICK - time.perf_counter()))

    async def _chat(self, socket: Socket, room: str, until: float) -> None:
        while time.perf_counter() < until:
            began = time.perf_counter_ns()
            if await socket.turn(room):
                self.seen.turns.append(time.perf_counter_ns() - began)
            else:
                self.seen.failed += 1
                return


async def serve(given: dict[str, Any]) -> None:
    sockets = Sockets(given["host"], given["port"])
    loop = asyncio.get_running_loop()
    while order := await loop.run_in_executor(None, read_order):
        match order.pop("do"):
            case "open":
                tell("opened", **await sockets.open(order["tokens"]))
            case "ping":
                tell("pinged", **await sockets.use(**order))
            case "chat":
                tell("chatted", **await sockets.use(**order))
    for socket in sockets.sockets:
        socket.transport.abort()


def main() -> None:
    uvloop.run(serve(read_order()))


if __name__ == "__main__":
    main()

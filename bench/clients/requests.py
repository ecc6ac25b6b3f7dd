"""Requests as fast as they are answered, or at a pace.

It takes one `Order`. Each connection sends its next request when the last one is answered (keep-alive, no pipelining), but not
sooner than `every` seconds after that was sent, and goes through its own part of the requests round and round. Of an answer only
its status and its length are looked at. It tells `flowing` when the warm-up is over and the counting begins, and `ended` with a
`Load` when the time is over, and goes on until there are no more orders, so that meters can be read at both while everything is
under way.
"""

import asyncio
import itertools
import time
from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from typing import cast

import uvloop

from bench.clients import read_order, tell


@dataclass(frozen=True, slots=True)
class Ask:
    """One request."""

    method: str
    path: str
    token: str = ""
    body: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    host: str
    port: int
    connections: int
    warm_up: float
    """Seconds before the counting begins."""
    seconds: float
    asks: tuple[Ask, ...]
    """Dealt out to the connections."""
    every: float = 0.0
    """Seconds between two requests of a connection. The connections take turns: their requests are spread evenly."""


@dataclass(frozen=True, slots=True)
class Load:
    """What was answered with 2xx in the time that counts."""

    answers: int
    seconds: float
    p50: float
    """Milliseconds from the request's last byte to the answer's."""
    p95: float
    p99: float
    worst: float
    bytes: int
    cpu_seconds: float
    """This process's own."""
    refusals: dict[str, int]
    """Other statuses and lost connections, by what they were."""
    example: str
    """The begin of one of those."""

    @property
    def rate(self) -> float:
        return self.answers / self.seconds


class Tally:
    """What all connections count together."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.times = array("q")
        self.bytes = 0
        self.refusals: Counter[str] = Counter()
        self.example = ""
        self.began = time.perf_counter_ns()
        self.cpu = time.process_time()

    def refuse(self, what: str, example: str) -> None:
        self.refusals[what] += 1
        self.example = self.example or example

    def load(self) -> Load:
        ordered = sorted(self.times) or [0]
        return Load(
            answers=len(self.times),
            seconds=(time.perf_counter_ns() - self.began) / 1e9,
            p50=ordered[len(ordered) // 2] / 1e6,
            p95=ordered[len(ordered) * 95 // 100] / 1e6,
            p99=ordered[len(ordered) * 99 // 100] / 1e6,
            worst=ordered[-1] / 1e6,
            bytes=self.bytes,
            cpu_seconds=time.process_time() - self.cpu,
            refusals=dict(self.refusals),
            example=self.example,
        )


class Connection(asyncio.Protocol):
    def __init__(self, tally: Tally, requests: Iterator[bytes], every: float, first: float) -> None:
        self.tally, self.requests, self.every = tally, requests, every
        self._due = asyncio.get_running_loop().time() + first
        self._answer = b""
        self._length = 0
        """Of the whole answer, once its head is here."""
        self._left = False
        self._sent = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._wait()

    def _wait(self) -> None:
        if not self.every:
            self._next()
            return
        loop = asyncio.get_running_loop()
        due, self._due = self._due, max(loop.time(), self._due) + self.every
        loop.call_at(due, self._next)

    def _next(self) -> None:
        if self._left:
            return
        self._answer, self._length = b"", 0
        self._sent = time.perf_counter_ns()
        self.transport.write(next(self.requests))

    def data_received(self, data: bytes) -> None:
        answer = self._answer = self._answer + data if self._answer else data
        if not self._length:
            self._length = whole_length(answer)
        if not self._length or len(answer) < self._length:
            return
        if answer.startswith(b"HTTP/1.1 2"):
            self.tally.times.append(time.perf_counter_ns() - self._sent)
            self.tally.bytes += len(answer)
        else:
            self.tally.refuse(answer[9:12].decode("latin-1"), answer[:600].decode(errors="replace"))
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._left:
            self.tally.refuse("connection lost", repr(exc))

    def leave(self) -> None:
        self._left = True
        self.transport.abort()


def whole_length(answer: bytes) -> int:
    """Of an answer whose begin this is, in bytes; 0 while its head is not complete."""
    end = answer.find(b"\r\n\r\n")
    if end < 0:
        return 0
    head = answer[:end].lower()
    at = head.find(b"\r\ncontent-length:")
    if at < 0:
        raise ValueError(f"an answer without a length: {head.decode('latin-1')}")
    return end + 4 + int(head[at + 17 :].split(b"\r\n", 1)[0])


def raw(ask: Ask, order: Order) -> bytes:
    """The request's bytes."""
    body = ask.body.encode()
    typed = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
    return (
        f"{ask.method} {ask.path} HTTP/1.1\r\nHost: {order.host}:{order.port}\r\n"
        f"Authorization: Bearer {ask.token}\r\nAccept: application/json\r\n{typed}\r\n"
    ).encode() + body


async def drive(order: Order) -> None:
    loop = asyncio.get_running_loop()
    tally = Tally()
    raws = [raw(ask, order) for ask in order.asks]
    connections = []
    for n in range(order.connections):
        own = itertools.cycle(raws[n :: order.connections] or raws)
        make = partial(Connection, tally, own, order.every, order.every * n / order.connections)
        connections.append((await loop.create_connection(make, order.host, order.port))[1])
    await asyncio.sleep(order.warm_up)
    tally.reset()
    tell("flowing")
    await asyncio.sleep(order.seconds)
    tell("ended", **asdict(tally.load()))
    await loop.run_in_executor(None, read_order)
    for connection in connections:
        connection.leave()


def main() -> None:
    given = read_order()
    uvloop.run(drive(Order(**{**given, "asks": tuple(Ask(**ask) for ask in given["asks"])})))


if __name__ == "__main__":
    main()

"""Many streams, read to their ends.

It takes one `Order`. The vendor writes the monotonic clock into each delta (`tests/vendors/scripts.stamp`), so a stamp found in
what arrives tells how long that delta was underway; the bytes are searched for stamps and not parsed further. It tells
`streaming` (every stream has its first delta), `ending` (one has its last; `at` is the monotonic clock), and at the end `done`
with a `Reading`.
"""

import asyncio
import re
import resource
import time
from array import array
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import cast

import uvloop

from bench.clients import read_order, tell
from bench.clients.speech import SPEECHES, Order, Seat, message_frame, request

STAMP = re.compile(rb' (\d{6})(?=[ "])')
LONGEST_CUT = 32
"""Bytes at the end of a read that may be the begin of a stamp or of an end."""
PATIENCE = 30.0
"""Seconds beyond a stream's own length after which it counts as lost."""


@dataclass(frozen=True, slots=True)
class Reading:
    deltas: int
    complete: int
    """Streams that brought every delta and their end."""
    failures: list[str]
    """What the others said."""
    first_held: list[int]
    """A first delta's time from the vendor's writing to here, in 10 us."""
    first_after_send: list[int]
    """From the sent request to the first delta, in 10 us."""
    held: dict[str, int]
    """Every delta's: p50, p99 and worst, in 10 us."""
    seconds: float
    """From the first stream's request to the last one's end."""
    cpu_seconds: float


def now() -> int:
    """The clock of the stamps: 10 us."""
    return time.monotonic_ns() // 10_000


class Stream(asyncio.Protocol):
    """One request, read to its end."""

    def __init__(self, order: Order, seat: Seat, held: "array[int]", changed: Callable[[str], None]) -> None:
        self.seat, self.order = seat, order
        self.held, self.changed = held, changed
        self.count = 0
        self.first_held = self.first_after_send = self.sent_at = 0
        self.failure = ""
        self.over = asyncio.get_running_loop().create_future()
        self._tail = b""
        self._answered = False
        self._speech = SPEECHES[order.kind]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._send(request(self.order, self.seat))

    def _send(self, data: bytes) -> None:
        self.sent_at = now()
        self.transport.write(data)

    def data_received(self, data: bytes) -> None:
        arrived = now()
        if not self._answered:
            self._answer_began(data)
        data = self._tail + data
        last = 0
        end = min((at for mark in self._speech.ends if (at := data.find(mark)) >= 0), default=None)
        for found in STAMP.finditer(data, 0, len(data) if end is None else end):
            held = (arrived - int(found[1])) % 1_000_000
            if not self.count:
                self.first_held, self.first_after_send = held, arrived - self.sent_at
                self.changed("first")
            self.count += 1
            self.held.append(held)
            last = found.end()
        if end is not None:
            if self.order.deltas not in (None, self.count):
                self.failure = f"{self.count} deltas, then {data[-300:].decode(errors='replace')}"
            self._finish()
        self._tail = data[max(last, len(data) - LONGEST_CUT) :]

    def _answer_began(self, data: bytes) -> None:
        self._answered = True
        status = data[9:12]
        if self._speech.is_socket and status == b"101":
            self._send(message_frame(self.order, self.seat))
        elif status != b"200":
            self.failure = data.decode(errors="replace")[-300:]
            self._finish()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.over.done():
            self.failure = f"the connection was lost after {self.count} deltas: {exc}"
            self._finish()

    def _finish(self) -> None:
        if not self.over.done():
            self.over.set_result(None)
            self.changed("last")
            self.transport.close()


async def read(order: Order) -> Reading:
    held = array("I")
    begun = ended = 0

    def changed(what: str) -> None:
        nonlocal begun, ended
        if what == "first":
            begun += 1
            if begun == len(order.seats):
                tell("streaming")
        else:
            ended += 1
            if ended == 1:
                tell("ending", at=time.monotonic())

    loop = asyncio.get_running_loop()
    began = loop.time()
    streams = []
    for seat in order.seats:
        _, stream = await loop.create_connection(partial(Stream, order, seat, held, changed), order.host, order.port)
        streams.append(stream)
        await asyncio.sleep(order.ramp / len(order.seats))
    _, lost = await asyncio.wait([stream.over for stream in streams], timeout=order.seconds + PATIENCE)
    for stream in streams:
        if stream.over in lost:
            stream.failure = f"no end after {stream.count} deltas"
            stream.transport.abort()
    seconds = loop.time() - began
    usage = resource.getrusage(resource.RUSAGE_SELF)
    spoke = [stream for stream in streams if stream.count]
    return Reading(
        deltas=len(held),
        complete=sum(not stream.failure for stream in streams),
        failures=[stream.failure for stream in streams if stream.failure][:5],
        first_held=[stream.first_held for stream in spoke],
        first_after_send=[stream.first_after_send for stream in spoke],
        held=_spread(held),
        seconds=seconds,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
    )


def _spread(values: "array[int]") -> dict[str, int]:
    ordered = sorted(values) or [0]
    return {"p50": ordered[len(ordered) // 2], "p99": ordered[len(ordered) * 99 // 100], "worst": ordered[-1]}


def main() -> None:
    given = read_order()
    order = Order(**{**given, "seats": tuple(Seat(**seat) for seat in given["seats"])})
    tell("done", **asdict(uvloop.run(read(order))))


if __name__ == "__main__":
    main()

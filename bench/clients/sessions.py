"""Many WebSockets of the Chat System contract, one for each session, all of them in use: each pings, sends messages and reads the
answers.

It takes orders one after the other (`do` says which) and tells when each is done, with what it saw:

    open   seats: [[token, session id], …]   one more socket for each    opened {open, lost, problem}
    use    seconds, ping_every, send_every   all at once, spread evenly  used {times, failed, late, lost, problem, seconds}

What `used` tells is of all uses so far together, but for those with `warm_up`; `times` has p50, p95, p99 in ms and the count of
each of `TIMES`. A socket whose answer is not complete when its next message is due sends none and is counted as late.
"""

import asyncio
import time
from array import array
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import orjson
import uvloop

from bench.clients import read_order, tell
from bench.clients.sockets import TICK, Seen, Socket, masked, open_all
from bench.clients.streams import STAMP, now

TIMES = ("pongs", "started", "first_held", "first", "turns")
"""A ping's pong. From a message to `stream_start`. From the vendor's writing of an answer's first delta to its arrival. From a
message to that arrival, and to `stream_end`."""
PATIENCE = 15.0
"""Seconds for the last answers."""
MESSAGE = masked(
    orjson.dumps({"type": "send_message", "data": {"content": "How is the harbour?", "content_type": "text", "metadata": {}}})
)


class SeenOfSessions(Seen):
    def __init__(self) -> None:
        super().__init__()
        self.forget()

    def forget(self) -> None:
        super().forget()
        self.late, self.seconds = 0, 0.0
        self.started, self.first_held, self.first = array("q"), array("q"), array("q")
        """Nanoseconds: see `TIMES`."""


class SessionSocket(Socket):
    seen: SeenOfSessions

    def __init__(self, seen: SeenOfSessions, host: str, port: int, token: str, session: str) -> None:
        self.path = f"/api/v1/chat/sessions/{session}/stream"
        super().__init__(seen, host, port, token)
        self.is_answered = True
        self._sent_at = 0
        self._has_text = False

    def send(self) -> None:
        if not self.is_answered:
            self.seen.late += 1
            return
        self.is_answered = self._has_text = False
        self._sent_at = time.perf_counter_ns()
        self.transport.write(MESSAGE)

    def received(self, payload: bytes) -> None:
        at, seen = time.perf_counter_ns(), self.seen
        if payload.startswith(b'{"type":"content_chunk"'):
            if not self._has_text and (stamp := STAMP.search(payload)) is not None:
                self._has_text = True
                seen.first_held.append((now() - int(stamp[1])) % 1_000_000 * 10_000)
                seen.first.append(at - self._sent_at)
        elif payload.startswith(b'{"type":"stream_start"'):
            seen.started.append(at - self._sent_at)
        elif payload.startswith(b'{"type":"stream_end"'):
            self.is_answered = True
            seen.turns.append(at - self._sent_at)
        elif payload.startswith(b'{"type":"error"'):
            self.is_answered = True
            seen.failed += 1
            seen.problem = payload.decode()


class Sessions:
    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port
        self.seen = SeenOfSessions()
        self.sockets: list[SessionSocket] = []
        self._due = {"ping": 0.0, "send": 0.0}
        """How many have had their turn so far, and how much of the next one's is due."""

    async def open(self, seats: Sequence[tuple[str, str]]) -> dict[str, Any]:
        makes = [partial(SessionSocket, self.seen, self.host, self.port, token, session) for token, session in seats]
        self.sockets += await open_all(makes, self.host, self.port)
        return {"open": len(self.sockets) - self.seen.lost, "lost": self.seen.lost, "problem": self.seen.problem}

    async def use(self, *, seconds: float, ping_every: float, send_every: float, warm_up: bool = False) -> dict[str, Any]:
        began = time.perf_counter()
        n = 0
        while (passed := time.perf_counter() - began) < seconds:
            for socket in self._whose_turn_it_is("ping", ping_every):
                socket.ping()
            for socket in self._whose_turn_it_is("send", send_every):
                socket.send()
            n += 1
            await asyncio.sleep(max(0.0, n * TICK - passed))
        deadline = time.perf_counter() + PATIENCE
        while not all(socket.is_answered for socket in self.sockets) and time.perf_counter() < deadline:
            await asyncio.sleep(0.05)
        seen = self.seen
        seen.seconds += seconds
        told = {
            "times": {name: _spread(getattr(seen, name)) for name in TIMES},
            "failed": seen.failed + sum(not socket.is_answered for socket in self.sockets),
            "late": seen.late,
            "lost": seen.lost,
            "problem": seen.problem,
            "seconds": seen.seconds,
        }
        if warm_up:
            seen.forget()
        return told

    def _whose_turn_it_is(self, what: str, every: float) -> Iterator[SessionSocket]:
        """One socket after the other, so that each has its turn once in `every` seconds."""
        first = int(self._due[what])
        self._due[what] += len(self.sockets) * TICK / every
        for number in range(first, int(self._due[what])):
            yield self.sockets[number % len(self.sockets)]


def _spread(times: "array[int]") -> dict[str, float]:
    ordered = sorted(times) or [0]
    spread = {f"p{share}": ordered[len(ordered) * share // 100] / 1e6 for share in (50, 95, 99)}
    return {**spread, "count": len(times)}


async def serve(given: dict[str, Any]) -> None:
    sessions = Sessions(given["host"], given["port"])
    loop = asyncio.get_running_loop()
    while order := await loop.run_in_executor(None, read_order):
        match order.pop("do"):
            case "open":
                tell("opened", **await sessions.open(order["seats"]))
            case "use":
                tell("used", **await sessions.use(**order))
    for socket in sessions.sockets:
        socket.transport.abort()


def main() -> None:
    uvloop.run(serve(read_order()))


if __name__ == "__main__":
    main()

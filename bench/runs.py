"""One run of a client in its own process, with the meters read while everything is under way."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, fields
from typing import Any

import orjson

from bench.clients import requests, streams
from bench.clients.speech import Order as StreamsOrder
from bench.machine import PROJECT_DIR
from bench.meters import Meters, spent
from bench.stage import Vendor

SETTLE_SECONDS = 1.0
"""What is written after the last frame belongs to the run."""


class Client:
    """A client process: give it orders and wait for what it tells."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._orders, self._events = process.stdin, process.stdout

    async def order(self, **facts: Any) -> None:
        self._orders.write(orjson.dumps(facts) + b"\n")
        await self._orders.drain()

    def no_more(self) -> None:
        """The client ends."""
        self._orders.close()

    async def event(self) -> tuple[str, dict[str, Any]]:
        """The next one: its name and its facts. Raises RuntimeError when the client has ended."""
        line = await self._events.readline()
        if not line:
            raise RuntimeError("the client ended without a result")
        facts = orjson.loads(line)
        return facts.pop("event"), facts

    async def wait(self, name: str) -> dict[str, Any]:
        """The facts of the next event of that name."""
        while True:
            event, facts = await self.event()
            if event == name:
                return facts


@asynccontextmanager
async def client(name: str) -> AsyncIterator[Client]:
    """`bench/clients/<name>.py`, at work until the block ends."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", f"bench.clients.{name}"),
        cwd=PROJECT_DIR,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=2**24,
    )
    one = Client(process)
    try:
        yield one
    finally:
        one.no_more()
        try:
            await asyncio.wait_for(process.wait(), 10)
        except TimeoutError:
            process.kill()
            await process.wait()


# --- Requests -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Asked:
    """What one run of requests showed."""

    load: requests.Load
    cpu: dict[str, float]
    """Processor seconds by part while the answers were counted."""


async def ask(order: requests.Order, meters: Meters) -> Asked:
    async with client("requests") as asking:
        await asking.order(**asdict(order))
        await asking.wait("flowing")
        before = meters.cpu()
        facts = await asking.wait("ended")
        after = meters.cpu()
    return Asked(requests.Load(**facts), spent(before, after))


# --- Streams ------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Followed:
    """What one run of streams showed."""

    reading: streams.Reading
    whole: dict[str, float]
    """Processor seconds by part from before the first stream was opened to after the last was closed."""
    steady: dict[str, float]
    """The same while every stream was flowing, `steady_deltas` of them. Empty when they never were all at once."""
    steady_deltas: int
    memory: float
    """Resident megabytes of a web process, on the mean, when a stream had ended."""


async def follow(order: StreamsOrder, meters: Meters, vendor: Vendor) -> Followed:
    before = meters.cpu()
    marks: dict[str, tuple[dict[str, float], int]] = {}
    memory = 0.0
    async with client("streams") as reading:
        await reading.order(**asdict(order))
        while (told := await reading.event())[0] != "done":
            marks[told[0]] = meters.cpu(), await deltas_written(vendor)
            memory = meters.memory()
    await asyncio.sleep(SETTLE_SECONDS)
    after = meters.cpu()
    steady: dict[str, float] = {}
    deltas = 0
    if list(marks) == ["streaming", "ending"]:
        (start, deltas_at_start), (end, deltas_at_end) = marks.values()
        steady, deltas = spent(start, end), deltas_at_end - deltas_at_start
    facts = {field.name: told[1][field.name] for field in fields(streams.Reading)}
    return Followed(streams.Reading(**facts), spent(before, after), steady, deltas, memory)


async def deltas_written(vendor: Vendor) -> int:
    """Since the vendor started. Asked over a bare connection, so that asking costs nearly nothing."""
    host, port = vendor.address
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(b"GET /_stats HTTP/1.1\r\nHost: vendor\r\n\r\n")
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
    stats: dict[str, Any] = orjson.loads(await reader.readexactly(length))
    writer.close()
    return int(stats["deltas"])

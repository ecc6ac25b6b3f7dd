"""The stage of every benchmark: the platform as `manage.py up` starts it, a scripted vendor, people, and readers."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass, fields
from typing import Any
from urllib.parse import urlsplit

import orjson
import psycopg

from bench.machine import PROJECT_DIR, cpu_seconds, resident_megabytes
from bench.reader import Order, Reading
from chatplatform import environment
from tests.client import Client
from tests.running import RunningPlatform

AT_A_TIME = 8
"""Requests at once while people are registered: a password costs its hash."""


@dataclass(frozen=True, slots=True)
class Vendor:
    url: str
    pid: int

    @property
    def address(self) -> tuple[str, int]:
        parts = urlsplit(self.url)
        return str(parts.hostname), int(parts.port or 80)


@contextmanager
def scripted_vendor() -> Iterator[Vendor]:
    """`tests/vendors/upstream.py` in a process of its own."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.vendors.upstream"], cwd=PROJECT_DIR, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield Vendor(process.stdout.readline().strip(), process.pid)
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def platform_on(vendor: Vendor, model: str, *, web_workers: int) -> Iterator[RunningPlatform]:
    """Everything as in service, persistence, quotas and logging included; only the limits on requests a minute are off."""
    env = {"OPENAI_BASE_URL": vendor.url, "OPENAI_API_KEY": "sk-bench", "OPENAI_MODEL": model, "RATE_LIMITS": "off"}
    with RunningPlatform(env=env, web_workers=web_workers) as running:
        yield running


@asynccontextmanager
async def people(platform: RunningPlatform, count: int) -> AsyncIterator[list[Client]]:
    """So many registered, in the tier without limits."""
    gate = asyncio.Semaphore(AT_A_TIME)
    clients = [await Client(platform.url).__aenter__() for _ in range(count)]

    async def register(client: Client) -> None:
        async with gate:
            await client.register("bench")

    try:
        await asyncio.gather(*map(register, clients))
        with database(platform) as connection:
            connection.execute("UPDATE accounts_user SET tier = 'enterprise'")
        await asyncio.sleep(1)  # every process knows of a changed user within half a second
        yield clients
    finally:
        for client in clients:
            await client.__aexit__(None, None, None)


async def conversations(clients: list[Client]) -> list[str]:
    """A new one for each person, in the order of people."""
    gate = asyncio.Semaphore(AT_A_TIME)

    async def begin(client: Client) -> str:
        async with gate:
            return await client.new_conversation(title="bench")

    return list(await asyncio.gather(*map(begin, clients)))


def database(platform: RunningPlatform) -> psycopg.Connection:
    return psycopg.connect(
        host=str(environment.socket_dir(platform.data_dir)),
        port=environment.DATABASE_PORT,
        user=environment.DATABASE_USER,
        dbname=environment.DATABASE_NAME,
        autocommit=True,
    )


class Meters:
    """Processor time by part of the platform."""

    def __init__(self, platform: RunningPlatform | None, vendor: Vendor) -> None:
        children = platform.children if platform else {}
        web = platform.web_pids if platform else []
        self.parts: dict[str, list[int]] = {"vendor": [vendor.pid]}
        if platform:
            named = {name: [pid] for name, pid in children.items() if name in ("postgres", "valkey", "worker", "beat")}
            self.parts |= {"web": web, **named}
        self.web = web

    def read(self) -> dict[str, float]:
        return {name: cpu_seconds(pids) for name, pids in self.parts.items()}

    def memory(self) -> float:
        """Resident megabytes of a web process, on the mean."""
        return resident_megabytes(self.web)


@dataclass(frozen=True, slots=True)
class Measured:
    """What one run of readers showed."""

    reading: Reading
    whole: dict[str, float]
    """Processor seconds by part from before the first stream was opened to after the last was closed."""
    steady: dict[str, float]
    """The same while every stream was flowing, `steady_deltas` of them."""
    steady_deltas: int
    memory: float
    """Resident megabytes of a web process, on the mean, at the first stream's end."""


async def run(order: Order, meters: Meters, vendor: Vendor) -> Measured:
    """Lets a reader in its own process carry out the order, and reads the meters around it."""
    before = meters.read()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.reader",
        cwd=PROJECT_DIR,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=2**24,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(orjson.dumps(asdict(order)))
        process.stdin.close()
        marks: dict[str, tuple[dict[str, float], int]] = {}
        memory = 0.0
        async for line in process.stdout:
            event = orjson.loads(line)
            name = event.pop("event")
            if name == "done":
                break
            marks[name] = meters.read(), await deltas_written(vendor)
            memory = meters.memory() if meters.web else 0.0
        else:
            raise RuntimeError(f"the reader of {order.kind} ended without a result")
    finally:
        if process.returncode is None and not process.stdout.at_eof():
            process.kill()
        await process.wait()
    await asyncio.sleep(1)  # what is written after the last frame belongs to the run
    after = meters.read()
    (start, deltas_at_start), (end, deltas_at_end) = (
        (marks["streaming"], marks["ending"]) if "streaming" in marks else (({}, 0), ({}, 0))
    )
    return Measured(
        reading=Reading(**{field.name: event[field.name] for field in fields(Reading)}),
        whole=_difference(before, after),
        steady=_difference(start, end),
        steady_deltas=deltas_at_end - deltas_at_start,
        memory=memory,
    )


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


def _difference(start: dict[str, float], end: dict[str, float]) -> dict[str, float]:
    return {name: end[name] - start[name] for name in end}

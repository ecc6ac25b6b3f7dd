"""The stage of every benchmark: the platform as `manage.py up` starts it, servers beside it, a scripted vendor, people."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import psutil
import psycopg

from bench.machine import PROJECT_DIR
from chatplatform import environment
from chatplatform.embedded import listening
from tests import enrolling
from tests.running import RunningPlatform

ENDLESS = "999999999/m"
START_SECONDS = 60
ASKED_EACH = 8
"""Times that each process of a server is asked before it counts as started: the kernel chooses who answers."""


@dataclass(frozen=True, slots=True)
class Vendor:
    url: str
    pid: int

    @property
    def address(self) -> tuple[str, int]:
        parts = urlsplit(self.url)
        return str(parts.hostname), int(parts.port or 80)


@dataclass(frozen=True, slots=True)
class Server:
    """Where it listens, and its processes."""

    name: str
    host: str
    port: int
    pids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Person:
    user_id: int
    token: str


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


def platform_on(vendor: Vendor, model: str, *, web_workers: int) -> RunningPlatform:
    """Everything as in service: persistence, quotas, log, metrics. Requests are counted; only what a minute allows is more.

    A context manager.
    """
    env = {
        "OPENAI_BASE_URL": vendor.url, "OPENAI_API_KEY": "sk-bench", "OPENAI_MODEL": model,
        "RATE_AUTH": ENDLESS, "RATE_SENDS": ENDLESS, "RATE_OTHERS": ENDLESS,
        "RATE_SESSION_MESSAGES": ENDLESS, "RATE_NEW_SESSIONS": ENDLESS, "RATE_SEARCHES": ENDLESS,
    }  # fmt: skip
    return RunningPlatform(env=env, web_workers=web_workers)


def of_platform(platform: RunningPlatform) -> Server:
    parts = urlsplit(platform.url)
    return Server("platform", str(parts.hostname), int(parts.port or 80), tuple(platform.web_pids))


@contextmanager
def beside(platform: RunningPlatform, name: str, *, workers: int) -> Iterator[Server]:
    """`bench/servers/<name>.py` on the platform's data, in as many processes. Each listens on a socket of its own, as in `up`."""
    sockets = listening.listen("127.0.0.1", 0, workers)
    port = int(sockets[0].getsockname()[1])
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", f"bench.servers.{name}", "--fd", str(one.fileno())],
            cwd=PROJECT_DIR,
            env=platform.environment,
            pass_fds=[one.fileno()],
            stdin=subprocess.DEVNULL,
        )
        for one in sockets
    ]
    listening.close(sockets)
    try:
        for _ in range(workers * ASKED_EACH):
            _wait_for_an_answer(port, processes)
        yield Server(name, "127.0.0.1", port, tuple(process.pid for process in processes))
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_for_an_answer(port: int, processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """Any answer counts. Who connects waits in the socket's queue until its process serves it."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/health", timeout=START_SECONDS)
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            if time.monotonic() > deadline or any(process.poll() is not None for process in processes):
                raise
            time.sleep(0.05)


def enrol(platform: RunningPlatform, count: int) -> list[Person]:
    """So many people who are signed in, in the tier without limits."""
    return [Person(person.id, person.access_token) for person in enrolling.enrol(platform, count, tier="enterprise")]


def database(platform: RunningPlatform) -> psycopg.Connection:
    """A connection with autocommit."""
    return psycopg.connect(
        host=str(environment.socket_dir(platform.data_dir)),
        port=environment.DATABASE_PORT,
        user=environment.DATABASE_USER,
        dbname=environment.DATABASE_NAME,
        autocommit=True,
    )


def versions(platform: RunningPlatform) -> str:
    """Of the services that it runs on."""
    with database(platform) as connection:
        row = connection.execute("SHOW server_version").fetchone()
    valkey = psutil.Process(platform.children["valkey"]).exe()
    said = subprocess.run([valkey, "--version"], capture_output=True, text=True, check=True).stdout  # "Valkey server v=8.1.0 …"
    return f"PostgreSQL {row[0] if row else '?'}, Valkey {said.partition('v=')[2].split(' ')[0]}"

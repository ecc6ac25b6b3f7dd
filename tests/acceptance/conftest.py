"""The real server, started by the command that the README names, with a scripted vendor behind it."""

import asyncio
import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import psycopg
import pytest

from chatplatform import environment
from tests.ports import free_port
from tests.running import PROJECT_DIR, RunningPlatform


@contextmanager
def vendor() -> Iterator[str]:
    """A scripted vendor in a process of its own. Gives its base URL."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.vendors.upstream", "--port", "0"], cwd=PROJECT_DIR, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http://\S+", line)
        assert found, f"the vendor said {line!r}"
        yield found.group().rstrip("/")
    finally:
        process.kill()
        process.wait(10)


@pytest.fixture(scope="session")
def vendor_url() -> Iterator[str]:
    with vendor() as url:
        yield url


def platform_env(vendor_url: str, model: str, **more: str) -> dict[str, str]:
    return {"OPENAI_BASE_URL": vendor_url, "OPENAI_API_KEY": "sk-canary-0123456789abcdef", "OPENAI_MODEL": model} | more


def database(platform: RunningPlatform) -> psycopg.Connection:
    """A connection of the test's own to the platform's database, for looking behind its back."""
    return psycopg.connect(
        host=str(environment.socket_dir(platform.data_dir)),
        port=environment.DATABASE_PORT,
        user=environment.DATABASE_USER,
        dbname=environment.DATABASE_NAME,
        autocommit=True,
    )


def scalar(platform: RunningPlatform, sql: str, *parameters: object) -> object:
    with database(platform) as connection:
        row = connection.execute(sql.encode(), parameters).fetchone()
        return row[0] if row else None


def books_agree(platform: RunningPlatform) -> None:
    """The ledger's own proof: what is used and reserved is the sum of its rows."""
    proof = platform.manage("check_ledger")
    assert proof.returncode == 0, proof.stdout + proof.stderr


@asynccontextmanager
async def another_web_process(platform: RunningPlatform, **settings: str) -> AsyncIterator[str]:
    """A web process on a port of its own, beside those of `up`, on the same data. Gives its address."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "manage.py",
        "web",
        "--port",
        str(port := free_port()),
        cwd=PROJECT_DIR,
        env=platform.environment | settings,
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        await _until_answers("127.0.0.1", port)
        yield url
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), 30)
        except TimeoutError:
            process.kill()
            await process.wait()


async def _until_answers(host: str, port: int) -> None:
    for _ in range(600):
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection(host, port)
            writer.close()
            return
        await asyncio.sleep(0.1)
    raise AssertionError("the web process did not come up")

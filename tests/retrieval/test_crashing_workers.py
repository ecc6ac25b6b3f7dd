"""Workers that are killed while they read and embed: every document becomes ready, as if nothing had happened.

Real Celery processes under the real supervisor. What is compared with is the same texts uploaded by somebody else, undisturbed.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Iterator

import aiohttp
import psutil
import pytest
import pytest_asyncio

from tests.acceptance.conftest import database, platform_env
from tests.client import Client
from tests.retrieval.files import make_pdf
from tests.retrieval.library import sentences
from tests.running import RunningPlatform

DOCUMENTS = 20
KILLS = 10


@pytest.fixture(scope="module")
def platform() -> Iterator[RunningPlatform]:
    # A dead worker's document is taken up after 20 s instead of 75, so that this test takes one minute and not five.
    env = platform_env("http://127.0.0.1:9/v1", "nobody", RATE_LIMITS="off", EXTRACT_SECONDS="5", INGEST_LEASE_SECONDS="10")
    with RunningPlatform(env=env, web_workers=1) as running:
        yield running


@pytest_asyncio.fixture
async def alice(platform: RunningPlatform) -> AsyncIterator[Client]:
    async with Client(platform.url) as client:
        yield await client.register("alice")


@pytest_asyncio.fixture
async def bob(platform: RunningPlatform) -> AsyncIterator[Client]:
    async with Client(platform.url) as client:
        yield await client.register("bob")


def files() -> Iterator[tuple[str, bytes]]:
    """A batch and a bit each: texts, and PDFs with pages."""
    for number in range(DOCUMENTS):
        text = sentences(40, f"case {number}")
        if number % 4:
            yield f"{number}.txt", text.encode()
        else:
            yield f"{number}.pdf", make_pdf(text.split("\n\n"))


async def upload_all(client: Client) -> None:
    for name, content in files():
        form = aiohttp.FormData()
        form.add_field("file", content, filename=name)
        async with client.session.post(f"{client.url}/api/upload", data=form, headers=client.headers) as response:
            assert response.status == 201, await response.text()


async def until_ready(client: Client, seconds: float) -> list[dict]:
    async with asyncio.timeout(seconds):
        while True:
            async with client.session.get(f"{client.url}/api/upload?limit=100", headers=client.headers) as response:
                items = (await response.json())["data"]["items"]
            failed = [item for item in items if item["status"] == "failed"]
            assert not failed, failed
            if all(item["status"] == "ready" for item in items):
                return items
            await asyncio.sleep(0.5)


def kill_worker(platform: RunningPlatform, *, whole: bool) -> bool:
    """`kill -9` of the worker with its child and whatever reads a file for it, or of the child alone."""
    main = platform.children.get("documents")
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(main)
        children = process.children(recursive=True)
        for victim in [*([process] if whole else []), *children]:
            with contextlib.suppress(psutil.NoSuchProcess):
                victim.kill()
        return whole or bool(children)
    return False


def library_of(platform: RunningPlatform, client: Client) -> list[tuple]:
    """Each document with its text, its chunks and their vectors, as values that do not depend on who uploaded when."""
    with database(platform) as connection:
        return connection.execute(
            """SELECT document.original_name, document.title, document.page_count, document.chunk_count, document.chunks_done,
                   md5(text.text), text.page_starts, chunk.version, chunk.ordinal, chunk.start, chunk."end", chunk.page,
                   chunk.language, md5(chunk.text), md5(chunk.words::text), embedding.vector::text
               FROM retrieval_document document
               JOIN accounts_user owner ON owner.id = document.owner_id
               JOIN retrieval_documenttext text ON text.document_id = document.id
               JOIN retrieval_chunk chunk ON chunk.document_id = document.id
               LEFT JOIN retrieval_embedding embedding ON embedding.chunk_id = chunk.id
               WHERE owner.username = %s ORDER BY document.original_name, chunk.ordinal, embedding.id""",
            [client.username],
        ).fetchall()


async def test_workers_that_are_killed_ten_times_in_twenty_documents_leave_what_one_clean_run_leaves(platform, alice, bob):
    chance = random.Random(5)
    await upload_all(alice)
    killed = 0
    while killed < KILLS:
        await asyncio.sleep(chance.uniform(0.1, 2.5))
        killed += kill_worker(platform, whole=killed % 3 == 0)
    items = await until_ready(alice, 240)
    assert len(items) == DOCUMENTS
    assert all(
        item["progress"] == {"done": item["progress"]["total"], "total": item["progress"]["total"], "percent": 100}
        for item in items
    )

    await upload_all(bob)
    await until_ready(bob, 240)
    disturbed, clean = library_of(platform, alice), library_of(platform, bob)
    assert len(clean) > DOCUMENTS * 32
    assert disturbed == clean
    assert all(row[-1] is not None for row in disturbed)
    assert "ended unexpectedly (signal SIGKILL)" in platform.output


async def test_the_worker_stands_behind_the_web_processes(platform):
    web, worker = (psutil.Process(platform.children[name]) for name in ("web-1", "documents"))
    assert worker.nice() == web.nice() + 10

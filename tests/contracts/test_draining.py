"""A web process that is told to end: what is open is told, what is new is refused, and it ends by itself."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import IO

import aiohttp

from tests.client import Client, frames
from tests.contracts.test_socket import close_code, say
from tests.held import held_session
from tests.ports import free_port
from tests.running import PROJECT_DIR, RunningPlatform


@asynccontextmanager
async def web_process(platform: RunningPlatform, log: IO[bytes] | None = None, **env: str) -> AsyncIterator[tuple[Process, str]]:
    """A web process of our own beside those of `up`, which may be ended without being started again."""
    port = free_port()
    command = (sys.executable, "manage.py", "web", "--port", str(port))
    process = await asyncio.create_subprocess_exec(
        *command, cwd=PROJECT_DIR, env=platform.environment | env, stderr=log or asyncio.subprocess.DEVNULL
    )
    try:
        url = f"http://127.0.0.1:{port}"
        async with held_session() as session:
            for _ in range(300):
                with contextlib.suppress(aiohttp.ClientError):
                    async with session.get(f"{url}/api/v1/health"):
                        break
                await asyncio.sleep(0.1)
        yield process, url
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def test_open_streams_and_sockets_are_told_and_new_sends_refused(platform, alice):
    async with web_process(platform) as (process, url), Client(url) as here, held_session() as session:
        here.token = alice.token
        streamed, spoken, third = [await alice.new_conversation(model="ok-60-rate-20") for _ in range(3)]
        address = f"ws{url.removeprefix('http')}/api/v1/ws/chat?token={alice.token}"
        idle, busy = await session.ws_connect(address), await session.ws_connect(address)
        assert (await say(idle, type="ping"))["type"] == "pong"
        assert (await say(busy, type="chat_message", conversation_id=spoken, content="x"))["type"] == "message_start"
        path = f"{url}/api/v1/conversations/{streamed}/messages/stream"
        async with session.post(path, json={"content": "x"}, headers=here.headers) as response:
            reading = aiter(frames(response))
            assert (await anext(reading)).data["type"] == "start"

            process.terminate()
            assert await close_code(idle) == 1012
            await busy.send_json({"type": "chat_message", "conversation_id": third, "content": "x"})
            kinds, refused = [], None
            while not kinds or kinds[-1] != "message_end":
                frame = await busy.receive_json(timeout=15)
                if frame["type"] == "error":
                    refused = frame
                kinds.append(frame["type"])
            assert refused is not None
            assert refused["error"]["code"] == "SERVICE_UNAVAILABLE"
            assert refused["error"]["details"]["retry_after"] >= 1
            assert await close_code(busy) == 1012
            assert [frame.data["type"] async for frame in reading][-1] == "end", "it was given time to end by itself"
        assert await asyncio.wait_for(process.wait(), 30) == 0
    assert await alice.messages(third) == []
    assert [(await alice.messages(c))[-1]["status"] for c in (streamed, spoken)] == ["complete", "complete"]


async def test_nothing_is_left_open_and_no_error_is_written_at_the_end(platform, alice):
    with tempfile.TemporaryFile() as log:
        async with web_process(platform, log) as (process, url), Client(url) as here:
            here.token = alice.token
            assert (await here.send(await here.new_conversation(), "x"))[0] == 200
            process.terminate()
            assert await asyncio.wait_for(process.wait(), 20) == 0
        log.seek(0)
        written = log.read().decode()
    assert '"request"' in written
    assert "Unclosed" not in written
    assert '"level":"error"' not in written

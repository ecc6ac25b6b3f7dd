"""Connections that never come to the point: each has its time and its size, and the server's log stays quiet about them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging

import pytest
import pytest_asyncio
import uvicorn

from chatplatform.asgi import Platform
from chatplatform.contracts.middleware import Access
from chatplatform.contracts.protocol import HEADER_SECONDS, BoundedHttp, BoundedSocket

HANDSHAKE = (
    b"GET /api/v1/ws/chat HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


async def connect(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, port = url.removeprefix("http://").split(":")
    return await asyncio.open_connection(host, int(port))


async def until_closed(reader: asyncio.StreamReader, seconds: float) -> bytes:
    """What came until the server closed the connection. Raises TimeoutError when it does not."""
    with contextlib.suppress(ConnectionResetError):
        return await asyncio.wait_for(reader.read(), seconds)
    return b""


@pytest.mark.parametrize(
    ("sent", "more"),
    [
        (b"", b""),
        (b"GET /ab", b"c"),
        (b"GET / HTTP/1.1\r\nhost: x\r\n", b"accept"),
        (HANDSHAKE, b"accept"),
        (b"\r\n", b"\r\n"),
        (b"GET /favicon.ico HTTP/1.1\r\nhost: x\r\n\r\n", b"\r\n"),
        (b"GET /favicon.ico HTTP/1.1\r\nhost: x\r\n\r\n", b"GET /ab"),
    ],
    ids=["nothing", "half a line", "half a request", "half a handshake", "an empty line", "and an empty line", "and half a line"],
)
async def test_a_connection_that_does_not_finish_its_headers_is_closed(quick_server, sent, more):
    reader, writer = await connect(quick_server)
    writer.write(sent)
    await asyncio.sleep(0.2)
    writer.write(more)  # a little more gives it no more time
    answer = await until_closed(reader, 5)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 204 ")
    writer.close()


async def test_the_real_server_does_so_too(platform):
    reader, writer = await connect(platform.url)
    writer.write(HANDSHAKE)
    await until_closed(reader, HEADER_SECONDS + 5)
    writer.close()


async def test_a_connection_that_is_kept_between_requests_is_not_closed_meanwhile(quick_server):
    reader, writer = await connect(quick_server)
    for _ in range(3):
        writer.write(b"GET /favicon.ico HTTP/1.1\r\nhost: x\r\n\r\n")
        assert b" 204 " in await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        await asyncio.sleep(1)  # longer than headers may take
    writer.close()


@pytest.mark.parametrize(
    "head",
    [
        b"GET /?" + b"x" * 100_000,
        b"GET / HTTP/1.1\r\nhost: x\r\nx: " + b"y" * 100_000,
        b"GET / HTTP/1.1\r\nhost: x\r\n" + b"x: y\r\n" * 20_000,
    ],
    ids=["address", "one header", "many headers"],
)
async def test_headers_beyond_the_limit_are_refused(platform, head):
    for end in (b" HTTP/1.1\r\n\r\n" if head.startswith(b"GET /?") else b"\r\n\r\n", b""):  # whole, and never ending
        reader, writer = await connect(platform.url)
        answer = b""
        with contextlib.suppress(ConnectionError):
            writer.write(head + end)
            for _ in range(0 if end else 100):
                writer.write(b"z" * 100_000)
                await writer.drain()
            answer = await until_closed(reader, 5)
        assert not answer or answer.startswith(b"HTTP/1.1 431 ")
        writer.close()
    reader, writer = await connect(platform.url)
    writer.write(b"GET /favicon.ico HTTP/1.1\r\nhost: x\r\nx: " + b"y" * 60_000 + b"\r\n\r\n")
    assert b" 204 " in await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    writer.close()


@pytest.mark.parametrize("more", [b"authorization: Bearer " + b"x" * 9000, b"\r\n".join([b"a: b"] * 300)], ids=["long", "many"])
async def test_a_handshake_beyond_the_limits_of_the_library_is_answered(platform, more):
    reader, writer = await connect(platform.url)
    writer.write(HANDSHAKE + more + b"\r\n\r\n")
    assert (await until_closed(reader, 5)).startswith(b"HTTP/1.1 431 ")
    writer.close()


async def test_a_handshake_with_an_endless_query_is_refused_with_its_cause(platform):
    reader, writer = await connect(platform.url)
    writer.write(HANDSHAKE.replace(b"/chat", b"/chat?" + b"&".join([b"x=1"] * 1001), 1) + b"\r\n")
    head, _, body = (await until_closed(reader, 5)).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 422 ")
    assert b"x-request-id: req_" in head.lower()
    assert json.loads(body)["error"]["code"] == "VALIDATION_ERROR"


async def test_a_body_that_stalls_is_answered_with_408(quick_server, caplog):
    for path in (b"/api/v1/auth/login", b"/api/v1/conversations/00000000-0000-4000-8000-000000000000/messages"):
        reader, writer = await connect(quick_server)
        writer.write(b"POST " + path + b" HTTP/1.1\r\nhost: x\r\naccept-language: en\r\ncontent-length: 100\r\n\r\n{")
        head, _, body = (await until_closed(reader, 5)).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 408 ")
        assert b"connection: close" in head.lower()
        assert json.loads(body)["error"]["code"] == "REQUEST_TIMEOUT"
        writer.close()
    reader, writer = await connect(quick_server)
    writer.write(b"POST /api/v1/auth/login HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{")
    writer.close()  # this one has left
    await asyncio.sleep(0.6)
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


class QuickHttp(BoundedHttp):
    header_seconds = 0.5


@pytest_asyncio.fixture
async def quick_server():
    """Our application on uvicorn with short times, in this process."""
    config = uvicorn.Config(
        Access(Platform(body_seconds=0.3)), port=0, http=QuickHttp, ws=BoundedSocket, lifespan="off", log_config=None
    )
    server = uvicorn.Server(config)
    serving = asyncio.ensure_future(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    await asyncio.wait_for(serving, 10)

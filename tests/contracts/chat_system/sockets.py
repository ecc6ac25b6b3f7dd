"""A session's WebSocket as somebody else would use it: it knows the document and nothing of us."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from tests.client import Client

Frame = dict[str, Any]
Socket = aiohttp.ClientWebSocketResponse
ENDS = ("stream_end", "error")
_CLOSED = (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSING)


def address(url: str, session: str) -> str:
    return f"ws{url.removeprefix('http')}/api/v1/chat/sessions/{session}/stream"


@asynccontextmanager
async def socket_of(
    client: Client, session: str, *, url: str = "", token: str | None = None, **headers: str
) -> AsyncIterator[Socket]:
    """As the document connects: the token is in the address. `url` is another web process."""
    shown = client.token if token is None else token
    at = address(url or client.url, session) + (f"?token={shown}" if shown else "")
    async with client.session.ws_connect(at, headers=headers) as socket:
        yield socket


async def send(socket: Socket, content: str, message_id: str = "", **data: Any) -> None:
    frame = {"type": "send_message", "data": {"content": content, "content_type": "text", "metadata": {}, **data}}
    await socket.send_json(frame | ({"message_id": message_id} if message_id else {}))


async def hear(socket: Socket) -> Frame:
    frame: Frame = await socket.receive_json(timeout=20)
    return frame


async def say(socket: Socket, **frame: Any) -> Frame:
    await socket.send_json(frame)
    return await hear(socket)


async def read_turn(socket: Socket) -> list[Frame]:
    seen = [await hear(socket)]
    while seen[-1]["type"] not in ENDS:
        seen.append(await hear(socket))
    return seen


def text_of(frames: list[Frame]) -> str:
    return "".join(frame["data"]["content"] for frame in frames if frame["type"] == "content_chunk")


async def close_code(socket: Socket) -> int | None:
    while (await socket.receive(timeout=10)).type not in _CLOSED:
        pass
    return socket.close_code

"""Request bodies, read whole before anything else is done with a request, counted byte by byte.

Reading them in the event loop keeps a slow client from holding one of the few threads, and gives a body of unknown length
(chunked) the length that WSGI needs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any

from django.conf import settings

from chatplatform.core.errors import BodyTooLarge, BodyTooSlow

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
READ_SECONDS = 60.0
"""For the whole body."""
MOST_DISCARDED = 64_000_000
DISCARD_SECONDS = 10.0


class ClientGone(Exception):
    """The client left: there is nobody to answer."""


def limit_for(headers: dict[bytes, bytes]) -> int:
    """Bytes allowed: files may be larger than JSON."""
    is_multipart = headers.get(b"content-type", b"").lower().startswith(b"multipart/form-data")
    return settings.MAX_BODY if is_multipart else settings.MAX_JSON_BODY


async def read_body(scope: MutableMapping[str, Any], receive: Receive, seconds: float = READ_SECONDS) -> bytes:
    """Raises BodyTooLarge (as soon as it is known, by the declared or the actual length), BodyTooSlow and ClientGone."""
    headers = dict(scope["headers"])
    declared = headers.get(b"content-length")
    if (declared is None or declared == b"0") and b"transfer-encoding" not in headers:
        return b""
    limit = limit_for(headers)
    if declared is not None and declared.isdigit() and int(declared) > limit:
        if b"expect" not in headers:  # who asks first has not sent it
            await _discard(receive, int(declared))
        raise BodyTooLarge
    try:
        async with asyncio.timeout(seconds):
            return await _read(receive, limit)
    except TimeoutError:
        raise BodyTooSlow from None


async def _discard(receive: Receive, declared: int) -> None:
    """Reads a body that is refused anyway, if it is not monstrous: a client that is cut off while it sends never sees why."""
    if declared > MOST_DISCARDED:
        return
    with suppress(TimeoutError):
        async with asyncio.timeout(DISCARD_SECONDS):
            while (message := await receive())["type"] == "http.request" and message.get("more_body", False):
                pass


async def _read(receive: Receive, limit: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            if message.get("more_body", False):
                await _discard(receive, 0)
            raise BodyTooLarge
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)

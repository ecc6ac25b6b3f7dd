"""Sessions of aiohttp that hold every frame they read against the AsyncAPI document: the data of server-sent events, and what a
socket says. A frame that the document does not have fails the test that read it, whatever the test is about.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from functools import cache
from typing import Any

import aiohttp
import jsonschema_rs
from yarl import URL

Hold = Callable[[str], None]


def held_session(**options: Any) -> aiohttp.ClientSession:
    """An `aiohttp.ClientSession`."""
    return aiohttp.ClientSession(response_class=HeldResponse, ws_response_class=HeldSocket, **options)


class HeldResponse(aiohttp.ClientResponse):
    async def start(self, connection: Any) -> aiohttp.ClientResponse:
        await super().start(connection)
        if self.content_type == "text/event-stream":
            hold = holding(self.url, self.request_info.headers.get("Accept", ""), self.method)
            self.content = _HeldEvents(self.content, hold)  # type: ignore[assignment]
        return self


class HeldSocket(aiohttp.ClientWebSocketResponse):
    async def receive(self, timeout: float | None = None) -> Any:
        message = await super().receive(timeout)
        if message.type is aiohttp.WSMsgType.TEXT:
            request = self._response.request_info
            holding(request.url, request.headers.get("Accept", ""), "GET")(message.data)
        return message


class _HeldEvents:
    """aiohttp's stream of a body, in the ways that tests read it."""

    def __init__(self, content: aiohttp.StreamReader, hold: Hold) -> None:
        self._content = content
        self._hold = hold
        self._rest = b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._content, name)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._until_over(self.readline)

    def iter_any(self) -> AsyncIterator[bytes]:
        return self._until_over(self.readany)

    def iter_chunked(self, _size: int) -> AsyncIterator[bytes]:
        return self._until_over(self.readany)

    async def readline(self) -> bytes:
        return self._seen(await self._content.readline())

    async def readany(self) -> bytes:
        return self._seen(await self._content.readany())

    async def readuntil(self, separator: bytes = b"\n") -> bytes:
        return self._seen(await self._content.readuntil(separator))

    async def read(self, size: int = -1) -> bytes:
        return self._seen(await self._content.read(size))

    async def _until_over(self, read: Callable[[], Any]) -> AsyncIterator[bytes]:
        while data := await read():
            yield data

    def _seen(self, data: bytes) -> bytes:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                self._hold(line[5:].strip().decode())
        return data


@cache
def _document() -> dict[str, Any]:
    from chatplatform.contracts.asyncapi.documents import published

    document: dict[str, Any] = json.loads(published().body)
    return document


@cache
def _validator(message: str) -> Any:
    """Of one message's payload. What is no JSON counts as a text."""
    payload = _document()["components"]["messages"][message]["payload"]
    schema = {**payload, "components": {"schemas": _document()["components"]["schemas"]}}
    return jsonschema_rs.Draft7Validator(schema, validate_formats=True)


@cache
def _sent_at(address: str, method: str) -> tuple[str, ...]:
    """The messages that a channel's sending operation names."""
    for name, channel in _document()["channels"].items():
        operation = _document()["operations"][f"{name}.send"]
        if channel["address"] == address and operation.get("bindings", {}).get("http", {}).get("method", "GET") == method:
            return tuple(reference["$ref"].rsplit("/", 1)[1] for reference in operation["messages"])
    raise AssertionError(f"the AsyncAPI document has no channel at {method} {address}")


def holding(url: URL, accept: str, method: str) -> Hold:
    """What holds the frames of one stream or socket."""
    from chatplatform.contracts.routing import find_place

    found = find_place(url.path, accept)
    assert found is not None, f"nobody streams at {url.path}"
    place = found[0]
    names = _sent_at(place.addresses[0], method)
    if dialect := url.query.get("contract"):
        names = tuple(name for name in names if name.partition(".")[0] == dialect.replace("_", "-"))

    def hold(text: str) -> None:
        hold_frame(text, names)

    return hold


def hold_frame(text: str, messages: tuple[str, ...]) -> None:
    """Raises AssertionError for what none of the messages is."""
    frame = json.loads(text) if text.startswith("{") else text
    if not any(_validator(message).is_valid(frame) for message in messages):
        told = {message: [error.message for error in _validator(message).iter_errors(frame)][:3] for message in messages}
        raise AssertionError(f"a frame that the AsyncAPI document does not have: {text[:500]}\n{json.dumps(told, indent=1)}")

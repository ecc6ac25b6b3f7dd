"""Uvicorn's two protocols with the bounds that they lack: a time and a size for a request's headers, and for a handshake.

Without them a connection that never finishes its first line stays open for ever, headers are collected in memory without end,
and a handshake that the WebSocket library refuses to parse gets no answer.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

HEADER_SECONDS = 15.0
"""From the connection, or from the first byte of a later request, to the end of the headers."""
HANDSHAKE_SECONDS = 10.0
"""From the end of a handshake's headers to our answer."""
MOST_HEADER_BYTES = 64 * 1024
"""Of the address and all headers of one request."""


class HeadersTooLarge(Exception):
    """Stops the parser."""


class BoundedHttp(HttpToolsProtocol):
    header_seconds = HEADER_SECONDS

    _clock: asyncio.TimerHandle | None = None
    _in_headers = False
    _began = False
    """Whether a request began in the piece of data that is being parsed."""
    _sized = 0
    """Bytes of the address and of the headers that are whole."""
    _collected = 0
    """Bytes that the parser was given since, and holds back because their header is not whole."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._start_clock()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_clock()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._began = False
        super().data_received(data)
        if self.transport.is_closing() or self.transport.get_protocol() is not self:  # it has become a socket
            self._stop_clock()
            return
        if self._in_headers and not self._began:
            self._collected += len(data)
            if self._collected > MOST_HEADER_BYTES:
                self._refuse_headers()
                return
        # Anything sent ends uvicorn's own clock for idle connections, be it an empty line.
        if self._clock is None and (self._in_headers or self._is_idle()):
            self._start_clock()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_headers = self._began = True
        self._sized = self._collected = 0

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        self._count(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._count(len(name) + len(value) + 4)  # with `: ` and the line's end

    def on_headers_complete(self) -> None:
        self._in_headers = False
        self._stop_clock()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Uvicorn's answer to what the parser does not take."""
        if self._sized > MOST_HEADER_BYTES:
            self._refuse_headers()
        else:
            super().send_400_response(msg)

    def _count(self, size: int) -> None:
        self._sized += size
        if self._sized > MOST_HEADER_BYTES:
            raise HeadersTooLarge

    def _refuse_headers(self) -> None:
        self._stop_clock()
        if self._is_idle():  # else an answer is being written, and this would land in its middle
            self.transport.write(STATUS_LINE[431] + b"content-length: 0\r\nconnection: close\r\n\r\n")
        self.transport.close()

    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _start_clock(self) -> None:
        self._clock = self.loop.call_later(self.header_seconds, self._headers_late)

    def _stop_clock(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    def _headers_late(self) -> None:
        self._clock = None
        if self._is_idle():
            self.transport.close()
        else:  # half a request came behind one that is still being answered
            self._start_clock()


class BoundedSocket(WebSocketsSansIOProtocol):
    handshake_seconds = HANDSHAKE_SECONDS

    _clock: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._clock = self.loop.call_later(self.handshake_seconds, self._handshake_late)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._clock is not None:
            self._clock.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            # The library has its answer ready (a line of over 8 kB, more than 128 headers), and uvicorn waits for more data.
            self.close_sent = True
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.transport.close()

    async def send(self, message: Any) -> None:
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body", False):
            self.handshake_complete = True  # else uvicorn logs an error: no handshake was completed

    def _handshake_late(self) -> None:
        self._clock = None
        if not self.handshake_complete and self.initial_response is None:
            self.transport.close()

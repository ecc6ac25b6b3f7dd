"""Views that run in the event loop: whatever waits on a turn, as one JSON body or as server-sent events.

The consumer listens for the client's leaving while the view works (Channels' `AsyncHttpConsumer` does not). A client that leaves
ends only its own view of a turn, never the turn.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import structlog

from accounts.principal import Principal
from chatplatform.contracts.connections import OpenConnection, connections
from chatplatform.contracts.contract import Contract, Route
from chatplatform.contracts.encoder import StreamEncoder
from chatplatform.contracts.errors import as_domain_error, is_unexpected
from chatplatform.contracts.incoming import Asked, Incoming, admit, in_language
from chatplatform.contracts.json_body import dump_json
from chatplatform.core.aio import in_database_thread
from chatplatform.core.errors import DomainError, NotSignedIn
from conversations.turns.runner import get_runner

log = structlog.get_logger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class JsonAnswer:
    body: Any
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class EventStream:
    """A turn's events after number `after`, as server-sent events until the turn has ended."""

    turn_id: UUID
    encoder: StreamEncoder
    after: int = 0
    headers: tuple[tuple[str, str], ...] = ()
    """Further ones of the answer: for readers whose frames do not name what they are of."""
    on_leave: Callable[[], None] | None = None
    """Called when there is no reader any more, be it that she has read all."""


NativeAnswer = JsonAnswer | EventStream


@dataclass(slots=True)
class NativeCall(Asked):
    """What a native view is given."""

    incoming: Incoming
    contract: Contract
    principal: Principal | None = None

    def answer(self, data: Any, message: str = "", status: int = 200) -> JsonAnswer:
        return JsonAnswer(self.contract.envelope(data, message, datetime.now(UTC)), status)


class NativeConsumer:
    """An ASGI application for one route."""

    def __init__(self, route: Route, contract: Contract) -> None:
        self.route = route
        self.contract = contract
        self.handler = getattr(route.view, route.action).native

    async def __call__(
        self, scope: Scope, receive: Receive, send: Send, *, body: bytes = b"", parts: Mapping[str, str] | None = None
    ) -> None:
        incoming = Incoming.from_scope(scope, body)
        with in_language(incoming.headers):
            serving = asyncio.ensure_future(self._serve(incoming, send, parts or {}))
            leaving = asyncio.ensure_future(_until_gone(receive))
            try:
                await asyncio.wait({serving, leaving}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                leaving.cancel()
                if not serving.done():
                    serving.cancel()
            # The client has gone, or this very task was cancelled: what the view held is let go before we return.
            with suppress(asyncio.CancelledError, OSError):
                await serving

    async def _serve(self, incoming: Incoming, send: Send, parts: Mapping[str, str]) -> None:
        call = NativeCall(incoming, self.contract)
        try:
            call.principal = await in_database_thread(
                admit, incoming=incoming, contract=self.contract, rate=self.route.rate, public=self.route.public
            )
            answer = await self.handler(self.route.view(), call, **parts)
        except Exception as error:
            answer = self._refusal(error, call)
        if isinstance(answer, EventStream):
            await _Stream(answer, call.person, send).run(head_only=incoming.method == "HEAD")
        else:
            await send_json(send, answer)

    def _refusal(self, raised: Exception, call: NativeCall) -> JsonAnswer:
        error = as_domain_error(raised)
        if is_unexpected(error):
            log.error("request_failed", exc_info=raised, path=call.incoming.path)
        return refusal(error, self.contract)


def refusal(error: DomainError, contract: Contract) -> JsonAnswer:
    wire, body = contract.wire_error(error)
    return JsonAnswer(body, wire.status, tuple(wire.headers()))


async def send_json(send: Send, answer: JsonAnswer, kind: str = "http.response") -> None:
    body = dump_json(answer.body)
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body)), *_as_sent(answer.headers)]
    await send({"type": f"{kind}.start", "status": answer.status, "headers": headers})
    await send({"type": f"{kind}.body", "body": body})


def _as_sent(headers: tuple[tuple[str, str], ...]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class _Stream(OpenConnection):
    """One reader of one turn. Everything goes out whole frames at a time, so a heartbeat never lands inside a frame."""

    def __init__(self, stream: EventStream, principal: Principal, send: Send) -> None:
        super().__init__(principal)
        self._stream = stream
        self._send = send
        self._task: asyncio.Task[None] | None = None
        self._farewell: bytes | None = None

    async def run(self, *, head_only: bool) -> None:
        try:
            await self._run(head_only=head_only)
        finally:
            if self._stream.on_leave is not None:
                self._stream.on_leave()

    async def _run(self, *, head_only: bool) -> None:
        await self._send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [
                    (b"content-type", b"text/event-stream; charset=utf-8"),
                    (b"cache-control", b"no-cache, no-store"),
                    (b"x-accel-buffering", b"no"),  # a proxy that collects the stream first would defeat it
                    *_as_sent(self._stream.headers),
                ],
            }
        )
        if not head_only:
            self._task = asyncio.ensure_future(self._follow())
            connections.add(self)
            try:
                await self._until_over(self._task)
            finally:
                connections.discard(self)
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _until_over(self, task: asyncio.Task[None]) -> None:
        try:
            await task
        except asyncio.CancelledError:
            task.cancel()
            if self._farewell is None:
                raise
            await self._write(self._farewell)
        except Exception as raised:
            # After the first byte an error is an event.
            error = as_domain_error(raised)
            if is_unexpected(error):
                log.error("stream_failed", exc_info=raised, turn_id=str(self._stream.turn_id))
            await self._write(self._stream.encoder.error(error))

    async def _follow(self) -> None:
        encoder = self._stream.encoder
        writes = encoder.writes
        async with aclosing(get_runner().follow_turn(self._stream.turn_id, encoder.start_after(self._stream.after))) as batches:
            async for events in batches:
                for data in writes(events):
                    await self._write(data)

    async def _write(self, data: bytes) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": True})
        self.last_sent = time.monotonic()

    def sign_out(self) -> None:
        if self._farewell is None and self._task is not None:
            self._farewell = self._stream.encoder.error(NotSignedIn())
            self._task.cancel()

    def drain(self) -> None:
        """Nothing to do: the runner ends the turn, and its ending ends the stream."""

    def heartbeat(self) -> None:
        self.last_sent = time.monotonic()
        connections.spawn(self._write(self._stream.encoder.heartbeat))

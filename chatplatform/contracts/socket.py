"""The base of the contracts' WebSocket protocols: who may connect, how many sockets and frames, and an orderly end.

Close codes: 4401 not signed in (any more), 4404 nothing of hers is at this address, 4429 too many sockets or frames,
1012 the server is being restarted. Before such a close the client gets an error frame, since browsers show scripts neither a
refused handshake's status nor its body. A foreign `Origin` and an unknown path are refused at the handshake, with 403.
"""

from __future__ import annotations

import asyncio
import time
from abc import abstractmethod
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from typing import Any
from uuid import UUID

import structlog
from channels.consumer import AsyncConsumer
from channels.exceptions import StopConsumer
from django.conf import settings
from django.utils.translation import gettext as _

from accounts.door import Credentials
from accounts.principal import Principal
from chatplatform.contracts.connections import OpenConnection, connections
from chatplatform.contracts.contract import Contract, Rate
from chatplatform.contracts.errors import as_domain_error, is_unexpected
from chatplatform.contracts.incoming import Incoming, admit, count_request, in_language
from chatplatform.contracts.json_body import parse_json
from chatplatform.contracts.origins import origin_is_ours
from chatplatform.contracts.screening import named_host
from chatplatform.contracts.seats import RENEW_SECONDS, leave_seat, take_seat
from chatplatform.core.aio import in_database_thread
from chatplatform.core.drain import draining
from chatplatform.core.errors import (
    DomainError,
    Draining,
    InvalidInput,
    NotFound,
    NotSignedIn,
    RateLimited,
    SocketProtocolError,
)

log = structlog.get_logger(__name__)

SIGNED_OUT = 4401
NOTHING_HERE = 4404
TOO_MANY = 4429
RESTARTING = 1012
FRAMES_PER_SECOND = 20.0
FRAMES_AT_ONCE = 60.0
MOST_TURNS = 50
"""Turns that one socket follows at a time."""


class SocketConsumer(AsyncConsumer, OpenConnection):
    kind = "socket"
    channel_layer_alias = ""  # turns are followed by the runner: no subscription in Redis for each socket

    contract: Contract
    connect_rate: Rate
    send_rate: Rate

    def __init__(self, parts: Mapping[str, str]) -> None:
        AsyncConsumer.__init__(self)
        self.parts = parts
        """Of the path, by their names in the template."""
        self.following: set[asyncio.Task[None]] = set()
        self.seat: UUID | None = None
        self.seat_renewed = time.monotonic()
        self._closing = False
        self._draining = False
        self._allowance = FRAMES_AT_ONCE
        self._allowance_at = time.monotonic()
        self._refused_frames = 0

    # --- What a protocol says itself

    @abstractmethod
    async def on_frame(self, frame: dict[str, Any]) -> None:
        """One message of the client. What it raises is told by `error_frame`."""

    @abstractmethod
    def error_frame(self, error: DomainError, about: Mapping[str, Any]) -> str:
        """`about` is the client's message, as far as it was understood."""

    def check_place(self, principal: Principal) -> None:
        """Blocking. Whether what the address names is there for this person; what it raises is told, and the socket is closed."""

    def credentials(self, incoming: Incoming) -> Credentials:
        """As for REST; a browser can only put a token into the address."""
        found = incoming.credentials
        if found.bearer or found.api_key:
            return found
        return Credentials(bearer=incoming.query.get("token", ""))

    # --- The life of a socket

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.incoming = Incoming.from_scope(scope)
        with in_language(self.incoming.headers):
            try:
                with suppress(OSError):  # the client has gone
                    await super().__call__(scope, receive, send)
            finally:
                await self._leave()

    async def dispatch(self, message: Mapping[str, Any]) -> None:
        # Channels' own closes old database connections in a thread before each message; ours are used in threads only.
        kind = message["type"]
        if kind == "websocket.receive":
            await self._received(message)
        elif kind == "websocket.connect":
            await self._connect()
        elif kind == "websocket.disconnect":
            raise StopConsumer

    async def _connect(self) -> None:
        if not origin_is_ours(self.incoming.headers.get("origin", ""), named_host(self.scope)):
            await self.base_send({"type": "websocket.close", "code": 1008})
            raise StopConsumer
        try:
            if draining.begun:
                raise Draining(retry_after=5)
            principal, self.seat = await in_database_thread(self._admit)
        except Exception as raised:
            error = self._explained(raised)
            await self.base_send({"type": "websocket.accept"})
            await self.base_send({"type": "websocket.send", "text": self.error_frame(error, {})})
            await self.base_send({"type": "websocket.close", "code": _close_code(error)})
            raise StopConsumer from None
        OpenConnection.__init__(self, principal)
        await self.base_send({"type": "websocket.accept"})
        connections.add(self)

    def _admit(self) -> tuple[Principal, UUID]:
        principal = admit(
            incoming=self.incoming,
            contract=self.contract,
            rate=self.connect_rate,
            public=False,
            credentials=self.credentials(self.incoming),
        )
        assert principal is not None
        self.check_place(principal)
        return principal, take_seat(user_id=principal.user_id, most=settings.MAX_SOCKETS_PER_USER)

    async def _received(self, message: Mapping[str, Any]) -> None:
        frame: dict[str, Any] = {}
        try:
            if not await self._may_speak():
                return
            frame = _parsed(message.get("text"))
            await self.on_frame(frame)
        except Exception as raised:
            await self.tell(self.error_frame(self._explained(raised), frame))

    async def _may_speak(self) -> bool:
        """A bucket of frames that fills steadily. A client that goes on while it is empty is told, then put out."""
        now = time.monotonic()
        self._allowance = min(FRAMES_AT_ONCE, self._allowance + (now - self._allowance_at) * FRAMES_PER_SECOND)
        self._allowance_at = now
        if self._allowance >= 1:
            self._allowance -= 1
            self._refused_frames = 0
            return True
        self._refused_frames += 1
        if self._refused_frames == 1:
            raise RateLimited(retry_after=1)
        if self._refused_frames > FRAMES_AT_ONCE:
            await self._close(TOO_MANY)
        return False

    async def count_send(self) -> None:
        """Sends by socket count like sends by HTTP. Raises RateLimited."""
        await in_database_thread(count_request, self.contract, self.send_rate, self.principal, self.incoming.origin)

    def follow(self, work: Coroutine[Any, Any, None], about: Mapping[str, Any]) -> None:
        """Runs something long beside the reading of frames: what it raises is told like a frame's own error."""
        if len(self.following) >= MOST_TURNS:
            work.close()
            raise RateLimited(_("Too many answers at a time on this connection."), retry_after=5)
        task = asyncio.get_running_loop().create_task(self._follow(work, about))
        self.following.add(task)
        task.add_done_callback(self._followed)

    async def _follow(self, work: Coroutine[Any, Any, None], about: Mapping[str, Any]) -> None:
        try:
            await work
        except OSError:
            pass  # the client has gone
        except Exception as raised:
            with suppress(OSError):
                await self.tell(self.error_frame(self._explained(raised), about))

    def _followed(self, task: asyncio.Task[None]) -> None:
        self.following.discard(task)
        if self._draining and not self.following:
            connections.spawn(self._close(RESTARTING))

    async def tell(self, text: str) -> None:
        if not self._closing:
            await self.base_send({"type": "websocket.send", "text": text})
            self.last_sent = time.monotonic()

    # --- Its end

    def sign_out(self) -> None:
        connections.spawn(self._say_and_close(NotSignedIn(), SIGNED_OUT))

    def drain(self) -> None:
        self._draining = True
        if not self.following:
            connections.spawn(self._close(RESTARTING))

    async def _say_and_close(self, error: DomainError, code: int) -> None:
        with in_language(self.incoming.headers):
            await self.tell(self.error_frame(error, {}))
            await self._close(code)

    async def _close(self, code: int) -> None:
        if self._closing:
            return
        self._closing = True
        connections.discard(self)
        for task in list(self.following):
            task.cancel()
        await self.base_send({"type": "websocket.close", "code": code})

    async def _leave(self) -> None:
        self._closing = True
        connections.discard(self)
        for task in list(self.following):
            task.cancel()
        if self.seat is not None:
            seat, self.seat = self.seat, None
            await in_database_thread(leave_seat, user_id=self.principal.user_id, seat=seat)

    def seat_to_renew(self, now: float) -> tuple[int, UUID] | None:
        if self.seat is None or now - self.seat_renewed < RENEW_SECONDS:
            return None
        self.seat_renewed = now
        return self.principal.user_id, self.seat

    def _explained(self, raised: Exception) -> DomainError:
        error = as_domain_error(raised)
        if is_unexpected(error):
            log.error("socket_failed", exc_info=raised)
        return error


def _parsed(text: str | None) -> dict[str, Any]:
    if text is None:
        raise SocketProtocolError(issue=_("Messages must be text frames."))
    try:
        frame = parse_json(text)
    except InvalidInput as error:
        raise SocketProtocolError(field=error.field, issue=error.issue) from None
    if not isinstance(frame, dict):
        raise SocketProtocolError(issue=_("The message must be a JSON object."))
    return frame


def unknown_type() -> SocketProtocolError:
    return SocketProtocolError(field="type", issue=_("The type is not known."))


def _close_code(error: DomainError) -> int:
    if isinstance(error, NotSignedIn):
        return SIGNED_OUT
    if isinstance(error, NotFound):
        return NOTHING_HERE
    if isinstance(error, RateLimited):
        return TOO_MANY
    return RESTARTING

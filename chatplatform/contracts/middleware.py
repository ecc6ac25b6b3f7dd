"""The outermost layer of the web process, for WSGI and native routes and sockets alike: the request id, the client's address,
what is refused whatever it asks for, CORS, security headers, and one access line a request or socket."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from ipaddress import ip_address
from typing import Any

import structlog
from django.conf import settings

from chatplatform.contracts.incoming import LONGEST_USER_AGENT, SCOPE_KEY, Arrival, in_language, new_request_id
from chatplatform.contracts.native import refusal, send_json
from chatplatform.contracts.registry import is_api
from chatplatform.contracts.routing import dialect_for
from chatplatform.contracts.screening import named_host, screen
from chatplatform.core.errors import DomainError, InvalidInput, NotAllowed, UnknownHost
from chatplatform.core.metrics import count_http
from chatplatform.core.networks import is_within
from chatplatform.core.origin import Origin
from chatplatform.logs import hide_secrets, write_access

log = structlog.get_logger(__name__)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_SANE_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}\Z")
_ALLOWED_METHODS = b"GET, POST, PUT, PATCH, DELETE, OPTIONS"
_ALLOWED_HEADERS = (
    b"authorization, content-type, accept-language, x-api-key, x-request-id, idempotency-key, last-event-id, x-conversation-id,"
    # What OpenAI's client sends along from a browser.
    b" openai-organization, openai-project, x-stainless-arch, x-stainless-helper-method, x-stainless-lang, x-stainless-os,"
    b" x-stainless-package-version, x-stainless-retry-count, x-stainless-runtime, x-stainless-runtime-version,"
    b" x-stainless-timeout"
)
_EXPOSED_HEADERS = (
    b"x-request-id, retry-after, deprecation, sunset, link, x-should-retry, x-session-id, x-conversation-id, x-turn-id"
)
_DENIAL = "websocket.http.response"
"""The extension of ASGI by which a handshake is refused with an answer of our own."""
UNREAD_SECONDS = 28
CLIENT_GONE = 499
"""What a request is counted as that nobody waited for."""


class Access:
    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers: dict[bytes, bytes] = dict(scope["headers"])
        request_id = _request_id(headers)
        _believe_proxies(scope, headers)
        client = scope.get("client") or ("", 0)
        agent = headers.get(b"user-agent", b"").decode("latin-1")[:LONGEST_USER_AGENT]
        arrival = Arrival(Origin(address=client[0], user_agent=agent, request_id=request_id))
        scope[SCOPE_KEY] = arrival
        _bound_unread(send)
        exchange = _Exchange(scope, headers, arrival, send)
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                screen(scope)
                if exchange.is_preflight:
                    await exchange.answer_preflight()
                else:
                    await self._app(scope, receive, exchange.send)
            except InvalidInput as error:
                if not exchange.can_answer:
                    raise
                if isinstance(error, UnknownHost):
                    log.warning("host_refused", host=named_host(scope)[:300])
                await exchange.refuse(error)
            except Exception:
                if not exchange.can_answer:
                    raise  # the server logs it and closes the connection
                log.exception("request_broke", path=scope["path"])
                await exchange.refuse(DomainError())  # the machinery itself failed, outside of any view
            finally:
                exchange.write_line()


class _Exchange:
    """One request and its answer, or one socket, as it passes through."""

    def __init__(self, scope: Scope, headers: dict[bytes, bytes], arrival: Arrival, send: Send) -> None:
        self._scope = scope
        self._headers = headers
        self._arrival = arrival
        self._send = send
        self._began = time.perf_counter()
        self._head_at = 0.0
        self._status: int | str = "none"
        self._bytes = 0
        self._frames = 0
        self.is_preflight = (
            scope["type"] == "http"
            and scope["method"] == "OPTIONS"
            and b"origin" in headers
            and b"access-control-request-method" in headers
        )

    async def send(self, message: Message) -> None:
        match message["type"]:
            case "http.response.body":
                self._bytes += len(message.get("body", b""))
            case "http.response.start":
                self._status = message["status"]
                self._head_at = time.perf_counter()
                message["headers"] = [*message.get("headers", ()), *self._added(message.get("headers", ()))]
            case "websocket.send":
                self._frames += 1
                self._bytes += len(message.get("text") or message.get("bytes") or "")
            case "websocket.accept":
                self._status = 101
                told = [(b"x-request-id", self._request_id), *self._notices()]
                message["headers"] = [*message.get("headers", ()), *told]
            case "websocket.close":
                if self._status != 101 and _DENIAL in self._scope.get("extensions", ()):
                    await self.refuse(NotAllowed())  # the server's own 403 would carry no request id
                    return
                self._status = message.get("code", 1000) if self._status == 101 else 403
            case "websocket.http.response.start":
                self._status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", self._request_id)]
        await self._send(message)

    @property
    def _request_id(self) -> bytes:
        return self._arrival.origin.request_id.encode()

    def _added(self, present: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        names = {name for name, _value in present}
        added = [(b"x-request-id", self._request_id), *self._notices()]
        if b"x-content-type-options" not in names:
            added.append((b"x-content-type-options", b"nosniff"))
        if is_api(self._scope["path"]):
            if b"cache-control" not in names:
                added.append((b"cache-control", b"no-store"))
            added += self._cors()
        return added

    def _notices(self) -> list[tuple[bytes, bytes]]:
        return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in self._arrival.notices]

    def _cors(self) -> list[tuple[bytes, bytes]]:
        """Without credentials: a page of another origin shows its token itself or not at all."""
        allowed = settings.CORS_ALLOWED_ORIGINS
        if not allowed:
            return []
        origin = self._headers.get(b"origin", b"")
        exposed = (b"access-control-expose-headers", _EXPOSED_HEADERS)
        if "*" in allowed:
            return [(b"access-control-allow-origin", b"*"), exposed]
        if origin and origin.decode("latin-1") in allowed:
            return [(b"access-control-allow-origin", origin), (b"vary", b"Origin"), exposed]
        return [(b"vary", b"Origin")]

    async def answer_preflight(self) -> None:
        added: list[tuple[bytes, bytes]] = []
        if any(name == b"access-control-allow-origin" for name, _value in self._cors()):
            added = [
                (b"access-control-allow-methods", _ALLOWED_METHODS),
                (b"access-control-allow-headers", _ALLOWED_HEADERS),
                (b"access-control-max-age", b"600"),
            ]
        await self.send({"type": "http.response.start", "status": 204, "headers": added})
        await self.send({"type": "http.response.body", "body": b""})

    @property
    def can_answer(self) -> bool:
        return self._status == "none"

    async def refuse(self, error: DomainError) -> None:
        """In the dialect of the path; a handshake too, where the server can."""
        with in_language({"accept-language": self._headers.get(b"accept-language", b"").decode("latin-1")}):
            accept = self._headers.get(b"accept", b"").decode("latin-1")
            answer = refusal(error, dialect_for(self._scope["path"], accept))
        if self._scope["type"] == "http":
            await send_json(self.send, answer)
        elif _DENIAL in self._scope.get("extensions", ()):
            await send_json(self.send, answer, "websocket.http.response")
        else:
            await self.send({"type": "websocket.close", "code": 1008})

    def write_line(self) -> None:
        fields: dict[str, Any] = {
            "request_id": hide_secrets(self._arrival.origin.request_id),
            "method": self._scope.get("method", "WEBSOCKET"),
            "path": hide_secrets(self._scope["path"]),
            "status": self._status,
            "ms": round((time.perf_counter() - self._began) * 1000, 1),
            "bytes": self._bytes,
            "address": self._arrival.origin.address,
        }
        if query := self._scope["query_string"]:
            fields["query"] = hide_secrets("?" + query.decode("latin-1"))[1:500]
        if self._arrival.user:
            fields["user_id"] = self._arrival.user
        if self._frames:
            fields["frames"] = self._frames
        if self._scope["type"] == "http":
            self._count()
        write_access("request" if self._scope["type"] == "http" else "socket", fields)

    def _count(self) -> None:
        answered = isinstance(self._status, int)
        count_http(
            method=self._scope["method"],
            endpoint=self._arrival.endpoint,
            status=self._status if isinstance(self._status, int) else CLIENT_GONE,
            seconds=(self._head_at if answered else time.perf_counter()) - self._began,
        )


def _bound_unread(send: Send) -> None:
    """Lets the kernel end a connection whose client has not read what was sent for `UNREAD_SECONDS`, or cannot be reached.

    Nothing above the kernel can: a server that closes such a connection politely waits for ever for the client to read the rest.
    The socket is found by uvicorn's way of giving us its connection; elsewhere nothing is bounded.
    """
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    connection = transport.get_extra_info("socket") if transport is not None else None
    option = getattr(socket, "TCP_USER_TIMEOUT", None)  # Linux has it
    if connection is not None and option is not None and connection.family in (socket.AF_INET, socket.AF_INET6):
        connection.setsockopt(socket.IPPROTO_TCP, option, UNREAD_SECONDS * 1000)


def _request_id(headers: dict[bytes, bytes]) -> str:
    theirs = headers.get(b"x-request-id", b"")
    return theirs.decode() if _SANE_REQUEST_ID.match(theirs) else new_request_id()


# --- Proxies ------------------------------------------------------------------------------------------------------------------


def _believe_proxies(scope: Scope, headers: dict[bytes, bytes]) -> None:
    """Sets the scope's client and scheme to what a configured proxy says. Anybody else's forwarded headers mean nothing."""
    if not settings.TRUSTED_PROXIES or not scope.get("client"):
        return
    trusted = tuple(settings.TRUSTED_PROXIES)
    if not is_within(scope["client"][0], trusted):
        return
    # Each proxy appends the address it was called from: the last that is not one of ours is the client's. What stands before it
    # the client may have made up. Several headers of the name count as one, in order.
    chain = [
        hop.strip()
        for name, value in scope["headers"]
        if name == b"x-forwarded-for"
        for hop in value.decode("latin-1").split(",")
    ]
    for hop in reversed(chain):
        try:
            address = str(ip_address(hop))
        except ValueError:
            break
        scope["client"] = (address, 0)
        if not is_within(address, trusted):
            break
    if (scheme := headers.get(b"x-forwarded-proto", b"").decode("latin-1").strip().lower()) in ("http", "https"):
        secure = {"http": "https", "ws": "wss"} if scheme == "https" else {}
        scope["scheme"] = secure.get(scope.get("scheme", "http"), scope.get("scheme", "http"))

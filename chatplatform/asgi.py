"""The web process: what answers where.

    sockets                     the contracts' consumers
    native routes               coroutines in this event loop: whatever waits on a turn (`contracts/native.py`)
    ordinary REST               Django's WSGI handler in a few long-lived threads
    hot reads                   their views alone, in the same threads (`contracts/hot.py`)
    slow REST, admin, pages     the same handler in threads of their own, so that they never hold the fast ones
    static files                served here, from the installed packages

Django's own ASGI handler is on no path: it costs a millisecond of CPU a request, the WSGI handler a tenth of that.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatplatform.settings")
django.setup(set_prefix=False)

import structlog  # noqa: E402
from django.conf import settings  # noqa: E402
from django.contrib.staticfiles.finders import get_finders  # noqa: E402
from servestatic import ServeStaticASGI  # noqa: E402

from chatplatform.contracts.bodies import READ_SECONDS, ClientGone, read_body  # noqa: E402
from chatplatform.contracts.connections import connections  # noqa: E402
from chatplatform.contracts.contract import Runs  # noqa: E402
from chatplatform.contracts.hot import HotReads  # noqa: E402
from chatplatform.contracts.incoming import UNMATCHED, arrival_of, in_language  # noqa: E402
from chatplatform.contracts.middleware import Access, Receive, Scope, Send  # noqa: E402
from chatplatform.contracts.native import JsonAnswer, refusal, send_json  # noqa: E402
from chatplatform.contracts.registry import is_api  # noqa: E402
from chatplatform.contracts.routing import SOCKETS, Place, dialect_for, find_place  # noqa: E402
from chatplatform.contracts.threads import DjangoInThreads  # noqa: E402
from chatplatform.core.aio import measure_lag  # noqa: E402
from chatplatform.core.errors import BodyTooLarge, BodyTooSlow, DomainError  # noqa: E402
from chatplatform.logs import write_in_batches  # noqa: E402
from chatplatform.wsgi import application as wsgi  # noqa: E402
from conversations.turns.runner import get_runner  # noqa: E402
from providers import upstream  # noqa: E402

log = structlog.get_logger(__name__)
Finder = Callable[[str, str], tuple[Place, dict[str, str]] | None]
PAGES = frozenset({"/", "/admin", "/docs", "/redoc", "/openapi", "/openapi.json", "/uploads"})


class Platform:
    def __init__(self, body_seconds: float = READ_SECONDS, find: Finder = find_place) -> None:
        self._body_seconds = body_seconds
        self._find = find
        self._fast = DjangoInThreads(wsgi, settings.WEB_THREADS, "rest")
        self._hot = HotReads(self._fast.threads)
        self._slow = DjangoInThreads(wsgi, settings.WEB_SLOW_THREADS, "slow-rest")
        self._static = _static_files()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match scope["type"]:
            case "http":
                await self._http(scope, receive, send)
            case "websocket":
                await self._socket(scope, receive, send)
            case "lifespan":
                await _lifespan(receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if path.startswith(settings.STATIC_URL) and path in self._static.files:
            arrival_of(scope).endpoint = settings.STATIC_URL.rstrip("/")
            await self._static(scope, receive, send)
            return
        found = self._find(path, _header(scope, b"accept"))
        arrival = arrival_of(scope)
        arrival.endpoint = found[0].path if found else _page(path)
        arrival.notices = found[0].notices(scope["method"]) if found else ()
        try:
            body = await read_body(scope, receive, self._body_seconds)
        except ClientGone:
            return
        except (BodyTooLarge, BodyTooSlow) as error:
            await _refuse_body(error, scope, send)
            return
        if found is None:
            await (self._fast if is_api(path) else self._slow)(scope, body, send)
            return
        place, parts = found
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        match place.runs(method):
            case Runs.NATIVE:
                await place.consumers[method](scope, receive, send, body=body, parts=parts)
            case Runs.HOT:
                await self._hot(scope, send, place=place, parts=parts)
            case Runs.FAST:
                await self._fast(_as_django_knows_it(scope, place, parts), body, send)
            case Runs.SLOW:
                await self._slow(_as_django_knows_it(scope, place, parts), body, send)

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = self._find(scope["path"], "")
        consumer = SOCKETS.get(found[0].addresses[0]) if found else None
        if found is None or consumer is None:
            await receive()
            await send({"type": "websocket.close", "code": 1008})  # before it is accepted: a 403 at the handshake
            return
        place, parts = found
        arrival_of(scope).notices = place.notices("GET")
        await consumer(parts)(scope, receive, send)


def _as_django_knows_it(scope: Scope, place: Place, parts: Mapping[str, str]) -> Scope:
    """Django's URLs have each contract at its own base only: what was found by another is asked for there."""
    return {**scope, "path": place.address(parts)} if place.contract.also_at else scope


def _header(scope: Scope, wanted: bytes) -> str:
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == wanted), "")


def _page(path: str) -> str:
    """What a path that no contract owns is counted as. Everything unknown together: there is no end to those."""
    first = "/" + path.split("/", 2)[1]
    return first if first in PAGES else UNMATCHED


async def _refuse_body(error: DomainError, scope: Scope, send: Send) -> None:
    with in_language({"accept-language": _header(scope, b"accept-language")}):
        answer = refusal(error, dialect_for(scope["path"], _header(scope, b"accept")))
    # The rest of the body is not read, so nothing else can come over this connection.
    await send_json(send, JsonAnswer(answer.body, answer.status, (*answer.headers, ("Connection", "close"))))


def _static_files() -> ServeStaticASGI:
    """Admin's and Swagger's files where they are installed: nothing has to be collected first."""
    static = ServeStaticASGI(None, max_age=3600)
    for finder in get_finders():
        for path, storage in finder.list(None):
            url = settings.STATIC_URL + path.replace(os.sep, "/")
            if url not in static.files:
                static.add_file_to_dictionary(url, storage.path(path))
    return static


async def _lifespan(receive: Receive, send: Send) -> None:
    await receive()
    write_in_batches()
    try:
        connections.close_on_drain()
        await get_runner().startup()
    except Exception as error:
        log.exception("startup_failed")
        await send({"type": "lifespan.startup.failed", "message": f"{type(error).__name__}: {error}"})
        return
    measuring = asyncio.create_task(measure_lag())
    await send({"type": "lifespan.startup.complete"})
    await receive()
    measuring.cancel()
    await get_runner().shutdown()
    await upstream.close()
    await send({"type": "lifespan.shutdown.complete"})


application = Access(Platform())

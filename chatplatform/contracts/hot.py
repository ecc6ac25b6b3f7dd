"""Hot reads: the few GETs that clients ask for all the time.

A hot read differs from an ordinary view in two things. Its method is called directly, in a thread of ordinary REST: neither
Django's handler and middleware nor the dispatch of Django REST framework is on the way, and so it is given no request and uses
what `ContractViewSet` offers, which is all the same. And the selector that it calls runs prepared SQL and makes plain values
instead of model objects (`conversations/selectors.py`). All else is as in an ordinary view: the steps before it, its errors,
the headers of its answer. `Runs.HOT` in the route table makes a read hot; a test asks both ways and compares.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.http import HttpResponse

from chatplatform.contracts.incoming import Incoming, language_of
from chatplatform.core.aio import kept_connections

if TYPE_CHECKING:
    from chatplatform.contracts.routing import Place

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class HotReads:
    """All hot routes of a process, in threads that they share with Django."""

    def __init__(self, threads: ThreadPoolExecutor) -> None:
        self._threads = threads

    async def __call__(self, scope: Scope, send: Send, *, place: Place, parts: Mapping[str, str]) -> None:
        incoming = Incoming.from_scope(scope)
        run = contextvars.copy_context().run
        response = await asyncio.get_running_loop().run_in_executor(self._threads, run, _read, incoming, place, parts)
        body = response.content
        headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in response.items()]
        headers.append((b"content-length", b"%d" % len(body)))
        headers += _headers_of_django(tuple(place.routes), language_of(incoming.headers.get("accept-language", "")))
        await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def _read(incoming: Incoming, place: Place, parts: Mapping[str, str]) -> HttpResponse:
    route = place.routes["GET"]
    with kept_connections():
        return route.view.read(incoming, route, place.contract, parts)


@cache
def _headers_of_django(methods: tuple[str, ...], language: str) -> tuple[tuple[bytes, bytes], ...]:
    """What Django's middlewares add to an answer, and the framework: `methods` are those of the path."""
    headers = {
        "allow": ", ".join((*methods, "HEAD", "OPTIONS")),
        "content-language": language,
        "cross-origin-opener-policy": settings.SECURE_CROSS_ORIGIN_OPENER_POLICY,
        "referrer-policy": settings.SECURE_REFERRER_POLICY,
        "vary": "Accept-Language",
        "x-content-type-options": "nosniff",
        "x-frame-options": settings.X_FRAME_OPTIONS,
    }
    return tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items())

"""The base of every contract's views.

A viewset owns the path, the serializers and the schema of all its actions. Ordinary ones are methods that Django REST framework
calls in a thread. Those that wait (on a turn, on other services) are coroutines marked `@native`: the ASGI composition calls
them in the event loop (`native.py`), with the same steps before and after. The few reads that are asked for all the time are
ordinary methods that do without Django's request; `hot.py` calls them in a thread, again with the same steps.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import structlog
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django_filters import FilterSet
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.viewsets import ViewSet

from accounts.principal import Principal
from chatplatform.contracts.contract import Contract, Route
from chatplatform.contracts.errors import as_domain_error, is_unexpected
from chatplatform.contracts.incoming import Asked, Incoming, admit, in_language
from chatplatform.contracts.json_body import BoundedJSONParser, dump_json
from chatplatform.contracts.paging import read_page
from chatplatform.core.errors import DomainError, InvalidInput, MethodNotAllowed, Unavailable
from chatplatform.core.pages import PageRequest

if TYPE_CHECKING:
    from chatplatform.contracts.native import NativeAnswer

log = structlog.get_logger(__name__)

NativeHandler = Callable[..., "Awaitable[NativeAnswer]"]


class NeedsTheEventLoop(Unavailable):
    """This address is answered by the ASGI server only."""


def native(handler: NativeHandler) -> Callable[..., HttpResponse]:
    """Marks a view's coroutine `(self, call, **path parts)` as run in the event loop by `native.py`.

    Django REST framework sees a method that it can describe and route. It is only ever called where somebody serves
    `chatplatform.wsgi` alone, and says so.
    """

    @functools.wraps(handler)
    def through_django(self: Any, request: Request, **_parts: str) -> HttpResponse:
        raise NeedsTheEventLoop

    through_django.native = handler  # type: ignore[attr-defined]
    del through_django.__wrapped__  # it is not the coroutine, and must not look like one
    return through_django


class ContractViewSet(Asked, ViewSet):
    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()
    parser_classes: tuple[type[BaseParser], ...] = (BoundedJSONParser,)

    tag = ""
    """The chapter of the contract's OpenAPI document."""
    contract: Contract = None  # type: ignore[assignment]  # both are given by `routing.django_patterns`
    routes: Mapping[str, Route] = {}

    incoming: Incoming
    principal: Principal | None = None

    # --- What a view uses

    def page(self, default_size: int | None = None) -> PageRequest:
        return read_page(self.incoming.query, self.contract.paging, default_size)

    def answer(self, data: Any, message: str = "", status: int = 200) -> HttpResponse:
        return json_response(self.contract.envelope(data, message, datetime.now(UTC)), status)

    # --- How Django REST framework is bent to it

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self.incoming = Incoming.from_django(request)
        with in_language(self.incoming.headers):
            return super().dispatch(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if self.incoming.method == "OPTIONS":
            return  # it tells only which methods there are
        route = self._route()
        if route is None:
            raise MethodNotAllowed
        self.principal = admit(incoming=self.incoming, contract=self.contract, rate=route.rate, public=route.public)

    @classmethod
    def read(cls, incoming: Incoming, route: Route, contract: Contract, parts: Mapping[str, str]) -> HttpResponse:
        """What `dispatch` answers, without Django's request: for a hot route. Blocking."""
        view = cls(contract=contract)
        view.incoming = incoming
        with in_language(incoming.headers):
            try:
                view.principal = admit(incoming=incoming, contract=contract, rate=route.rate, public=route.public)
                answer: HttpResponse = getattr(view, route.action)(None, **parts)
                return answer
            except Exception as raised:
                return view.handle_exception(raised)

    def handle_exception(self, exc: Exception) -> HttpResponse:  # type: ignore[override]  # ours is rendered already
        error = as_domain_error(exc)
        if is_unexpected(error):
            log.error("request_failed", exc_info=exc, path=self.incoming.path)
        return error_response(error, self.contract)

    def options(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:  # type: ignore[override]
        return HttpResponse(status=204)

    def _route(self) -> Route | None:
        method = self.incoming.method
        return self.routes.get("GET" if method == "HEAD" else method)


def filtered(filter_set: FilterSet) -> QuerySet[Any]:
    """What a filter set leaves. Raises InvalidInput for the first query parameter that is wrong."""
    if not filter_set.is_valid():
        field, issue = next((name, issues[0]) for name, issues in filter_set.errors.items())
        raise InvalidInput(field=field, issue=issue)
    return filter_set.qs


def json_response(body: Any, status: int = 200) -> HttpResponse:
    return HttpResponse(dump_json(body), content_type="application/json", status=status)


def error_response(error: DomainError, contract: Contract) -> HttpResponse:
    wire, body = contract.wire_error(error)
    response = json_response(body, wire.status)
    for name, value in wire.headers():
        response[name] = value
    return response

"""Pages for people, and what Django says when no view does: to programs in the dialect of the path, to browsers as a page."""

from __future__ import annotations

from functools import cache
from typing import Any

import orjson
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.views import SpectacularSwaggerSplitView
from rest_framework.request import Request
from rest_framework.response import Response

from chatplatform.contracts.errors import as_domain_error
from chatplatform.contracts.http import error_response, json_response
from chatplatform.contracts.incoming import in_language, language_of
from chatplatform.contracts.registry import is_api
from chatplatform.contracts.routing import dialect_for
from chatplatform.core.errors import DomainError, MalformedBody, MethodNotAllowed, NotAllowed, NotFound

PAGE_POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

# Swagger writes styles into its page, and pictures as data.
DOCS_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self';"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def start(request: HttpRequest) -> HttpResponse:
    """`/`: where everything is."""
    if request.method not in ("GET", "HEAD"):
        return _refused(request, MethodNotAllowed())
    with _language(request):
        if _is_browser(request):
            return _page(request, "start.html", {"version": settings.VERSION})
        response = json_response(
            {
                "name": "chatplatform",
                "version": settings.VERSION,
                "message": _("The chat platform is running."),
                "api": "/api/v1",
                "health": "/api/v1/health",
                "docs": "/docs",
                "openapi": "/openapi.json",
            }
        )
        response["Cache-Control"] = "no-cache"
        response["Vary"] = "Accept, Accept-Language"
        return response


@cache
def _openapi() -> bytes:
    schema: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return orjson.dumps(schema)


def openapi(request: HttpRequest) -> HttpResponse:
    """`/openapi.json`: made once for each process."""
    if request.method not in ("GET", "HEAD"):
        return _refused(request, MethodNotAllowed())
    response = HttpResponse(_openapi(), content_type="application/json")
    response["Cache-Control"] = "public, max-age=300"  # it changes with the version only
    return response


def favicon(request: HttpRequest) -> HttpResponse:
    """There is none, and browsers need not ask again."""
    if request.method not in ("GET", "HEAD"):
        return _refused(request, MethodNotAllowed())
    return HttpResponse(status=204, headers={"Cache-Control": "public, max-age=86400"})


class Documentation(SpectacularSwaggerSplitView):
    """`/docs`: Swagger's page with its own scripts, and those only."""

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        answered = super().finalize_response(request, response, *args, **kwargs)
        answered["Content-Security-Policy"] = DOCS_POLICY
        answered["Cache-Control"] = "public, max-age=300"
        return answered


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _refused(request, NotFound())


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _refused(request, NotAllowed())


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    error = as_domain_error(exception) if exception is not None else MalformedBody()
    return _refused(request, error if type(error) is not DomainError else MalformedBody())


def broken(request: HttpRequest) -> HttpResponse:
    """Django has logged the cause."""
    return _refused(request, DomainError())


def _refused(request: HttpRequest, error: DomainError) -> HttpResponse:
    with _language(request):
        response = error_response(error, dialect_for(request.path, request.META.get("HTTP_ACCEPT", "")))
        if not _is_browser(request) or is_api(request.path):
            return response
        return _page(request, "error.html", {"status": response.status_code, "message": error.message}, response.status_code)


def _page(request: HttpRequest, template: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
    response = render(request, template, context | {"language": language_of(_accept_language(request))}, status=status)
    response["Content-Security-Policy"] = PAGE_POLICY
    response["Cache-Control"] = "no-cache"
    response["Vary"] = "Accept, Accept-Language"
    return response


def _is_browser(request: HttpRequest) -> bool:
    return "text/html" in request.META.get("HTTP_ACCEPT", "")


def _accept_language(request: HttpRequest) -> str:
    return str(request.META.get("HTTP_ACCEPT_LANGUAGE", ""))


def _language(request: HttpRequest) -> Any:
    return in_language({"accept-language": _accept_language(request)})

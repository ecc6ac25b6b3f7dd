"""Pages for people, and what Django says when no view does: to programs in the dialect of the path, to browsers as a page."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import get_conditional_response
from django.utils.translation import gettext as _

from chatplatform.contracts.errors import as_domain_error
from chatplatform.contracts.http import error_response, json_response
from chatplatform.contracts.incoming import in_language, language_of
from chatplatform.contracts.openapi.documents import document_names, published
from chatplatform.contracts.registry import is_api
from chatplatform.contracts.routing import dialect_for
from chatplatform.core.errors import DomainError, MalformedBody, MethodNotAllowed, NotAllowed, NotFound

PAGE_POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

# Swagger and Redoc write styles into their pages, and pictures as data.
DOCS_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self';"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
REDOC_POLICY = f"{DOCS_POLICY}; worker-src blob:"  # it searches in a worker that it writes itself


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
                "redoc": "/redoc",
                "openapi": "/openapi.json",
            }
        )
        response["Cache-Control"] = "no-cache"
        response["Vary"] = "Accept, Accept-Language"
        return response


def openapi(request: HttpRequest, name: str = "") -> HttpResponse:
    """`/openapi.json` of all contracts, `/openapi/{name}.json` of one."""
    if request.method not in ("GET", "HEAD"):
        return _refused(request, MethodNotAllowed())
    try:
        document = published(name)
    except NotFound as error:
        return _refused(request, error)
    response = HttpResponse(document.body, content_type="application/json")
    response["ETag"] = document.etag
    response["Cache-Control"] = "public, max-age=300"  # it changes with the version only
    return get_conditional_response(request, etag=document.etag, response=response) or response


def favicon(request: HttpRequest) -> HttpResponse:
    """There is none, and browsers need not ask again."""
    if request.method not in ("GET", "HEAD"):
        return _refused(request, MethodNotAllowed())
    return HttpResponse(status=204, headers={"Cache-Control": "public, max-age=86400"})


def swagger(request: HttpRequest) -> HttpResponse:
    """`/docs`: Swagger's page with its own scripts, and those only."""
    return _documentation(request, "swagger.html", DOCS_POLICY)


def redoc(request: HttpRequest, name: str | None = None) -> HttpResponse:
    """`/redoc` for all contracts, `/redoc/{name}` for one."""
    if name is not None and name not in document_names():
        return _refused(request, NotFound())
    return _documentation(request, "redoc.html", REDOC_POLICY, name or "")


def _documentation(request: HttpRequest, template: str, policy: str, chosen: str = "") -> HttpResponse:
    if request.method not in ("GET", "HEAD"):
        return _refused(request, MethodNotAllowed())
    documents = [
        {
            "name": name or "all",
            "url": f"/openapi/{name}.json" if name else "/openapi.json",
            "page": f"/redoc/{name}" if name else "/redoc",
            "chosen": name == chosen,
        }
        for name in ("", *document_names())
    ]
    response = render(request, template, {"documents": documents})
    response["Content-Security-Policy"] = policy
    response["Cache-Control"] = "public, max-age=300"
    return response


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

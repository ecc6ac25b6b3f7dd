"""Pages for people, and what Django says when no view does: to programs in the dialect of the path, to browsers as a page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import get_conditional_response

from chatplatform.contracts.asyncapi.documents import published as published_asyncapi
from chatplatform.contracts.errors import as_domain_error
from chatplatform.contracts.html import accepted_languages, html_page, is_browser
from chatplatform.contracts.http import error_response
from chatplatform.contracts.incoming import in_language
from chatplatform.contracts.openapi.documents import Published, document_names, published
from chatplatform.contracts.registry import is_api
from chatplatform.contracts.routing import dialect_for
from chatplatform.core.errors import DomainError, MalformedBody, MethodNotAllowed, NotAllowed, NotFound

# Swagger and Redoc write styles into their pages, and pictures as data.
DOCS_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self';"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
REDOC_POLICY = f"{DOCS_POLICY}; worker-src blob:"  # it searches in a worker that it writes itself


def openapi(request: HttpRequest, name: str = "") -> HttpResponse:
    """`/openapi.json` of all contracts, `/openapi/{name}.json` of one."""
    return _described(request, lambda: published(name))


def asyncapi(request: HttpRequest) -> HttpResponse:
    """`/asyncapi.json`: what goes over sockets and streams."""
    return _described(request, published_asyncapi)


def _described(request: HttpRequest, document_of: Callable[[], Published]) -> HttpResponse:
    if request.method not in ("GET", "HEAD"):
        return _refused(request, MethodNotAllowed())
    try:
        document = document_of()
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
        if not is_browser(request) or is_api(request.path):
            return response
        return html_page(request, "error.html", {"status": response.status_code, "message": error.message}, response.status_code)


def _language(request: HttpRequest) -> Any:
    return in_language({"accept-language": accepted_languages(request)})

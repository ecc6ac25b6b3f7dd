"""Pages for people."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from chatplatform.contracts.incoming import language_of

PAGE_POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


def is_browser(request: HttpRequest) -> bool:
    return "text/html" in request.META.get("HTTP_ACCEPT", "")


def accepted_languages(request: HttpRequest) -> str:
    """Its header `Accept-Language`."""
    return str(request.META.get("HTTP_ACCEPT_LANGUAGE", ""))


def html_page(request: HttpRequest, template: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
    response = render(request, template, context | {"language": language_of(accepted_languages(request))}, status=status)
    response["Content-Security-Policy"] = PAGE_POLICY
    response["Cache-Control"] = "no-cache"
    response["Vary"] = "Accept, Accept-Language"
    return response

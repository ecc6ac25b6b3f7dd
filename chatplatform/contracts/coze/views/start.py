"""The root: what this is, for programs and for people."""

from __future__ import annotations

from asgiref.sync import async_to_sync
from django.conf import settings
from django.http import HttpResponse
from django.utils.translation import gettext as _
from rest_framework.request import Request

from chatplatform.contracts.coze import schemas
from chatplatform.contracts.health import read_health
from chatplatform.contracts.html import html_page, is_browser
from chatplatform.contracts.http import ContractViewSet, json_response
from chatplatform.contracts.openapi.describing import Answer, described


class StartViewSet(ContractViewSet):
    tag = "System"

    @described("get_start", "What this is, and where everything is", enveloped=False, answers=(Answer(schemas.Start),))
    def start(self, request: Request) -> HttpResponse:
        """To a browser it is a page."""
        if is_browser(request._request):
            return html_page(request._request, "start.html", {"version": settings.VERSION})
        response = json_response(
            {
                "message": _("The chat platform is running."),
                "name": "chatplatform",
                "version": settings.VERSION,
                "status": async_to_sync(read_health)().whole_status,
                "docs": "/docs",
                "redoc": "/redoc",
                "openapi": "/openapi.json",
                "health": "/health",
                "api": "/api/v1",
            }
        )
        response["Cache-Control"] = "no-cache"
        response["Vary"] = "Accept, Accept-Language"
        return response

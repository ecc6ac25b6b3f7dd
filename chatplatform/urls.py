"""What Django answers: the contracts' paths, uploaded files, the admin site, the documentation, and pages for people."""

from __future__ import annotations

from django.contrib import admin
from django.urls import path, re_path
from django.views.decorators.csrf import csrf_exempt

from chatplatform.contracts import pages, uploads
from chatplatform.contracts.routing import django_patterns

urlpatterns = [
    *django_patterns(),
    re_path(r"^openapi\.json/?\Z", csrf_exempt(pages.openapi), name="openapi"),
    re_path(r"^asyncapi\.json/?\Z", csrf_exempt(pages.asyncapi), name="asyncapi"),
    re_path(r"^openapi/(?P<name>[^/]+)\.json/?\Z", csrf_exempt(pages.openapi)),
    re_path(r"^docs/?\Z", csrf_exempt(pages.swagger), name="docs"),
    re_path(r"^redoc(?:/(?P<name>[^/]+))?/?\Z", csrf_exempt(pages.redoc)),
    re_path(r"^uploads/(?P<name>[^/]+)\Z", csrf_exempt(uploads.download)),
    path("favicon.ico", csrf_exempt(pages.favicon)),
    path("admin/", admin.site.urls),
]

handler400 = "chatplatform.contracts.pages.bad_request"
handler403 = "chatplatform.contracts.pages.forbidden"
handler404 = "chatplatform.contracts.pages.not_found"
handler500 = "chatplatform.contracts.pages.broken"

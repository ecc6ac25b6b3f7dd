"""Browsers' pages of other origins."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings


def origin_is_ours(origin: str, host: str) -> bool:
    """Whether a browser's page from `origin` may come in at `host`, which `screening.py` has found to be one of ours.

    Browsers always say an origin where it matters, programs need not.
    """
    return "*" in settings.CORS_ALLOWED_ORIGINS or origin_is_named(origin, host)


def origin_is_named(origin: str, host: str) -> bool:
    """The same where it is not enough that all pages may call: it is no page, our own, or one that the operators name."""
    if not origin or origin in settings.CORS_ALLOWED_ORIGINS:
        return True
    try:
        parts = urlsplit(origin)
    except ValueError:  # half an address, like `http://[`
        return False
    return parts.scheme in ("http", "https") and bool(host) and parts.netloc.lower() == host.lower()

"""System checks: wrong settings stop the boot, each with an id and a hint."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import logging
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import connections

from chatplatform import environment, variables

Finding = Iterator[CheckMessage]


@register()
def check_settings(app_configs: Sequence[Any] | None, **_options: Any) -> list[CheckMessage]:
    return [finding for check in _CHECKS for finding in check()]


def _secrets() -> Finding:
    for name, value in (("SECRET_KEY", settings.SECRET_KEY), ("JWT_SIGNING_KEY", str(settings.SIMPLE_JWT["SIGNING_KEY"]))):
        if len(value) < 32 or len(set(value)) < 8:
            yield Error(
                f"{name} is too short or too simple.",
                hint="Leave it out, so that one is made and kept in the data folder, or set 32 random characters or more.",
                id="chatplatform.E001",
            )


def _encryption_keys() -> Finding:
    hint = "ENCRYPTION_KEYS is `id:base64 of 32 bytes`, several separated by commas; the first encrypts."
    ids: list[str] = []
    for entry in str(settings.ENCRYPTION_KEYS).split(","):
        key_id, colon, encoded = entry.strip().partition(":")
        try:
            is_right = bool(colon and key_id) and len(base64.b64decode(encoded, validate=True)) == 32
        except binascii.Error:
            is_right = False
        if not is_right:
            yield Error(f"ENCRYPTION_KEYS: the key {key_id[:16]!r} cannot be used.", hint=hint, id="chatplatform.E002")
        ids.append(key_id)
    if len(set(ids)) != len(ids):
        yield Error("ENCRYPTION_KEYS: two keys have the same id.", hint=hint, id="chatplatform.E002")


def _networks() -> Finding:
    for name, check in (("TRUSTED_PROXIES", "chatplatform.E003"), ("METRICS_ALLOWED_ADDRESSES", "chatplatform.E012")):
        for text in getattr(settings, name):
            try:
                ipaddress.ip_network(text, strict=False)
            except ValueError:
                yield Error(
                    f"{name}: {text!r} is not an address or a network.",
                    hint="For example 10.0.0.5 or 10.0.0.0/8, several separated by commas.",
                    id=check,
                )


def _origins() -> Finding:
    for origin in settings.CORS_ALLOWED_ORIGINS:
        parts = urlsplit(origin)
        is_origin = parts.scheme in ("http", "https") and parts.netloc and not parts.path and not parts.query
        if origin != "*" and not is_origin:
            yield Error(
                f"CORS_ALLOWED_ORIGINS: {origin!r} is not an origin.",
                hint="For example https://chat.example.org, without a slash at the end; * allows all.",
                id="chatplatform.E004",
            )


def _public_address() -> Finding:
    parts = urlsplit(settings.PUBLIC_BASE_URL)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
        yield Error(
            f"PUBLIC_BASE_URL: {settings.PUBLIC_BASE_URL!r} is not an address.",
            hint="The address that people use, for example https://chat.example.org: links in mails begin with it.",
            id="chatplatform.E005",
        )


def _zone() -> Finding:
    try:
        ZoneInfo(settings.TIME_ZONE)
    except (ZoneInfoNotFoundError, ValueError):
        yield Error(
            f"TIME_ZONE: {settings.TIME_ZONE!r} is not a time zone.", hint="For example Asia/Shanghai.", id="chatplatform.E006"
        )


_RANGES = {
    "WEB_THREADS": (1, 64),
    "WEB_SLOW_THREADS": (1, 64),
    "TURN_DB_THREADS": (1, 64),
    "MAX_SOCKETS_PER_USER": (1, 10_000),
    "DRAIN_SECONDS": (0, 20),
    "LLMCHAT_SESSION_DAYS": (0, 36_500),
    "COZE_SESSION_DAYS": (0, 36_500),
    "PERSONAL_PROVIDERS_MAX": (0, 10_000),
    "DATABASE_LOCK_TIMEOUT": (0, 600),
    "DATABASE_STATEMENT_TIMEOUT": (0, 3600),
    "DOCUMENTS_PER_USER": (0, 1_000_000),
    "DOCUMENTS_MB_PER_USER": (0, 1_000_000),
    "EXTRACT_SECONDS": (1, 3600),
    "EXTRACT_CPU_SECONDS": (1, 3600),
    "EXTRACT_MEMORY_MB": (256, 65_536),
    "EXTRACT_MAX_CHARACTERS": (10_000, 100_000_000),
    "DRAWING_CPU_SECONDS": (1, 60),
    "INGEST_LEASE_SECONDS": (5, 3600),
    "EMBEDDING_THREADS": (1, 64),
    "SEARCH_THREADS": (1, 64),
    "PROVIDER_CONNECT_TIMEOUT": (0.1, 600),
    "PROVIDER_FIRST_TOKEN_TIMEOUT": (0.1, 3600),
    "PROVIDER_SILENCE_TIMEOUT": (0.1, 3600),
    "PROVIDER_TOTAL_TIMEOUT": (1, 86_400),
}


def _numbers() -> Finding:
    for name, (least, most) in _RANGES.items():
        if not least <= getattr(settings, name) <= most:
            yield Error(
                f"{name} is {getattr(settings, name)}.", hint=f"It must be from {least} to {most}.", id="chatplatform.E007"
            )


def _log_level() -> Finding:
    if not isinstance(logging.getLevelName(settings.LOG_LEVEL.upper()), int):
        yield Error(
            f"LOG_LEVEL: {settings.LOG_LEVEL!r} is not a level.",
            hint="One of DEBUG, INFO, WARNING, ERROR.",
            id="chatplatform.E008",
        )


def _redis_address() -> Finding:
    if urlsplit(settings.REDIS_URL).scheme not in ("redis", "rediss", "unix"):
        yield Error(
            "REDIS_URL is not an address of Redis.",
            hint="redis://host:6379/0, rediss://… or unix:///path?db=0.",
            id="chatplatform.E009",
        )


def _database() -> Finding:
    if connections["default"].vendor != "postgresql":
        yield Error(
            "DATABASE_URL does not name a PostgreSQL database.",
            hint="postgresql://user:password@host:5432/name; nothing else is supported.",
            id="chatplatform.E010",
        )


def _documents_storage() -> Finding:
    if "storages." in settings.STORAGES["documents"]["BACKEND"] and find_spec("storages") is None:
        yield Error(
            "DOCUMENTS_S3_BUCKET is set, and what speaks S3 is not installed.",
            hint="pip install django-storages[s3], or leave the variable out: files are kept in DOCUMENTS_DIR then.",
            id="chatplatform.E013",
        )


def _coze() -> Finding:
    given = {name: bool(environment.read(name).strip()) for name in ("COZE_API_TOKEN", "COZE_BOT_ID")}
    if any(given.values()) and not all(given.values()):
        missing = next(name for name, is_there in given.items() if not is_there)
        yield Error(
            f"{missing} is missing.",
            hint="A bot of Coze's needs COZE_API_TOKEN and COZE_BOT_ID; without both the default provider answers.",
            id="chatplatform.E014",
        )


@register(Tags.security, deploy=True)
def check_deployment(app_configs: Sequence[Any] | None, **_options: Any) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    if not settings.RATE_LIMITS:
        found.append(
            Warning("RATE_LIMITS is off.", hint="Without it anybody may try as often as she likes.", id="chatplatform.W001")
        )
    if "*" in settings.ALLOWED_HOSTS:
        found.append(Warning("ALLOWED_HOSTS allows every name.", hint="Name your own hosts.", id="chatplatform.W002"))
    if settings.GUEST_ACCESS == "on":
        found.append(
            Warning(
                "GUEST_ACCESS is on: whoever reaches this server may chat without an account.",
                hint="Leave it out unless that is meant. What all guests together may use is the tier `guest`.",
                id="chatplatform.W004",
            )
        )
    if not any("CommonPassword" in str(validator) for validator in settings.AUTH_PASSWORD_VALIDATORS):
        found.append(Warning("Common passwords are accepted.", hint="Set PASSWORD_REFUSE_COMMON=on.", id="chatplatform.W003"))
    return found


def _unreadable() -> Finding:
    for name, kind in variables.unreadable.items():
        yield Error(f"{name} cannot be read.", hint=f"It must be {kind}.", id="chatplatform.E011")


_CHECKS: tuple[Callable[[], Finding], ...] = (
    _secrets,
    _encryption_keys,
    _networks,
    _origins,
    _public_address,
    _zone,
    _numbers,
    _log_level,
    _redis_address,
    _database,
    _documents_storage,
    _coze,
    _unreadable,
)

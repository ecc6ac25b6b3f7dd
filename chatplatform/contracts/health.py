"""Whether what we stand on answers: each is asked for a second at most, and the answer is good for another."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

import redis.asyncio
import structlog
from django.conf import settings
from django.db import connection

from chatplatform.core.aio import in_database_thread
from providers.models import Provider, Scope

log = structlog.get_logger(__name__)

HEALTHY, DEGRADED, UNHEALTHY, UNCONFIGURED = "healthy", "degraded", "unhealthy", "unconfigured"
PATIENCE_SECONDS = 1.0
GOOD_FOR_SECONDS = 1.0
_STARTED = time.monotonic()


@dataclass(frozen=True, slots=True)
class Health:
    database: str
    redis: str
    provider: str
    """Of language models: healthy when one is configured and switched on."""

    @property
    def status(self) -> str:
        if self.database == UNHEALTHY:
            return UNHEALTHY
        return HEALTHY if self.redis == self.provider == HEALTHY else DEGRADED

    @property
    def uptime(self) -> int:
        """Seconds since this process started."""
        return int(time.monotonic() - _STARTED)


class _Kept:
    """The last answer, and the question that is under way: many who ask at once ask once."""

    def __init__(self) -> None:
        self.health: Health | None = None
        self.read_at = 0.0
        self.asking: asyncio.Task[Health] | None = None


_kept = _Kept()


async def read_health() -> Health:
    if _kept.health is not None and time.monotonic() - _kept.read_at < GOOD_FOR_SECONDS:
        return _kept.health
    loop = asyncio.get_running_loop()
    if _kept.asking is None or _kept.asking.done() or _kept.asking.get_loop() is not loop:
        _kept.asking = loop.create_task(_ask())
    return await asyncio.shield(_kept.asking)


async def _ask() -> Health:
    (database, provider), redis_word = await asyncio.gather(_ask_database(), _ask_redis())
    _kept.health, _kept.read_at = Health(database, redis_word, provider), time.monotonic()
    return _kept.health


async def _ask_database() -> tuple[str, str]:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return HEALTHY, await in_database_thread(_provider_word)
    except Exception as error:
        log.warning("database_not_healthy", error=type(error).__name__)
        return UNHEALTHY, UNHEALTHY


def _provider_word() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return HEALTHY if Provider.objects.filter(is_active=True, scope=Scope.ORGANIZATION).exists() else UNCONFIGURED


async def _ask_redis() -> str:
    client = redis.asyncio.from_url(settings.REDIS_URL, socket_timeout=PATIENCE_SECONDS, socket_connect_timeout=PATIENCE_SECONDS)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS), client:
            await client.ping()
        return HEALTHY
    except Exception as error:
        log.warning("redis_not_healthy", error=type(error).__name__)
        return UNHEALTHY

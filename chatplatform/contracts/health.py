"""Whether what we stand on answers: each is asked for a second at most, and the answer is good for another."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import redis.asyncio
import structlog
from django.conf import settings
from django.db import connection

from chatplatform.core.aio import in_database_thread
from chatplatform.core.jobs import Jobs, read_jobs
from providers.models import Provider, Scope

log = structlog.get_logger(__name__)
T = TypeVar("T")

HEALTHY, DEGRADED, UNHEALTHY, UNCONFIGURED = "healthy", "degraded", "unhealthy", "unconfigured"
PATIENCE_SECONDS = 1.0
GOOD_FOR_SECONDS = 1.0
_STARTED = time.monotonic()


@dataclass(frozen=True, slots=True)
class DatabaseState:
    milliseconds: int
    """That it took to answer."""
    active: int
    idle: int
    """Connections to it."""
    has_provider: bool
    """Of language models, configured and switched on."""


@dataclass(frozen=True, slots=True)
class RedisState:
    milliseconds: int
    used: int
    """Bytes."""
    total: int | None
    """Bytes that it may use, or that its machine has; None where it does not say."""
    jobs: Jobs


@dataclass(frozen=True, slots=True)
class Health:
    database_state: DatabaseState | None
    """None: it does not answer."""
    redis_state: RedisState | None

    @property
    def database(self) -> str:
        return HEALTHY if self.database_state else UNHEALTHY

    @property
    def redis(self) -> str:
        return HEALTHY if self.redis_state else UNHEALTHY

    @property
    def provider(self) -> str:
        """Of language models."""
        if self.database_state is None:
            return UNHEALTHY
        return HEALTHY if self.database_state.has_provider else UNCONFIGURED

    @property
    def queue(self) -> str:
        """Whether there are workers for what need not be done at once."""
        return HEALTHY if self.redis_state and self.redis_state.jobs.running else UNHEALTHY

    @property
    def status(self) -> str:
        """Of answering messages."""
        if self.database == UNHEALTHY:
            return UNHEALTHY
        return HEALTHY if self.redis == self.provider == HEALTHY else DEGRADED

    @property
    def whole_status(self) -> str:
        """Of that and of the workers."""
        return DEGRADED if self.status == HEALTHY and self.queue == UNHEALTHY else self.status

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
    database, of_redis = await asyncio.gather(_in_time("database", _ask_database), _in_time("redis", _ask_redis))
    _kept.health, _kept.read_at = Health(database, of_redis), time.monotonic()
    return _kept.health


async def _in_time(what: str, ask: Callable[[], Awaitable[T]]) -> T | None:
    """None: there was no answer."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await ask()
    except Exception as error:
        log.warning("not_healthy", what=what, error=type(error).__name__)
        return None


_CONNECTIONS = """
SELECT count(*) FILTER (WHERE state IS DISTINCT FROM 'idle'), count(*) FILTER (WHERE state = 'idle')
FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'
"""


async def _ask_database() -> DatabaseState:
    return await in_database_thread(_database_state)


def _database_state() -> DatabaseState:
    began = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        took = time.perf_counter() - began
        cursor.execute(_CONNECTIONS)
        active, idle = cursor.fetchone()
    has_provider = Provider.objects.filter(is_active=True, scope=Scope.ORGANIZATION).exists()
    return DatabaseState(round(took * 1000), active, idle, has_provider)


async def _ask_redis() -> RedisState:
    client = redis.asyncio.from_url(settings.REDIS_URL, socket_timeout=PATIENCE_SECONDS, socket_connect_timeout=PATIENCE_SECONDS)
    async with client:
        await client.ping()  # this connects, too: the time of an answer is the next one's
        began = time.perf_counter()
        memory: dict[str, Any] = await client.info("memory")
        took = time.perf_counter() - began
        jobs = await read_jobs(client)
    total = memory.get("maxmemory") or memory.get("total_system_memory")
    return RedisState(round(took * 1000), int(memory["used_memory"]), int(total) if total else None, jobs)

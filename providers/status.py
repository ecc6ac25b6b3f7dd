"""Whether a provider answers: its vendor is asked for real, with a call that costs nothing.

What was found is good for 30 seconds, for all processes (it is kept in Redis), and one asks at a time: whoever comes meanwhile
waits for that answer. A provider that was changed is asked anew. With Redis away each process asks for itself.
"""

import asyncio
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson
import redis
import redis.asyncio
import structlog
from django.conf import settings

from chatplatform.core.aio import in_database_thread
from providers import base
from providers.base import ProviderError, ProviderFault
from providers.errors import ProviderNotFound
from providers.models import Provider
from providers.registry import open_row

log = structlog.get_logger(__name__)

KEPT_SECONDS = 30
LONGEST_CHECK = 20.0
"""Seconds; an adapter gives up earlier by itself."""
POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class ProviderStatus:
    ok: bool
    fault: str
    """`base.ProviderFault`; empty when it is well."""
    latency_ms: int
    """Of the call; 0 when none was made."""
    checked_at: datetime


_under_way: dict[str, asyncio.Task[ProviderStatus]] = {}
"""The checks of this process, by provider and version."""


async def check_status(*, provider_id: int) -> ProviderStatus:
    """At most half a minute old. Whether the person may know is the caller's question. Raises ProviderNotFound."""
    provider = await in_database_thread(_row, provider_id)
    key = f"provider-status:{provider.pk}:{provider.updated_at.timestamp()}"
    loop = asyncio.get_running_loop()
    task = _under_way.get(key)
    if task is None or task.done() or task.get_loop() is not loop:
        task = _under_way[key] = loop.create_task(_kept_or_new(provider, key))
        task.add_done_callback(lambda done: _under_way.pop(key, None) if _under_way.get(key) is done else None)
    return await asyncio.shield(task)  # one who hangs up takes nothing from the others


def _row(provider_id: int) -> Provider:
    provider = Provider.objects.filter(pk=provider_id).first()
    if provider is None:
        raise ProviderNotFound
    return provider


async def _kept_or_new(provider: Provider, key: str) -> ProviderStatus:
    client = redis.asyncio.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2)
    try:
        async with client:
            return await _shared(client, provider, key)
    except redis.RedisError as error:
        log.warning("provider_status_not_shared", error=type(error).__name__)
        return await _ask(provider)


async def _shared(client: redis.asyncio.Redis, provider: Provider, key: str) -> ProviderStatus:
    lock, token = f"{key}:asking", secrets.token_hex(8)
    gives_up_at = time.monotonic() + LONGEST_CHECK + 1
    while (kept := await client.get(key)) is None:
        if await client.set(lock, token, nx=True, px=int((LONGEST_CHECK + 1) * 1000)) or time.monotonic() > gives_up_at:
            try:
                status = await _ask(provider)
                await client.set(key, _pack(status), ex=KEPT_SECONDS)
            finally:
                await client.delete(lock)
            return status
        await asyncio.sleep(POLL_SECONDS)
    return _unpack(kept)


async def _ask(provider: Provider) -> ProviderStatus:
    began, fault = time.monotonic(), ""
    if not provider.is_active:
        return ProviderStatus(False, ProviderFault.UNAVAILABLE.value, 0, datetime.now(UTC))
    try:
        adapter: base.Provider = open_row(provider)
        async with asyncio.timeout(LONGEST_CHECK):
            await adapter.check()
    except TimeoutError:
        fault = ProviderFault.TIMEOUT.value
    except ProviderError as error:
        fault = error.fault.value
        log.warning("provider_check_failed", provider_id=provider.pk, fault=fault, detail=error.detail)
    latency = round((time.monotonic() - began) * 1000)
    return ProviderStatus(not fault, fault, latency, datetime.now(UTC))


def _pack(status: ProviderStatus) -> bytes:
    return orjson.dumps([status.ok, status.fault, status.latency_ms, status.checked_at])


def _unpack(kept: bytes | str) -> ProviderStatus:
    ok, fault, latency_ms, checked_at = orjson.loads(kept)
    return ProviderStatus(ok, fault, latency_ms, datetime.fromisoformat(checked_at))

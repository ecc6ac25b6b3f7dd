"""Whether a provider answers: asked for real, kept for half a minute for all processes, one asking at a time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
import redis
import redis.asyncio
from aiohttp import web
from asgiref.sync import sync_to_async
from django.conf import settings as django_settings
from pytest_django import Settings

from providers import status, upstream
from providers.errors import ProviderNotFound
from providers.models import Kind, Provider
from providers.status import ProviderStatus, check_status
from tests.ports import free_port

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _nothing_kept() -> None:
    client = redis.Redis.from_url(django_settings.REDIS_URL)
    for key in client.scan_iter("provider-status:*"):
        client.delete(key)


@dataclass
class Vendor:
    """An OpenAI-compatible one, as far as its list of models."""

    url: str
    code: int = 200
    wait: float = 0.0
    asked: list[str] = field(default_factory=list)

    async def models(self, request: web.Request) -> web.Response:
        self.asked.append(request.headers.get("Authorization", ""))
        await asyncio.sleep(self.wait)
        body = {"object": "list", "data": [{"id": "m", "object": "model", "created": 1, "owned_by": "us"}]}
        return web.json_response(body if self.code == 200 else {"error": {"message": "no"}}, status=self.code)

    async def nothing(self, _request: web.Request) -> web.Response:
        return web.json_response({})


@asynccontextmanager
async def vendor_on_loopback() -> AsyncIterator[Vendor]:
    port = free_port()
    vendor = Vendor(f"http://127.0.0.1:{port}/v1")
    application = web.Application()
    application.router.add_get("/v1/models", vendor.models)
    application.router.add_get("/api/tags", vendor.nothing)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield vendor
    finally:
        await upstream.close()
        await runner.cleanup()


@sync_to_async
def make(url: str, **fields: object) -> Provider:
    return Provider.objects.create(**{"name": "acme", "kind": Kind.CUSTOM, "base_url": url, "default_model": "m"} | fields)


@sync_to_async
def save(provider: Provider, **fields: object) -> None:
    for name, value in fields.items():
        setattr(provider, name, value)
    provider.save()


async def test_the_vendor_is_asked_once_for_all_who_ask_and_the_answer_is_kept() -> None:
    async with vendor_on_loopback() as vendor:
        vendor.wait = 0.2
        provider = await make(vendor.url)
        found = await asyncio.gather(*(check_status(provider_id=provider.pk) for _ in range(10)))
        assert {(one.ok, one.fault) for one in found} == {(True, "")}
        assert found[0].latency_ms >= 200
        assert await check_status(provider_id=provider.pk) == found[0]
        assert len(vendor.asked) == 1
        client = redis.Redis.from_url(django_settings.REDIS_URL)
        (key,) = list(client.scan_iter(f"provider-status:{provider.pk}:*"))
        assert 0 < int(client.ttl(key)) <= 30


async def test_a_vendor_that_fails_is_told_by_its_fault_and_a_change_is_tried_at_once() -> None:
    async with vendor_on_loopback() as vendor:
        vendor.code = 401
        provider = await make(vendor.url)
        refused = await check_status(provider_id=provider.pk)
        assert (refused.ok, refused.fault) == (False, "provider_auth")
        vendor.code = 200
        assert not (await check_status(provider_id=provider.pk)).ok, "still kept"
        await save(provider, name="renamed")
        assert (await check_status(provider_id=provider.pk)).ok


async def test_who_comes_while_another_process_asks_waits_for_its_answer() -> None:
    async with vendor_on_loopback() as vendor:
        provider = await make(vendor.url)
        key = f"provider-status:{provider.pk}:{provider.updated_at.timestamp()}"
        told = ProviderStatus(False, "provider_busy", 12, datetime.now(UTC))
        async with redis.asyncio.from_url(django_settings.REDIS_URL) as client:
            await client.set(f"{key}:asking", "another process", ex=60)
            waiting = asyncio.create_task(check_status(provider_id=provider.pk))
            await asyncio.sleep(0.2)
            assert not waiting.done()
            await client.set(key, status._pack(told), ex=30)
            assert await waiting == told
        assert vendor.asked == []


async def test_one_that_is_switched_off_is_not_asked_and_one_that_is_not_there_is_unknown() -> None:
    async with vendor_on_loopback() as vendor:
        provider = await make(vendor.url, is_active=False)
        assert (await check_status(provider_id=provider.pk)).fault == "provider_unavailable"
        assert vendor.asked == []
    with pytest.raises(ProviderNotFound):
        await check_status(provider_id=10**9)


async def test_nobody_there_is_no_answer() -> None:
    provider = await make(f"http://127.0.0.1:{free_port()}/v1")
    found = await check_status(provider_id=provider.pk)
    assert (found.ok, found.fault) == (False, "provider_unavailable")
    await upstream.close()


async def test_with_redis_away_each_process_asks_for_itself(settings: Settings) -> None:
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"
    async with vendor_on_loopback() as vendor:
        provider = await make(vendor.url)
        for times in (1, 2):
            assert (await check_status(provider_id=provider.pk)).ok
            assert len(vendor.asked) == times


async def test_one_who_hangs_up_takes_nothing_from_the_others() -> None:
    async with vendor_on_loopback() as vendor:
        vendor.wait = 0.3
        provider = await make(vendor.url)
        first = asyncio.create_task(check_status(provider_id=provider.pk))
        await asyncio.sleep(0.1)
        second = asyncio.create_task(check_status(provider_id=provider.pk))
        first.cancel()
        assert (await second).ok
        assert len(vendor.asked) == 1


async def test_json_that_is_no_list_of_models_is_a_fault_of_the_vendor() -> None:
    async with vendor_on_loopback() as vendor:
        found = await check_status(provider_id=(await make(vendor.url, kind=Kind.OLLAMA)).pk)
    assert (found.ok, found.fault) == (False, "provider_protocol")

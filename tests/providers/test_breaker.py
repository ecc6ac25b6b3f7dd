"""A provider that fails again and again is left alone for a while, by every process."""

import pytest
import redis.asyncio
from django.conf import settings

from providers import breaker
from providers.base import ProviderError, ProviderFault
from providers.breaker import FAILURES, Breakers

PROVIDER = 7
AWAY = ProviderError(ProviderFault.UNAVAILABLE, "gone", retryable=True)


@pytest.fixture
async def client():
    connection = redis.asyncio.from_url(settings.REDIS_URL)
    await connection.delete(breaker.KEY)
    yield connection
    await connection.delete(breaker.KEY)
    await connection.aclose()


async def fail(breakers: Breakers, times: int, error: ProviderError = AWAY) -> None:
    for _ in range(times):
        await breakers.failed(PROVIDER, error)


async def forget_the_wait(client, breakers: Breakers) -> None:
    """The cool-down passes."""
    value = await client.hget(breaker.KEY, str(PROVIDER))
    failures, last, open_until = (int(part) for part in value.split(b":"))
    await client.hset(breaker.KEY, str(PROVIDER), f"{failures}:{last}:{open_until - 20_000}")
    await breakers.refresh()


async def test_a_provider_that_fails_now_and_then_is_asked(client):
    breakers = Breakers(client)
    await fail(breakers, FAILURES - 1)
    assert await breakers.seconds_closed_to(PROVIDER) == 0
    await breakers.succeeded(PROVIDER)
    await fail(breakers, FAILURES - 1)
    assert await breakers.seconds_closed_to(PROVIDER) == 0


async def test_a_provider_that_fails_in_a_row_is_left_alone_by_every_process(client):
    here, there = Breakers(client), Breakers(client)
    await fail(here, FAILURES)
    assert 0 < await here.seconds_closed_to(PROVIDER) <= breaker.COOL_DOWN_SECONDS
    assert await there.seconds_closed_to(PROVIDER) == 0
    await there.refresh()
    assert 0 < await there.seconds_closed_to(PROVIDER) <= breaker.COOL_DOWN_SECONDS
    assert await there.seconds_closed_to(PROVIDER + 1) == 0


async def test_failures_of_several_processes_add_up(client):
    here, there = Breakers(client), Breakers(client)
    await fail(here, FAILURES - 1)
    await fail(there, 1)
    assert await there.seconds_closed_to(PROVIDER) > 0


async def test_after_the_wait_one_request_of_all_processes_tries(client):
    here, there = Breakers(client), Breakers(client)
    await fail(here, FAILURES)
    await forget_the_wait(client, here)
    await there.refresh()
    assert await here.seconds_closed_to(PROVIDER) == 0
    assert await there.seconds_closed_to(PROVIDER) > 0
    assert await here.seconds_closed_to(PROVIDER) > 0


async def test_the_try_that_succeeds_closes_the_breaker_and_the_one_that_fails_opens_it_again(client):
    breakers = Breakers(client)
    await fail(breakers, FAILURES)
    await forget_the_wait(client, breakers)
    assert await breakers.seconds_closed_to(PROVIDER) == 0
    await fail(breakers, 1)
    assert await breakers.seconds_closed_to(PROVIDER) > 0

    await forget_the_wait(client, breakers)
    assert await breakers.seconds_closed_to(PROVIDER) == 0
    await breakers.succeeded(PROVIDER)
    await breakers.refresh()
    assert await breakers.seconds_closed_to(PROVIDER) == 0
    assert await client.hgetall(breaker.KEY) == {}


@pytest.mark.parametrize("fault", [ProviderFault.AUTH, ProviderFault.BUSY, ProviderFault.REJECTED, ProviderFault.EMPTY])
async def test_a_vendor_that_refuses_is_not_ill(client, fault):
    breakers = Breakers(client)
    await fail(breakers, FAILURES, ProviderError(fault))
    assert await breakers.seconds_closed_to(PROVIDER) == 0


async def test_without_redis_every_provider_is_asked(client):
    nowhere = redis.asyncio.from_url("redis://127.0.0.1:1/0")
    breakers = Breakers(nowhere)
    await fail(breakers, FAILURES)
    assert await breakers.seconds_closed_to(PROVIDER) == 0
    await breakers.succeeded(PROVIDER)
    await nowhere.aclose()


async def test_a_refusal_by_the_one_request_that_may_try_shows_that_the_vendor_is_well(client):
    breakers = Breakers(client)
    await fail(breakers, FAILURES)
    await forget_the_wait(client, breakers)
    assert await breakers.seconds_closed_to(PROVIDER) == 0
    await fail(breakers, 1, ProviderError(ProviderFault.REJECTED, "too long"))
    assert await breakers.seconds_closed_to(PROVIDER) == 0

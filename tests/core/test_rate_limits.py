"""Requests in a time, counted in Redis for all processes together."""

import socket
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis
from pytest_django import Settings

from chatplatform.core import limits
from chatplatform.core.errors import CacheAway, RateLimited
from chatplatform.core.limits import check_rate
from chatplatform.core.origin import Origin


@pytest.fixture
def key() -> str:
    """Nobody else's, so that no window of another test is in it."""
    return uuid.uuid4().hex


def test_as_many_as_the_rate_allows_and_no_more(key: str) -> None:
    for _ in range(3):
        check_rate(group="sends", key=key, rate="3/h")
    with pytest.raises(RateLimited) as refusal:
        check_rate(group="sends", key=key, rate="3/h")
    assert 1 <= refusal.value.retry_after <= 3600


def test_each_key_and_each_group_counts_for_itself(key: str) -> None:
    check_rate(group="sends", key=key, rate="1/h")
    check_rate(group="sends", key=key + "2", rate="1/h")
    check_rate(group="lists", key=key, rate="1/h")


def test_a_hundred_at_once_are_counted_each(key: str) -> None:
    together = threading.Barrier(20)

    def burst() -> int:
        together.wait(30)
        allowed = 0
        for _ in range(5):
            try:
                check_rate(group="sends", key=key, rate="10/h")
                allowed += 1
            except RateLimited:
                pass
        return allowed

    with ThreadPoolExecutor(20) as pool:
        assert sum(pool.map(lambda _: burst(), range(20))) == 10


def test_any_text_can_be_a_key() -> None:
    for odd in ("", "\x00", "\ud800", "键", "x" * 100_000):
        check_rate(group="odd", key=odd, rate="1000/h")


def test_nothing_is_counted_when_rate_limits_are_off(key: str, settings: Settings) -> None:
    settings.RATE_LIMITS = False
    for _ in range(5):
        check_rate(group="sends", key=key, rate="1/h")
    settings.RATE_LIMITS = True
    check_rate(group="sends", key=key, rate="1/h")


def test_without_redis_it_refuses(key: str, settings: Settings) -> None:
    settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": "redis://127.0.0.1:1/0"}}
    with pytest.raises(CacheAway):
        check_rate(group="sends", key=key, rate="1/h")


def test_a_connection_that_died_is_replaced_and_nothing_is_counted_twice(key: str) -> None:
    check_rate(group="sends", key=key, rate="3/h")
    limits._kept.line._sock.shutdown(socket.SHUT_RDWR)
    check_rate(group="sends", key=key, rate="3/h")
    check_rate(group="sends", key=key, rate="3/h")
    with pytest.raises(RateLimited):
        check_rate(group="sends", key=key, rate="3/h")


def test_no_counter_is_left_without_an_end(key: str, settings: Settings) -> None:
    check_rate(group="sends", key=key, rate="3/m")
    server = redis.Redis.from_url(settings.REDIS_URL)
    assert -1 not in {server.ttl(counter) for counter in server.keys("rl:*")}


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("", ""),
        ("unix", "unix"),
    ],
)
def test_one_place_is_an_ipv4_address_or_a_64_of_ipv6(address: str, network: str) -> None:
    assert Origin(address=address).network == network

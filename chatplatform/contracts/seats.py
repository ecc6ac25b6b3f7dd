"""How many sockets a person has open, over all processes: members of a sorted set in Redis that expire unless they are renewed.

A process that dies takes its sockets with it, and their seats are free again a minute later.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from uuid import UUID, uuid4

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

from chatplatform.core.errors import CacheAway, RateLimited

SEAT_SECONDS = 60
RENEW_SECONDS = 20

# Counting and taking are one step, by the clock of Redis: two sockets at once never share the last seat.
_TAKE = """
local now = tonumber(redis.call('TIME')[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end
redis.call('ZADD', KEYS[1], now + tonumber(ARGV[3]), ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 1
"""
_RENEW = """
local now = tonumber(redis.call('TIME')[1])
redis.call('ZADD', KEYS[1], now + tonumber(ARGV[2]), ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[2])
return 1
"""


@cache
def _redis() -> redis.Redis:
    # One retry: a kept connection is dead after a restart of Redis, the next one is not.
    retry = Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,))
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2, retry=retry)


def _key(user_id: int) -> str:
    return f"sockets:{user_id}"


def take_seat(*, user_id: int, most: int) -> UUID:
    """Raises RateLimited when the person has `most` sockets open, CacheAway when nobody can count them."""
    seat = uuid4()
    try:
        taken = _redis().eval(_TAKE, 1, _key(user_id), seat.hex, most, SEAT_SECONDS)
    except redis.RedisError as error:
        raise CacheAway(retry_after=2) from error
    if not taken:
        raise RateLimited(retry_after=SEAT_SECONDS)
    return seat


def renew_seats(*, seats: Iterable[tuple[int, UUID]]) -> None:
    """Every `RENEW_SECONDS`, for all sockets of a process in one round trip: (user id, seat)."""
    with _redis().pipeline(transaction=False) as pipe:
        for user_id, seat in seats:
            pipe.eval(_RENEW, 1, _key(user_id), seat.hex, SEAT_SECONDS)
        pipe.execute()


def leave_seat(*, user_id: int, seat: UUID) -> None:
    with suppress(redis.RedisError):  # it expires by itself
        _redis().zrem(_key(user_id), seat.hex)

"""How often: requests in a time, and wrong passwords. Both are counted in Redis, and refuse when Redis is away (CacheAway).

`check_rate` has its rates, windows and keys from django-ratelimit, and counts in one visit to Redis, where the library's way
through Django's cache takes three. `lockout` counts attempts to guess a password; it is not a limit on requests, so it works
with `settings.RATE_LIMITS` off.
"""

import hashlib
import threading
import time
from functools import lru_cache
from typing import Any

import redis
from django.conf import settings
from django_ratelimit.core import ALL, EXPIRATION_FUDGE, _get_window, _make_cache_key, _split_rate
from redis.backoff import NoBackoff
from redis.retry import Retry

from chatplatform.core.errors import CacheAway, LockedOut, RateLimited


def check_rate(*, group: str, key: str, rate: str) -> None:
    """Count one request of `key` in `group`; raise RateLimited when there are more than `rate` ("60/m", "5/10s", "100/h").

    Windows are fixed and begin at another moment for each key. Nothing is counted with `settings.RATE_LIMITS` off.
    """
    if not settings.RATE_LIMITS:
        return
    limit, seconds = _split_rate(rate)
    name = _digest(key)
    window_ends = _get_window(name, seconds)
    counter = _make_cache_key(group, window_ends, rate, name, ALL)
    try:
        count = _count(str(settings.CACHES["default"]["LOCATION"]), counter, seconds + EXPIRATION_FUDGE)
    except redis.RedisError as error:
        raise CacheAway(retry_after=1) from error
    if count > limit:
        raise RateLimited(retry_after=max(1, window_ends - int(time.time())))


_kept = threading.local()


def _count(url: str, counter: str, seconds: int) -> int:
    """How often `counter` was counted, this time included. It is forgotten `seconds` after the last.

    Every request comes by here, so each thread talks to Redis over a connection of its own: redis-py's client, its pool and its
    measuring cost four times as much as the question.
    """
    if getattr(_kept, "url", None) != url:
        _kept.url, _kept.line = url, _redis(url).connection_pool.make_connection()
    try:
        return _ask(_kept.line, counter, seconds)
    except redis.ConnectionError:  # a kept connection is dead after a restart of Redis; the next one is not
        return _ask(_kept.line, counter, seconds)


def _ask(line: Any, counter: str, seconds: int) -> int:
    try:
        line.send_packed_command(line.pack_commands([("INCR", counter), ("EXPIRE", counter, seconds)]))
        count = int(line.read_response())
        line.read_response()
    except BaseException:
        line.disconnect()  # an answer that is still under way must not be taken for the next one's
        raise
    return count


class Lockout:
    """At most `settings.LOCKOUT_FAILURES` guesses of one name's password from one place in `settings.LOCKOUT_WINDOW`.

    An attempt is counted before the password is looked at, and success clears the count: a hundred guesses at once are no more
    than five. The window begins with the first attempt and is not prolonged, and the place is part of the key, so a stranger
    cannot keep the owner of a name out.
    """

    _COUNT = """
        local count = redis.call('INCR', KEYS[1])
        if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
        return {count, redis.call('PTTL', KEYS[1])}
    """

    def attempt(self, name: str, address: str) -> None:
        """Count one guess; raise LockedOut when it is one too many, without looking whether the name exists."""
        window = round(settings.LOCKOUT_WINDOW.total_seconds() * 1000)
        try:
            count, left = _redis(settings.REDIS_URL).eval(self._COUNT, 1, self._key(name, address), window)
        except redis.RedisError as error:
            raise CacheAway(retry_after=1) from error
        if count > settings.LOCKOUT_FAILURES:
            raise LockedOut(retry_after=max(1, -(-left // 1000)), first=count == settings.LOCKOUT_FAILURES + 1)

    def clear(self, name: str, address: str) -> None:
        """The password was right."""
        try:
            _redis(settings.REDIS_URL).delete(self._key(name, address))
        except redis.RedisError as error:
            raise CacheAway(retry_after=1) from error

    @staticmethod
    def _key(name: str, address: str) -> str:
        return f"lockout:{_digest(f'{name}|{address}')}"


lockout = Lockout()


def _digest(text: str) -> str:
    """Any text, lone surrogates included, as a key that names nobody."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@lru_cache(maxsize=4)
def _redis(url: str) -> redis.Redis:
    # One retry: a kept connection is dead after a restart of Redis, the next one is not.
    retry = Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,))
    return redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2, retry=retry)

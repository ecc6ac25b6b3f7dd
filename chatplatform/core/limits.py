"""How often: requests in a time, and wrong passwords. Both are counted in Redis, and refuse when Redis is away (CacheAway).

`check_rate` is django-ratelimit's core without its decorator and without a request. `lockout` counts attempts to guess a
password; it is not a limit on requests, so it works with `settings.RATE_LIMITS` off.
"""

import hashlib
from functools import lru_cache

import redis
from django.conf import settings
from django_ratelimit.core import get_usage
from redis.backoff import NoBackoff
from redis.retry import Retry

from chatplatform.core.errors import CacheAway, LockedOut, RateLimited


def check_rate(*, group: str, key: str, rate: str) -> None:
    """Count one request of `key` in `group`; raise RateLimited when there are more than `rate` ("60/m", "5/10s", "100/h").

    Windows are fixed and begin at another moment for each key. Nothing is counted with `settings.RATE_LIMITS` off.
    """
    if not settings.RATE_LIMITS:
        return
    try:
        # django-ratelimit hands its "request" only to the key function, so the key itself can stand for the request.
        usage = get_usage(_digest(key), group=group, key=lambda _group, request: request, rate=rate, increment=True)
    except redis.RedisError as error:
        raise CacheAway(retry_after=1) from error
    if usage is None:  # RATELIMIT_ENABLE is off
        return
    if usage["time_left"] < 0 and usage["limit"] == 0:  # its way to say that the cache did not count
        raise CacheAway(retry_after=1)
    if usage["should_limit"]:
        raise RateLimited(retry_after=max(1, usage["time_left"]))


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

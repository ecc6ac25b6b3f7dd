"""Django's Redis cache with one client a process."""

from __future__ import annotations

from functools import cache, cached_property
from typing import Any

from django.core.cache.backends.redis import RedisCache


class SharedRedisCache(RedisCache):
    """Django makes a cache object for each context, that is for each request, and with it a connection to Redis. The client below
    it is safe to share between threads, so all of them use the first one."""

    @cached_property
    def _cache(self) -> Any:
        # Both are RedisCache's own; the stubs do not know them.
        servers, options = self._servers, self._options  # type: ignore[attr-defined]
        return _shared_client(self._class, tuple(servers), tuple(options.items()))  # type: ignore[attr-defined]


@cache
def _shared_client(kind: type, servers: tuple[str, ...], options: tuple[tuple[str, Any], ...]) -> Any:
    return kind(list(servers), **dict(options))

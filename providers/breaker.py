"""Circuit breakers: a provider that fails again and again is left alone for a while, by all processes together.

    closed      it is asked; FAILURES in a row, each within WINDOW_SECONDS of the one before, open it
    open        nobody asks it for COOL_DOWN_SECONDS
    half open   one request may try: a first token closes it, another failure opens it again

The state is one hash in Redis, and each process has a copy that is at most REFRESH_SECONDS old: asking a healthy provider costs a
look into a dictionary. With Redis away every provider is asked: a breaker spares waiting, it protects nothing.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import redis
import redis.asyncio

from providers.base import ProviderError, ProviderFault

FAILURES = 5
WINDOW_SECONDS = 60.0
COOL_DOWN_SECONDS = 15.0
REFRESH_SECONDS = 1.0

KEY = "provider-breakers"
_KEPT_SECONDS = 600
"""After which a failure is no more than history."""

# Of a vendor that is ill. A refused key or request and a spent rate are answers: the vendor is well.
_ILLNESSES = frozenset(
    {ProviderFault.UNAVAILABLE, ProviderFault.TIMEOUT, ProviderFault.STALLED, ProviderFault.CUT, ProviderFault.PROTOCOL}
)

# A field is "failures:time of the last:open until", in milliseconds of Redis's clock. Each script returns the milliseconds until
# the provider may be asked again.
_READ = """
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local failures, last, open_until = 0, 0, 0
local found = redis.call('HGET', KEYS[1], ARGV[1])
if found then
    failures, last, open_until = string.match(found, '(%d+):(%d+):(%d+)')
    failures, last, open_until = tonumber(failures), tonumber(last), tonumber(open_until)
end
"""
_WRITE = """
redis.call('HSET', KEYS[1], ARGV[1], string.format('%d:%d:%d', failures, last, open_until))
redis.call('EXPIRE', KEYS[1], ARGV[2])
"""
_FAIL = f"""
{_READ}
if now - last > tonumber(ARGV[4]) then failures = 0 end
failures, last = failures + 1, now
if failures >= tonumber(ARGV[3]) then open_until = now + tonumber(ARGV[5]) end
{_WRITE}
return open_until - now
"""
_TRY = f"""
{_READ}
if open_until > now then return open_until - now end
if found then
    open_until = now + tonumber(ARGV[5])
    {_WRITE}
end
return 0
"""


@dataclass(frozen=True, slots=True)
class _State:
    asked_again_at: float | None
    """On this process's monotonic clock; None: it is asked, but has failed lately."""


class Breakers:
    """All breakers, as one process sees them. `refresh` is to be called about every REFRESH_SECONDS."""

    def __init__(self, client: redis.asyncio.Redis) -> None:
        self._client = client
        self._fail = client.register_script(_FAIL)
        self._try = client.register_script(_TRY)
        self._states: dict[int, _State] = {}

    async def refresh(self) -> None:
        """What other processes saw. Raises RedisError."""
        pipe = self._client.pipeline(transaction=False)
        pipe.hgetall(KEY)
        pipe.time()
        fields, (seconds, micros) = await pipe.execute()
        now_ms = seconds * 1000 + micros // 1000
        states: dict[int, _State] = {}
        over = []
        for name, value in fields.items():
            _failures, last, open_until = (int(part) for part in value.split(b":"))
            if now_ms - max(last, open_until) > _KEPT_SECONDS * 1000:
                over.append(name)
            else:
                states[int(name)] = _state(open_until - now_ms)
        self._states = states
        if over:
            await self._client.hdel(KEY, *over)

    async def seconds_closed_to(self, provider_id: int) -> float:
        """How long this provider is not to be asked; 0 when it may be asked now. Of an open breaker whose time is over, only the
        first caller of all processes gets 0, and is to tell `succeeded` or `failed`."""
        state = self._states.get(provider_id)
        if state is None or state.asked_again_at is None:
            return 0.0
        remaining = state.asked_again_at - time.monotonic()
        return remaining if remaining > 0 else await self._run(self._try, provider_id)

    async def succeeded(self, provider_id: int) -> None:
        """Its first token has come."""
        if self._states.pop(provider_id, None) is not None:
            try:
                await self._client.hdel(KEY, str(provider_id))
            except redis.RedisError:
                return  # the next success does it: `refresh` brings the state back

    async def failed(self, provider_id: int, error: ProviderError) -> None:
        if error.fault in _ILLNESSES:
            await self._run(self._fail, provider_id)
        else:  # without this the one request that may try would leave a vendor that refuses it closed to all others
            await self.succeeded(provider_id)

    async def _run(self, script: Any, provider_id: int) -> float:
        arguments = [provider_id, _KEPT_SECONDS, FAILURES, int(WINDOW_SECONDS * 1000), int(COOL_DOWN_SECONDS * 1000)]
        try:
            remaining_ms = int(await script(keys=[KEY], args=arguments))
        except redis.RedisError:
            return 0.0
        self._states[provider_id] = _state(remaining_ms)
        return max(remaining_ms, 0) / 1000


def _state(remaining_ms: int) -> _State:
    # A time long past is one that was never opened: 0.
    if remaining_ms < -_KEPT_SECONDS * 1000:
        return _State(None)
    return _State(time.monotonic() + remaining_ms / 1000)

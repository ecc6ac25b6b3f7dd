"""A turn's events in Redis, for the other processes: one stream a turn, each entry a batch of events.

The stream is a courtesy, not the record: with Redis away, followers elsewhere read the database, a second later.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

import redis
import redis.asyncio
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

from conversations.turns.events import TurnEnded
from conversations.turns.log import TurnLog, pack, unpack

START = b"0-0"
COMPLETION_SECONDS = 5
"""That the stream of a completion outlives it, so that a follower in another process hears its end."""


def stream_key(turn_id: UUID) -> str:
    return f"turn:{turn_id.hex}"


def connect() -> redis.asyncio.Redis:
    return redis.asyncio.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2)


@cache
def _blocking() -> redis.Redis:
    # One retry: a kept connection is dead after a restart of Redis, the next one is not.
    retry = Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,))
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1, retry=retry)


async def publish(client: redis.asyncio.Redis, logs: Iterable[TurnLog], *, forget: Iterable[UUID] = ()) -> None:
    """Everything that has not gone out yet, of all these turns, in one round trip. `forget` are turns to be taken away.

    Only one caller at a time for each log, or batches go out twice.
    """
    async with client.pipeline(transaction=False) as pipe:
        sent: list[tuple[TurnLog, int]] = []
        for log in logs:
            begin = max(log.published, log.head)  # those before are in the database
            batch = log.events[begin:]
            if not batch:
                continue
            key = stream_key(log.started.turn_id)
            # Only the first batch makes the stream: one that was forgotten since, because its conversation was deleted, must
            # not come back to life, and without an expiry at that.
            pipe.xadd(key, {"n": begin + 1, "events": pack(batch)}, nomkstream=begin > log.head)
            if begin == log.head or log.ended is not None:
                pipe.expire(key, _seconds(log))
            sent.append((log, begin + len(batch)))
        keys = [stream_key(turn_id) for turn_id in forget]
        if keys:
            pipe.delete(*keys)
        if sent or keys:
            await pipe.execute()
        for log, count in sent:
            log.published = count


def _seconds(log: TurnLog) -> int:
    if log.ended is None:
        return int(settings.PROVIDER_TOTAL_TIMEOUT * 2)  # Redis takes no fraction
    return COMPLETION_SECONDS if log.started.conversation_id is None else int(settings.TURN_LOG_TTL_SECONDS)


@dataclass(frozen=True, slots=True)
class Batch:
    position: bytes
    """In the stream."""
    first_n: int
    items: list[str | TurnEnded]


async def read(client: redis.asyncio.Redis, positions: dict[UUID, bytes]) -> dict[UUID, list[Batch]]:
    """What came after each turn's position, of all these turns in one round trip."""
    if not positions:
        return {}
    by_key = {stream_key(turn_id).encode(): turn_id for turn_id in positions}
    answer: Any = await client.xread({key: positions[turn_id] for key, turn_id in by_key.items()}, count=500)
    streams = answer.items() if isinstance(answer, dict) else answer or []
    return {by_key[key]: [_batch(entry) for entry in entries] for key, entries in streams}


def read_all(turn_ids: Sequence[UUID]) -> dict[UUID, list[Batch]]:
    """The whole streams of these turns, for blocking code (the healer). Nothing when Redis is away or has forgotten them."""
    try:
        with _blocking().pipeline(transaction=False) as pipe:
            for turn_id in turn_ids:
                pipe.xrange(stream_key(turn_id))
            answers: Any = pipe.execute()
        return {turn_id: [_batch(entry) for entry in entries] for turn_id, entries in zip(turn_ids, answers, strict=True)}
    except redis.RedisError:
        return {}


def forget(turn_ids: Sequence[UUID]) -> None:
    """Takes away what a deleted conversation's turns said."""
    with suppress(redis.RedisError):  # it expires by itself
        if turn_ids:
            _blocking().delete(*(stream_key(turn_id) for turn_id in turn_ids))


def _batch(entry: tuple[bytes, dict[bytes, bytes]]) -> Batch:
    position, fields = entry
    return Batch(position, int(fields[b"n"]), unpack(fields[b"events"]))

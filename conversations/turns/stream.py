"""A turn's events in Redis, for the other processes: one stream a turn, each entry a batch of events.

The stream is a courtesy, not the record: with Redis away, followers elsewhere read the database, half a second later.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

import redis
import redis.asyncio
from django.conf import settings

from conversations.turns.events import TurnEnded
from conversations.turns.log import TurnLog, pack, unpack

START = b"0-0"


def stream_key(turn_id: UUID) -> str:
    return f"turn:{turn_id.hex}"


def connect() -> redis.asyncio.Redis:
    return redis.asyncio.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2)


async def publish(client: redis.asyncio.Redis, logs: Iterable[TurnLog]) -> None:
    """Everything that has not gone out yet, of all these turns, in one round trip."""
    async with client.pipeline(transaction=False) as pipe:
        sent: list[tuple[TurnLog, int]] = []
        for log in logs:
            begin = max(log.published, 1)  # the first event is in the database
            batch = log.events[begin:]
            if not batch:
                continue
            key = stream_key(log.started.turn_id)
            pipe.xadd(key, {"n": begin + 1, "events": pack(batch)})
            if begin == 1 or log.ended is not None:
                pipe.expire(key, settings.TURN_LOG_TTL_SECONDS if log.ended else settings.PROVIDER_TOTAL_TIMEOUT * 2)
            sent.append((log, begin + len(batch)))
        if sent:
            await pipe.execute()
        for log, count in sent:
            log.published = count


@dataclass(frozen=True, slots=True)
class Batch:
    first_n: int
    items: list[str | TurnEnded]


async def read(client: redis.asyncio.Redis, positions: dict[UUID, bytes]) -> dict[UUID, tuple[bytes, list[Batch]]]:
    """What came after each turn's position, and the new position, of all these turns in one round trip."""
    if not positions:
        return {}
    by_key = {stream_key(turn_id).encode(): turn_id for turn_id in positions}
    answer = await client.xread({key: positions[turn_id] for key, turn_id in by_key.items()}, count=500)
    streams = answer.items() if isinstance(answer, dict) else answer or []
    found: dict[UUID, tuple[bytes, list[Batch]]] = {}
    for key, entries in streams:
        found[by_key[key]] = (entries[-1][0], [_batch(fields) for _, fields in entries])
    return found


def read_all(turn_id: UUID) -> list[Batch]:
    """The whole stream of a turn, from blocking code (the healer's). Empty when Redis is away or has forgotten it."""
    try:
        with redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1) as client:
            return [_batch(fields) for _, fields in client.xrange(stream_key(turn_id))]
    except redis.RedisError:
        return []


def forget(turn_id: UUID) -> None:
    """Takes the text of a deleted conversation's turn away."""
    try:
        with redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1) as client:
            client.delete(stream_key(turn_id))
    except redis.RedisError:
        pass  # it expires by itself


def _batch(fields: dict[bytes, bytes]) -> Batch:
    return Batch(int(fields[b"n"]), unpack(fields[b"events"]))

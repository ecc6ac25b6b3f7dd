"""Turns that run in another process, followed here: a replica of each log, fed from Redis, and from the database where Redis is
silent. One loop and one connection serve all of them, however many followers there are."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from uuid import UUID

import redis
import redis.asyncio
import structlog

from chatplatform.core.aio import in_database_thread
from chatplatform.core.errors import DomainError
from conversations.turns import store, stream
from conversations.turns.log import TurnLog, replay

log = structlog.get_logger(__name__)
POLL_SECONDS = 0.075
DATABASE_POLL_SECONDS = 1.0


@dataclass(slots=True)
class Replica:
    log: TurnLog
    position: bytes = stream.START
    followers: int = 0
    asked_database_at: float = field(default_factory=time.monotonic)


class Replicas:
    def __init__(self, client: redis.asyncio.Redis) -> None:
        self._client = client
        self._open: dict[UUID, Replica] = {}
        self._wanted = asyncio.Event()

    @asynccontextmanager
    async def log_of(self, turn_id: UUID) -> AsyncIterator[TurnLog]:
        """The log of a turn that this process does not run. Raises TurnNotFound."""
        replica = self._open.get(turn_id)
        if replica is None:
            stored = await in_database_thread(store.load_turn, turn_id)
            if stored.ended is not None:
                yield _finished(stored)
                return
            # Another follower may have come first while this one waited for the database.
            replica = self._open.setdefault(
                turn_id, Replica(replay(stored.started, text=stored.text, marks=stored.marks, ended=None))
            )
        replica.followers += 1
        self._wanted.set()
        try:
            yield replica.log
        finally:
            replica.followers -= 1
            if not replica.followers and self._open.get(turn_id) is replica:
                del self._open[turn_id]

    async def keep_fed(self) -> None:
        """The loop; ends by cancellation."""
        while True:
            if not self._open:
                self._wanted.clear()
                await self._wanted.wait()
            try:
                await self._read_redis()
            except redis.RedisError as error:
                log.warning("turn_replicas_without_redis", error=type(error).__name__)
            await self._read_database()
            await asyncio.sleep(POLL_SECONDS)

    async def _read_redis(self) -> None:
        positions = {turn_id: replica.position for turn_id, replica in self._open.items() if replica.log.ended is None}
        for turn_id, (position, batches) in (await stream.read(self._client, positions)).items():
            replica = self._open.get(turn_id)
            if replica is None:
                continue
            replica.position = position
            for batch in batches:
                _apply(replica.log, batch)

    async def _read_database(self) -> None:
        """Catches what Redis did not tell: an ending by the healer, a gap, everything while Redis is away."""
        now = time.monotonic()
        for turn_id, replica in list(self._open.items()):
            if replica.log.ended is not None or now - replica.asked_database_at < DATABASE_POLL_SECONDS:
                continue
            replica.asked_database_at = now
            try:
                stored = await in_database_thread(store.load_turn, turn_id)
            except DomainError:
                _end_with_what_is_known(replica.log)
            except Exception as error:
                log.warning("turn_replica_without_database", error=type(error).__name__)
            else:
                _catch_up(replica.log, stored)


def _finished(stored: store.StoredTurn) -> TurnLog:
    complete = replay(stored.started, text=stored.text, marks=stored.marks, ended=None)
    assert stored.ended is not None
    complete.end(replace(stored.ended, n=complete.next_n))
    return complete


def _apply(turn_log: TurnLog, batch: stream.Batch) -> None:
    for n, item in enumerate(batch.items, start=batch.first_n):
        if n != turn_log.next_n or turn_log.ended is not None:
            continue  # seen before, or behind a gap that the database will fill
        if isinstance(item, str):
            turn_log.add_text(item)
        else:
            turn_log.end(replace(item, n=n))


def _catch_up(turn_log: TurnLog, stored: store.StoredTurn) -> None:
    if turn_log.ended is not None:
        return  # Redis told it while the database was asked
    whole = replay(stored.started, text=stored.text, marks=stored.marks, ended=None)
    for event in whole.events[len(turn_log.events) :]:
        turn_log.add_text(event.text)  # type: ignore[union-attr]
    if stored.ended is not None:
        turn_log.end(replace(stored.ended, n=turn_log.next_n))


def _end_with_what_is_known(turn_log: TurnLog) -> None:
    """The conversation was deleted under its followers: for them the turn was stopped."""
    from django.utils import timezone

    from conversations.turns.events import TurnStopped, TurnUsage

    if turn_log.ended is None:
        turn_log.end(TurnStopped(turn_log.next_n, TurnUsage(None, None, "missing"), timezone.now()))

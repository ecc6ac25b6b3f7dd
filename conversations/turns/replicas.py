"""Turns that run in another process, followed here: a replica of each log, fed from Redis, and from the database where Redis is
silent. Two loops and one connection serve all of them, however many followers there are."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import redis.asyncio
from django.utils import timezone

from chatplatform.core.aio import in_database_thread
from chatplatform.core.errors import DomainError
from conversations.turns import reading, stream
from conversations.turns.events import UNKNOWN_USAGE, TextAdded, TurnStopped
from conversations.turns.log import TurnLog
from conversations.turns.loops import forever
from conversations.turns.reading import StoredTurn

POLL_SECONDS = 0.075
SILENCE_SECONDS = 1.0
"""Of Redis, after which the database is asked, and then asked again."""


@dataclass(slots=True)
class Replica:
    log: TurnLog
    position: bytes = stream.START
    followers: int = 0
    heard_at: float = field(default_factory=time.monotonic)
    """When Redis last had news, or the database was asked."""

    def take(self, batches: Iterable[stream.Batch]) -> None:
        """What Redis has. A batch behind a gap is left there, to be read again when the database has filled the gap."""
        for batch in batches:
            if batch.first_n > self.log.next_n:
                return
            for n, item in enumerate(batch.items, start=batch.first_n):
                if n != self.log.next_n or self.log.ended is not None:
                    continue  # seen before
                if isinstance(item, str):
                    self.log.add_text(item)
                else:
                    self.log.end(replace(item, n=n))
            self.position = batch.position
            self.heard_at = time.monotonic()

    def catch_up(self, stored: StoredTurn) -> None:
        if self.log.ended is not None:
            return  # Redis told it while the database was asked
        whole = stored.so_far()
        for event in whole.events[len(self.log.events) :]:
            assert isinstance(event, TextAdded)
            self.log.add_text(event.text)
        if stored.ended is not None:
            self.log.end(replace(stored.ended, n=self.log.next_n))

    def end_as_gone(self) -> None:
        """The conversation was deleted under its followers: for them the turn was stopped."""
        if self.log.ended is None:
            self.log.end(TurnStopped(self.log.next_n, UNKNOWN_USAGE, timezone.now()))


class Replicas:
    def __init__(self, client: redis.asyncio.Redis) -> None:
        self._client = client
        self._open: dict[UUID, Replica] = {}
        self._wanted = asyncio.Event()

    def loops(self) -> list[Coroutine[Any, Any, None]]:
        return [
            forever("turn_replicas_without_redis", self._redis_round, every=POLL_SECONDS),
            forever("turn_replicas_without_database", self._database_round, every=SILENCE_SECONDS / 4),
        ]

    @asynccontextmanager
    async def log_of(self, turn_id: UUID) -> AsyncIterator[TurnLog]:
        """The log of a turn that this process does not run. Raises TurnNotFound."""
        replica = self._open.get(turn_id)
        if replica is None:
            stored = await in_database_thread(reading.load_turn, turn_id)
            if stored.ended is not None:
                yield _finished(stored)
                return
            # Another follower may have come first while this one waited for the database.
            replica = self._open.setdefault(turn_id, Replica(stored.so_far()))
        replica.followers += 1
        self._wanted.set()
        try:
            yield replica.log
        finally:
            replica.followers -= 1
            if not replica.followers and self._open.get(turn_id) is replica:
                del self._open[turn_id]

    async def _redis_round(self) -> None:
        await self._wait_for_followers()
        positions = {turn_id: replica.position for turn_id, replica in self._open.items() if replica.log.ended is None}
        for turn_id, batches in (await stream.read(self._client, positions)).items():
            if replica := self._open.get(turn_id):
                replica.take(batches)

    async def _database_round(self) -> None:
        """Catches what Redis did not tell: an ending by the healer, a gap, everything while Redis is away."""
        await self._wait_for_followers()
        for turn_id, replica in list(self._open.items()):
            if replica.log.ended is not None or time.monotonic() - replica.heard_at < SILENCE_SECONDS:
                continue
            replica.heard_at = time.monotonic()
            try:
                replica.catch_up(await in_database_thread(reading.load_turn, turn_id))
            except DomainError:
                replica.end_as_gone()

    async def _wait_for_followers(self) -> None:
        if not self._open:
            self._wanted.clear()
            await self._wanted.wait()


def _finished(stored: StoredTurn) -> TurnLog:
    complete = stored.so_far()
    assert stored.ended is not None
    complete.end(replace(stored.ended, n=complete.next_n))
    return complete

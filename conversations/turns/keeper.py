"""What the turns of a process need regularly, done for all of them at once: told to other processes, saved, and healed."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any
from uuid import UUID

import redis.asyncio
from django.conf import settings

from chatplatform.core.aio import in_database_thread
from conversations.models import Turn
from conversations.turns import store, stream
from conversations.turns.healing import heal_turns
from conversations.turns.live import LiveTurn
from conversations.turns.log import TurnLog
from conversations.turns.loops import forever
from conversations.turns.store import Progress

PUBLISH_SECONDS = 0.06
HEAL_SECONDS = 10.0


class Keeper:
    def __init__(self, client: redis.asyncio.Redis) -> None:
        self.live: dict[UUID, LiveTurn] = {}
        self._client = client
        self._ended: list[TurnLog] = []
        """What is left to be published of turns that are over."""
        self._forget: list[UUID] = []
        self._busy = asyncio.Event()

    def loops(self) -> list[Coroutine[Any, Any, None]]:
        return [
            forever("turn_events_not_published", self._publish_round, every=PUBLISH_SECONDS),
            forever("turns_not_saved", self._save_round, every=settings.TURN_FLUSH_SECONDS),
            forever("turns_not_healed", self._heal_round, every=HEAL_SECONDS),
        ]

    def add(self, live: LiveTurn) -> None:
        self.live[live.log.started.turn_id] = live
        self._busy.set()

    def remove(self, live: LiveTurn) -> None:
        del self.live[live.log.started.turn_id]
        if live.lost:
            # What we said beyond what its closer stored is no part of it, and may be of a deleted conversation.
            self._forget.append(live.log.started.turn_id)
        else:
            self._ended.append(live.log)
        self._busy.set()

    async def publish(self) -> None:
        """All news to the other processes. Called by one task at a time. What could not be told of turns that are over is
        dropped: followers elsewhere read it in the database."""
        ended, self._ended = self._ended, []
        forget, self._forget = self._forget, []
        await stream.publish(self._client, [*(live.log for live in self.live.values()), *ended], forget=forget)

    async def _publish_round(self) -> None:
        if not (self.live or self._ended or self._forget):
            await self._wait()
        await self.publish()

    async def _save_round(self) -> None:
        """Text and leases of every turn in one statement; its answer says which were stopped or lost."""
        if not self.live:
            await self._wait()
        batch = [(live, len(live.log.marks)) for live in self.live.values()]
        if not batch:
            return
        ours = await in_database_thread(store.save_progress, [_progress(live) for live, _ in batch])
        for live, count in batch:
            live.log.saved = count
            stop = ours.get(live.assignment.opened.turn_id)
            if stop is None:
                live.lose()
            elif stop:
                live.cancel(Turn.State.STOPPED)

    async def _heal_round(self) -> None:
        await in_database_thread(heal_turns)

    async def _wait(self) -> None:
        self._busy.clear()
        await self._busy.wait()


def _progress(live: LiveTurn) -> Progress:
    turn_log, assignment = live.log, live.assignment
    if len(turn_log.marks) <= turn_log.saved:
        return Progress(assignment.opened.turn_id, assignment.fence, None, None)
    return Progress(assignment.opened.turn_id, assignment.fence, turn_log.text, turn_log.marks.tobytes())

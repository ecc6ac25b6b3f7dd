"""One turn that this process answers: the vendor is asked, the ending is stored, then it is told."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any

import structlog
from django.utils import timezone

from chatplatform.core.aio import in_database_thread
from conversations.models import Turn
from conversations.turns import reading, store
from conversations.turns.engine import Answer
from conversations.turns.events import UNKNOWN_USAGE, TurnEnded, TurnInterrupted, TurnStarted, make_ending
from conversations.turns.log import TurnLog
from conversations.turns.loops import report
from conversations.turns.request import Assignment, OpenedTurn
from conversations.turns.store import Ending
from conversations.turns.usage import usage_of
from providers.fallback import Chain
from providers.registry import Route
from quotas.costs import MeasuredUsage

log = structlog.get_logger(__name__)

CLOSING_PATIENCE_SECONDS = 30.0
"""How long an answer waits for a database that is away before the healer has to do with what was saved."""
LAST_PATIENCE_SECONDS = 2.5
"""The same when this process is about to end."""


class LiveTurn:
    def __init__(self, assignment: Assignment[Any]) -> None:
        self.assignment = assignment
        self.answer = Answer(assignment, TurnLog(_started(assignment), assignment.references))
        self.task: asyncio.Task[None] | None = None
        """That runs `run()`."""
        self.lost = False
        """The row is no longer ours: somebody else has closed the turn."""
        self._wanted = ""
        """The state to end in, once somebody has asked for it."""
        self._writing = False
        self._give_up_at = float("inf")

    @property
    def log(self) -> TurnLog:
        return self.answer.log

    def cancel(self, state: str) -> None:
        """Ends it in this state, unless it has just ended by itself. Not heard while its ending is being stored.

        May be called again and again: a library may swallow a cancellation that comes at an unlucky moment.
        """
        self._wanted = self._wanted or state
        # A task that is cancelled before its first step never runs at all, and then nobody would close the turn.
        if self._writing and self.task is not None:
            self.task.cancel()

    def lose(self) -> None:
        self.lost = True
        self.cancel(Turn.State.STOPPED)

    def hurry(self) -> None:
        """This process ends soon: no long waiting for a database that is away."""
        self._give_up_at = min(self._give_up_at, asyncio.get_running_loop().time() + LAST_PATIENCE_SECONDS)

    async def run(self, chain: Chain) -> None:
        """Whatever happens, the log has an ending when this returns."""
        try:
            ending = await self._write(chain)
            self.log.end(await self._close(ending))
        except Exception:
            log.exception("turn_broke", turn_id=str(self.log.started.turn_id))
        finally:
            if self.log.ended is None:
                self.log.end(TurnInterrupted(self.log.next_n, UNKNOWN_USAGE, timezone.now()))

    async def _write(self, chain: Chain) -> Ending:
        if self._wanted:
            return self.answer.ending(self._wanted)
        self._writing = True
        try:
            return await self.answer.write(chain, pass_on=self._pass_on)
        except asyncio.CancelledError:
            return self.answer.ending(self._wanted or Turn.State.INTERRUPTED)
        finally:
            self._writing = False
            task = asyncio.current_task()
            while task is not None and task.uncancel():
                pass

    async def _pass_on(self, route: Route) -> None:
        await in_database_thread(store.pass_on, turn_id=self.assignment.opened.turn_id, fence=self.assignment.fence, route=route)

    async def _close(self, ending: Ending) -> TurnEnded:
        """Stored first, then told: who sees the ending can rely on it."""
        closed_at = None if self.lost else await self._store(ending)
        if closed_at is None:
            return await self._ending_of_others()
        counts = MeasuredUsage(None, None, ending.usage.source) if ending.free else ending.usage
        return make_ending(
            ending.state,
            n=self.log.next_n,
            usage=usage_of(counts, price=self.answer.route.price),
            at=closed_at,
            finish_reason=ending.finish_reason,
            model=ending.model or self.answer.route.model,
            code=ending.error_code,
            retry_after=ending.retry_after,
        )

    async def _store(self, ending: Ending) -> datetime | None:
        """Tries for half a minute while the database is away."""
        assignment, loop = self.assignment, asyncio.get_running_loop()
        self._give_up_at = min(self._give_up_at, loop.time() + CLOSING_PATIENCE_SECONDS)
        pause = 0.1
        while True:
            try:
                closed_at = await in_database_thread(
                    store.close_turn,
                    turn_id=assignment.opened.turn_id,
                    fence=assignment.fence,
                    user_id=assignment.user_id,
                    price=self.answer.route.price,
                    ending=ending,
                    references=assignment.references,
                    kept=isinstance(assignment.opened, OpenedTurn),
                )
            except Exception as error:
                report("turn_not_stored", error, turn_id=str(self.log.started.turn_id))
            else:
                self.lost = closed_at is None
                return closed_at
            if loop.time() + pause > self._give_up_at:
                return None
            await asyncio.sleep(pause)
            pause = min(pause * 2, 2)

    async def _ending_of_others(self) -> TurnEnded:
        """Somebody else closed the turn: the healer, or whoever deleted its conversation. What they stored is the truth."""
        with suppress(Exception):
            ended = await in_database_thread(reading.load_ending, self.log.started.turn_id)
            if ended is not None:
                return replace(ended, n=self.log.next_n)
        return TurnInterrupted(self.log.next_n, UNKNOWN_USAGE, timezone.now())


def _started(assignment: Assignment[Any]) -> TurnStarted:
    opened = assignment.opened
    kept = opened if isinstance(opened, OpenedTurn) else None
    return TurnStarted(
        n=1,
        turn_id=opened.turn_id,
        conversation_id=kept.conversation_id if kept else None,
        message_id=kept.answer_id if kept else None,
        user_message_id=kept.user_message.id if kept else None,
        model=assignment.routes[0].model,
        at=assignment.started_at,
        retrieval_ms=assignment.retrieval_ms,
    )

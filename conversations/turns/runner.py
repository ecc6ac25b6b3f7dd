"""Turns of this process: begun, followed, stopped. A turn is a detached task; connections come and go without touching it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache
from typing import Any
from uuid import UUID

import redis
import structlog
from django.conf import settings
from django.utils import timezone

from accounts.principal import Principal
from chatplatform.core.aio import in_database_thread
from chatplatform.core.drain import draining
from chatplatform.core.errors import Draining, VendorFailed
from chatplatform.core.metrics import TURNS_RUNNING, count_answer
from conversations.models import Turn
from conversations.turns import store, stream
from conversations.turns.engine import Answer
from conversations.turns.events import (
    TurnCompleted,
    TurnEnded,
    TurnEvent,
    TurnFailed,
    TurnInterrupted,
    TurnStarted,
    TurnStopped,
    TurnUsage,
)
from conversations.turns.healing import heal_turns
from conversations.turns.log import TurnLog
from conversations.turns.replicas import Replicas
from conversations.turns.request import Assignment, FinishedTurn, MessageView, OpenedTurn, TurnRequest, TurnView
from conversations.turns.store import Ending, Progress
from conversations.turns.transcript import fold
from providers.base import Provider, ProviderError, ProviderFault
from providers.registry import Route, open_provider

log = structlog.get_logger(__name__)
PUBLISH_SECONDS = 0.06
HEAL_SECONDS = 10.0
CLOSING_PATIENCE_SECONDS = 30.0
"""How long an answer waits for a database that is away before the healer has to do with what was saved."""


@dataclass(slots=True, eq=False)
class LiveTurn:
    assignment: Assignment
    answer: Answer
    task: asyncio.Task[None] | None = None
    cancelled_as: str = ""
    """The state to end in, once somebody has cancelled it; `lost` when the row is no longer ours."""
    closing: bool = False
    """From here on nothing cancels it: its ending is being stored."""

    def cancel(self, state: str) -> None:
        if not self.closing and not self.cancelled_as and self.task is not None:
            self.cancelled_as = state
            self.task.cancel()


class TurnRunner:
    """One for a process, made in its event loop by `get_runner()`."""

    def __init__(self, open_provider: Callable[[Route], Provider] = open_provider) -> None:
        self._open_provider = open_provider
        self.live: dict[UUID, LiveTurn] = {}
        self._background: set[asyncio.Task[Any]] = set()
        self._busy = asyncio.Event()
        self._redis = stream.connect()
        self._replicas = Replicas(self._redis)

    async def startup(self) -> None:
        loop = asyncio.get_running_loop()
        draining.on_begin(lambda: loop.call_soon_threadsafe(self._spawn, self._drain()))
        for work in (self._publish_forever(), self._save_forever(), self._heal_forever(), self._replicas.keep_fed()):
            self._spawn(work)

    async def shutdown(self) -> None:
        await self._interrupt_all()
        # A library may swallow a cancellation that comes at an unlucky moment, so whoever goes on is asked again.
        while pending := [task for task in self._background if not task.done()]:
            for task in pending:
                task.cancel()
            await asyncio.wait(pending, timeout=0.5)
        await self._redis.aclose()

    # --- What contracts call --------------------------------------------------------------------------------------------------

    async def start_turn(self, *, principal: Principal, request: TurnRequest) -> OpenedTurn:
        """Accepts a message and begins to answer it. What it raises is a refusal: nothing was stored."""
        if draining.begun:
            raise Draining(retry_after=5)
        # A client that leaves now must not leave an accepted turn without its runner.
        return await asyncio.shield(self._spawn(self._start(principal, request)))

    async def follow_turn(self, turn_id: UUID, after: int = 0) -> AsyncIterator[list[TurnEvent]]:
        """Events with a number above `after`, in batches as they come, up to the ending. Whose turn it is was checked before."""
        async with self._log_of(turn_id) as turn_log:
            async for batch in turn_log.follow(after):
                yield batch

    async def wait_first_event(self, turn_id: UUID, timeout: float = 5.0) -> None:
        """Returns at the first word or the ending, or after `timeout` seconds. Raises VendorFailed when it failed before that."""
        async with self._log_of(turn_id) as turn_log:
            if len(turn_log.events) == 1:
                with suppress(TimeoutError):
                    async with asyncio.timeout(timeout):
                        await turn_log.changed()
            _raise_if_nothing_came(turn_log.ended, turn_log.length)

    async def finish(self, opened: OpenedTurn) -> FinishedTurn:
        """Waits for the end. Raises VendorFailed when the answer failed or was interrupted; what there is of it is kept."""
        async with self._log_of(opened.turn_id) as turn_log:
            while turn_log.ended is None:
                await turn_log.changed()
            text, ended = fold(turn_log.events)
            started = turn_log.started
        assert ended is not None
        if isinstance(ended, TurnFailed | TurnInterrupted):
            raise VendorFailed(retry_after=ended.retry_after if isinstance(ended, TurnFailed) else 1)
        return FinishedTurn(
            turn_id=opened.turn_id,
            user_message=opened.user_message,
            assistant_message=MessageView(
                id=opened.answer_id,
                role="assistant",
                content=text,
                tokens_used=ended.usage.completion_tokens or 0,
                created_at=started.at,
                status="complete" if isinstance(ended, TurnCompleted) else "stopped",
                model=ended.model if isinstance(ended, TurnCompleted) else started.model,
                turn_id=opened.turn_id,
            ),
            usage=ended.usage,
            status="completed" if isinstance(ended, TurnCompleted) else "stopped",
        )

    async def find_turn(self, *, principal: Principal, turn_id: UUID) -> TurnView:
        return await in_database_thread(store.find_turn, principal=principal, turn_id=turn_id)

    async def stop_turn(self, *, principal: Principal, turn_id: UUID) -> TurnView:
        """Stops a turn wherever it runs, and waits (3 s at most) until it has. Stopping one that has ended changes nothing."""
        view = await in_database_thread(store.request_stop, principal=principal, turn_id=turn_id)
        if view.status != Turn.State.RUNNING:
            return view
        if live := self.live.get(turn_id):
            live.cancel(Turn.State.STOPPED)
        async with self._log_of(turn_id) as turn_log:
            with suppress(TimeoutError):
                async with asyncio.timeout(3):
                    while turn_log.ended is None:
                        await turn_log.changed()
        return await self.find_turn(principal=principal, turn_id=turn_id)

    # --- One turn ---------------------------------------------------------------------------------------------------------------

    async def _start(self, principal: Principal, request: TurnRequest) -> OpenedTurn:
        assignment, provider = await in_database_thread(self._open, principal, request)
        if provider is None:
            return assignment
        opened = assignment.opened
        started = TurnStarted(
            n=1,
            turn_id=opened.turn_id,
            conversation_id=opened.conversation_id,
            message_id=opened.answer_id,
            user_message_id=opened.user_message.id,
            model=assignment.route.model,
            at=assignment.started_at,
        )
        live = LiveTurn(assignment, Answer(assignment, TurnLog(started)))
        self.live[opened.turn_id] = live
        TURNS_RUNNING.inc()
        self._busy.set()
        live.task = self._spawn(self._run(live, provider))
        return opened

    def _open(
        self, principal: Principal, request: TurnRequest
    ) -> tuple[Assignment, Provider | ProviderError] | tuple[OpenedTurn, None]:
        """Opened and, in the same visit to the database, made ready to answer. A provider that cannot even be opened (a key that
        does not unseal) is that turn's failure, since the turn has been accepted."""
        assignment = store.open_turn(principal=principal, request=request)
        if isinstance(assignment, OpenedTurn):
            return assignment, None
        try:
            return assignment, self._open_provider(assignment.route)
        except ProviderError as error:
            return assignment, error
        except Exception as error:
            return assignment, ProviderError(ProviderFault.UNAVAILABLE, repr(error))

    async def _run(self, live: LiveTurn, provider: Provider | ProviderError) -> None:
        turn_id = live.assignment.opened.turn_id
        try:
            if isinstance(provider, ProviderError):
                ending = live.answer.refused(provider)
            else:
                ending = await live.answer.write(provider)
        except asyncio.CancelledError:
            if not live.cancelled_as:
                raise
            asyncio.current_task().uncancel()  # type: ignore[union-attr]
            ending = live.answer.ending(live.cancelled_as if live.cancelled_as != "lost" else Turn.State.STOPPED)
        live.closing = True
        try:
            await self._close(live, ending)
        finally:
            del self.live[turn_id]
            TURNS_RUNNING.dec()
            count_answer(model=live.assignment.route.model, state=ending.state, first_token=live.answer.first_token)

    async def _close(self, live: LiveTurn, ending: Ending) -> None:
        """Stored first, then told: who sees the ending can rely on it."""
        turn_log = live.answer.log
        closed_at = None
        if live.cancelled_as != "lost":
            closed_at = await self._store_ending(live.assignment, ending)
        if closed_at is None:
            turn_log.end(await self._ending_of_others(turn_log))
            return
        turn_log.end(_ending_event(turn_log, ending, live.assignment, closed_at))
        with suppress(redis.RedisError):
            await stream.publish(self._redis, [turn_log])

    async def _store_ending(self, assignment: Assignment, ending: Ending) -> Any:
        """Tries for half a minute while the database is away."""
        loop = asyncio.get_running_loop()
        give_up = loop.time() + CLOSING_PATIENCE_SECONDS
        pause = 0.1
        while True:
            try:
                return await in_database_thread(
                    store.close_turn, turn_id=assignment.opened.turn_id, fence=assignment.fence, ending=ending
                )
            except Exception:
                log.exception("turn_not_stored", turn_id=str(assignment.opened.turn_id))
                if loop.time() + pause > give_up:
                    return None
            await asyncio.sleep(pause)
            pause = min(pause * 2, 3)

    async def _ending_of_others(self, turn_log: TurnLog) -> TurnEnded:
        """Somebody else closed the turn: the healer, or whoever deleted its conversation. What they stored is the truth."""
        with suppress(Exception):
            stored = await in_database_thread(store.load_turn, turn_log.started.turn_id)
            if stored.ended is not None:
                return replace(stored.ended, n=turn_log.next_n)
        return TurnInterrupted(turn_log.next_n, TurnUsage(None, None, "missing"), timezone.now())

    @asynccontextmanager
    async def _log_of(self, turn_id: UUID) -> AsyncIterator[TurnLog]:
        if live := self.live.get(turn_id):
            yield live.answer.log
        else:
            async with self._replicas.log_of(turn_id) as turn_log:
                yield turn_log

    # --- All turns ---------------------------------------------------------------------------------------------------------

    async def _publish_forever(self) -> None:
        while True:
            await self._wait_for_turns()
            try:
                await stream.publish(self._redis, [live.answer.log for live in self.live.values()])
            except redis.RedisError as error:
                log.warning("turn_events_not_published", error=type(error).__name__)
            await asyncio.sleep(PUBLISH_SECONDS)

    async def _save_forever(self) -> None:
        while True:
            await self._wait_for_turns()
            try:
                await self._save()
            except Exception:
                log.exception("turns_not_saved", turns=len(self.live))
            await asyncio.sleep(settings.TURN_FLUSH_SECONDS)

    async def _save(self) -> None:
        """Text and leases of every turn in one statement; its answer says which were stopped or lost."""
        batch: list[tuple[LiveTurn, int]] = []
        news: list[Progress] = []
        for live in self.live.values():
            turn_log, count = live.answer.log, len(live.answer.log.marks)
            fresh = count > turn_log.saved
            batch.append((live, count))
            news.append(
                Progress(
                    live.assignment.row_id,
                    live.assignment.fence,
                    turn_log.text if fresh else None,
                    turn_log.marks.tobytes() if fresh else None,
                )
            )
        if not news:
            return
        ours = await in_database_thread(store.save_progress, news)
        for live, count in batch:
            live.answer.log.saved = count
            stop = ours.get(live.assignment.row_id)
            if stop:
                live.cancel(Turn.State.STOPPED)
            elif stop is None:
                live.cancel("lost")

    async def _heal_forever(self) -> None:
        while True:
            try:
                await in_database_thread(heal_turns)
            except Exception as error:
                log.warning("turns_not_healed", error=type(error).__name__)
            await asyncio.sleep(HEAL_SECONDS)

    async def _wait_for_turns(self) -> None:
        if not self.live:
            self._busy.clear()
            await self._busy.wait()

    async def _drain(self) -> None:
        """Gives running turns time to end by themselves, then ends them with their text kept and their followers told."""
        deadline = asyncio.get_running_loop().time() + settings.DRAIN_SECONDS
        while self.live and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.1)
        await self._interrupt_all()

    async def _interrupt_all(self) -> None:
        tasks = [live.task for live in self.live.values() if live.task is not None]
        for live in list(self.live.values()):
            live.cancel(Turn.State.INTERRUPTED)
        await asyncio.gather(*tasks, return_exceptions=True)

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """A task that is not forgotten by the garbage collector."""
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task


def _ending_event(turn_log: TurnLog, ending: Ending, assignment: Assignment, at: Any) -> TurnEnded:
    n = turn_log.next_n
    if ending.free:
        usage = TurnUsage(None, None, ending.usage.source)
    else:
        usage = TurnUsage(ending.usage.prompt_tokens, ending.usage.completion_tokens, ending.usage.source)
    match Turn.State(ending.state):
        case Turn.State.COMPLETED:
            return TurnCompleted(n, usage, ending.finish_reason, ending.model or assignment.route.model, at)
        case Turn.State.STOPPED:
            return TurnStopped(n, usage, at)
        case Turn.State.FAILED:
            return TurnFailed(n, ending.error_code, ending.retry_after, usage, at)
        case _:
            return TurnInterrupted(n, usage, at)


def _raise_if_nothing_came(ended: TurnEnded | None, length: int) -> None:
    if isinstance(ended, TurnFailed) and not length:
        raise VendorFailed(retry_after=ended.retry_after)
    if isinstance(ended, TurnInterrupted) and not length:
        raise VendorFailed(retry_after=1)


@cache
def get_runner() -> TurnRunner:
    """The runner of this process. Called first by the lifespan of the ASGI application, in its event loop."""
    return TurnRunner()

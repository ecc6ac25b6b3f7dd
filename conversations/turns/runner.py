"""Turns of this process: begun, followed, stopped. A turn is a detached task; connections come and go without touching it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import cache
from typing import Any, TypeVar
from uuid import UUID

from django.conf import settings

from accounts.principal import Principal
from chatplatform.core.aio import in_database_thread, in_search_thread
from chatplatform.core.drain import draining
from chatplatform.core.errors import Draining, VendorFailed
from chatplatform.core.metrics import TURNS_RUNNING, count_answer
from conversations.errors import AnswerFailed
from conversations.models import Turn
from conversations.turns import reading, store, stream
from conversations.turns.completion import open_completion
from conversations.turns.events import TurnCompleted, TurnEnded, TurnEvent, TurnFailed, TurnInterrupted, state_of
from conversations.turns.keeper import Keeper
from conversations.turns.live import LiveTurn
from conversations.turns.log import TurnLog
from conversations.turns.loops import forever
from conversations.turns.opening import NeedsPassages, open_turn
from conversations.turns.replicas import Replicas
from conversations.turns.request import (
    Assignment,
    CompletionRequest,
    FinishedCompletion,
    FinishedTurn,
    MessageView,
    OpenedCompletion,
    OpenedTurn,
    TurnRequest,
    TurnView,
)
from conversations.turns.transcript import fold
from providers import tokens
from providers.base import Provider, ProviderError, ProviderFault
from providers.breaker import REFRESH_SECONDS, Breakers
from providers.fallback import Candidate, Chain
from providers.registry import Route, open_found
from retrieval import embedders
from retrieval.passages import Passages, find_passages

T = TypeVar("T")


class TurnRunner:
    """One for a process, made in its event loop by `get_runner()`."""

    def __init__(
        self,
        open_provider: Callable[[Route], Provider] = open_found,
        find_passages: Callable[..., Passages] = find_passages,
    ) -> None:
        self._open_provider = open_provider
        self._find_passages = find_passages
        self._background: set[asyncio.Task[Any]] = set()
        self._openings: set[asyncio.Task[Any]] = set()
        self._unread: dict[UUID, TurnLog] = {}
        """Of completions whose reader is there: one that has ended can be read nowhere else."""
        self._ending = False
        """This process ends: what is still accepted is closed at once."""
        self._redis = stream.connect()
        self._keeper = Keeper(self._redis)
        self._replicas = Replicas(self._redis)
        self._breakers = Breakers(self._redis)
        self.live = self._keeper.live

    async def startup(self) -> None:
        loop = asyncio.get_running_loop()
        draining.on_begin(lambda: loop.call_soon_threadsafe(self._begin_draining))
        breakers = forever("breakers_not_read", self._breakers.refresh, every=REFRESH_SECONDS)
        warming = (asyncio.to_thread(tokens.warm_up), self._warm_up_search())
        for work in (*self._keeper.loops(), *self._replicas.loops(), breakers, *warming):
            self._spawn(work)

    @staticmethod
    async def _warm_up_search() -> None:
        with suppress(Exception):  # whoever searches will be told
            await in_search_thread(embedders.warm_up)

    async def shutdown(self) -> None:
        await self._interrupt_all()
        # A library may swallow a cancellation that comes at an unlucky moment, so whoever goes on is asked again.
        while pending := [task for task in self._background if not task.done()]:
            for task in pending:
                task.cancel()
            await asyncio.wait(pending, timeout=0.5)
        with suppress(Exception):
            await self._keeper.publish()  # the last endings
        await self._redis.aclose()

    # --- What contracts call --------------------------------------------------------------------------------------------------

    async def start_turn(self, *, principal: Principal, request: TurnRequest) -> OpenedTurn:
        """Accepts a message and begins to answer it. What it raises is a refusal: nothing was stored."""
        # A client that leaves now must not leave an accepted turn without its runner.
        return await asyncio.shield(self._opening(self._start(principal, request)))

    async def start_completion(self, *, principal: Principal, request: CompletionRequest) -> OpenedCompletion:
        """The same for messages that nobody keeps. Whoever began it `leave`s it, when she has read it or will not."""
        opening = self._opening(self._start_completion(principal, request))
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(self._leave_opened)
            raise

    def leave(self, opened: OpenedCompletion) -> None:
        """Nobody can come back to it: the vendor is hung up on, and what was said is forgotten."""
        self._unread.pop(opened.turn_id, None)
        if live := self.live.get(opened.turn_id):
            live.cancel(Turn.State.STOPPED)

    async def follow_turn(self, turn_id: UUID, after: int = 0) -> AsyncGenerator[list[TurnEvent], None]:
        """Events with a number above `after`, in batches as they come, up to the ending. Whose turn it is, the caller knows."""
        async with self._log_of(turn_id) as turn_log:
            async for batch in turn_log.follow(after):
                yield batch

    async def wait_first_event(self, turn_id: UUID, timeout: float = 5.0) -> None:
        """Returns at the first word or the ending, or after `timeout` seconds. Raises VendorFailed when it failed before that."""
        async with self._log_of(turn_id) as turn_log:
            if len(turn_log.events) == turn_log.head:
                with suppress(TimeoutError):
                    async with asyncio.timeout(timeout):
                        await turn_log.changed()
            if isinstance(turn_log.ended, TurnFailed | TurnInterrupted) and not turn_log.length:
                raise _failed(turn_log, turn_log.ended)

    async def finish(self, opened: OpenedTurn) -> FinishedTurn:
        """Waits for the end. Raises VendorFailed when the answer failed or was interrupted; its text is in the history."""
        turn_log, text, ended = await self._ended(opened.turn_id)
        started, completed = turn_log.started, isinstance(ended, TurnCompleted)
        if isinstance(ended, TurnFailed | TurnInterrupted):
            raise _failed(turn_log, ended)
        return FinishedTurn(
            turn_id=opened.turn_id,
            user_message=opened.user_message,
            assistant_message=MessageView(
                id=opened.answer_id,
                role="assistant",
                content=text,
                tokens_used=ended.usage.completion_tokens or 0,
                created_at=started.at,
                status="complete" if completed else "stopped",
                model=ended.model if isinstance(ended, TurnCompleted) else started.model,
                turn_id=opened.turn_id,
            ),
            usage=ended.usage,
            status="completed" if completed else "stopped",
            references=turn_log.references,
            finish_reason=ended.finish_reason if isinstance(ended, TurnCompleted) else "",
        )

    async def finish_completion(self, opened: OpenedCompletion) -> FinishedCompletion:
        """Waits for the end. Raises VendorFailed when it failed or was interrupted: what was said until then is lost."""
        turn_log, text, ended = await self._ended(opened.turn_id)
        if isinstance(ended, TurnFailed | TurnInterrupted):
            raise _failed(turn_log, ended)
        return FinishedCompletion(
            turn_id=opened.turn_id,
            text=text,
            model=ended.model if isinstance(ended, TurnCompleted) else turn_log.started.model,
            finish_reason=ended.finish_reason if isinstance(ended, TurnCompleted) else "",
            usage=ended.usage,
            started_at=turn_log.started.at,
        )

    async def _ended(self, turn_id: UUID) -> tuple[TurnLog, str, TurnEnded]:
        """Its log, its whole text and how it ended, once it has."""
        async with self._log_of(turn_id) as turn_log:
            while turn_log.ended is None:
                await turn_log.changed()
            text, ended = fold(turn_log.events)
        assert ended is not None
        return turn_log, text, ended

    async def find_turn(self, *, principal: Principal, turn_id: UUID) -> TurnView:
        return await in_database_thread(reading.find_turn, principal=principal, turn_id=turn_id)

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

    def _opening(self, start: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """What is being accepted, which goes on when its client leaves. Raises Draining."""
        if draining.begun:
            start.close()
            raise Draining(retry_after=5)
        opening = self._spawn(start)
        self._openings.add(opening)
        opening.add_done_callback(self._openings.discard)
        return opening

    async def _start(self, principal: Principal, request: TurnRequest) -> OpenedTurn:
        accepted = await self._accept(principal, request)
        if isinstance(accepted, OpenedTurn):
            return accepted
        opened: OpenedTurn = self._launch(*accepted).assignment.opened
        return opened

    async def _start_completion(self, principal: Principal, request: CompletionRequest) -> OpenedCompletion:
        live = self._launch(*await in_database_thread(self._open_completion, principal, request))
        opened: OpenedCompletion = live.assignment.opened
        self._unread[opened.turn_id] = live.log
        return opened

    def _launch(self, assignment: Assignment[Any], chain: Chain) -> LiveTurn:
        live = LiveTurn(assignment)
        self._keeper.add(live)
        TURNS_RUNNING.inc()
        if self._ending:
            self._interrupt(live)
        live.task = self._spawn(self._run(live, chain))
        return live

    def _leave_opened(self, opening: asyncio.Task[OpenedCompletion]) -> None:
        if not opening.cancelled() and opening.exception() is None:
            self.leave(opening.result())

    async def _accept(self, principal: Principal, request: TurnRequest) -> OpenedTurn | tuple[Assignment[OpenedTurn], Chain]:
        """Where there are documents they are searched in between, while nothing is locked and no connection is held."""
        try:
            return await in_database_thread(self._open, principal, request)
        except NeedsPassages as needed:
            passages = await in_search_thread(
                self._find_passages,
                principal=principal,
                question=needed.question,
                topic_ids=needed.topic_ids,
                document_ids=needed.document_ids,
                threshold=needed.threshold,
            )
        return await in_database_thread(self._open, principal, replace(request, passages=passages))

    def _open(self, principal: Principal, request: TurnRequest) -> OpenedTurn | tuple[Assignment[OpenedTurn], Chain]:
        """Opened and, in the same visit to the database, made ready to answer."""
        assignment = open_turn(principal=principal, request=request)
        return assignment if isinstance(assignment, OpenedTurn) else (assignment, self._chain(assignment))

    def _open_completion(self, principal: Principal, request: CompletionRequest) -> tuple[Assignment[OpenedCompletion], Chain]:
        assignment = open_completion(principal=principal, request=request)
        return assignment, self._chain(assignment)

    def _chain(self, assignment: Assignment[Any]) -> Chain:
        """Who is asked. Blocking: it may look at the database."""
        meant = self._try_to_open(assignment.routes[0])
        candidates = [
            Candidate(route, None if number else meant, assignment.threads.get(route.provider_id, ""))
            for number, route in enumerate(assignment.routes)
        ]
        return Chain(candidates, open_later=self._open_later, breakers=self._breakers, prompt_tokens=assignment.prompt_tokens)

    async def _open_later(self, route: Route) -> Provider:
        """With a look of its own: since the route was found, it may have been switched off, deleted or taken back."""
        opened = await in_database_thread(self._try_to_open, replace(route, found_in=None))
        if isinstance(opened, ProviderError):
            raise opened
        return opened

    def _try_to_open(self, route: Route) -> Provider | ProviderError:
        """A provider that cannot even be opened (a key that does not unseal) is that turn's failure, since the turn has been
        accepted."""
        try:
            return self._open_provider(route)
        except ProviderError as error:
            return error
        except Exception as error:
            return ProviderError(ProviderFault.UNAVAILABLE, repr(error))

    async def _run(self, live: LiveTurn, chain: Chain) -> None:
        try:
            await live.run(chain)
        finally:
            self._keeper.remove(live)
            TURNS_RUNNING.dec()
            if (ended := live.log.ended) is not None:
                count_answer(model=live.answer.route.model, state=state_of(ended), first_token=live.answer.first_token)

    @asynccontextmanager
    async def _log_of(self, turn_id: UUID) -> AsyncIterator[TurnLog]:
        if live := self.live.get(turn_id):
            yield live.log
        elif unread := self._unread.get(turn_id):
            yield unread
        else:
            async with self._replicas.log_of(turn_id) as turn_log:
                yield turn_log

    # --- The end of this process ------------------------------------------------------------------------------------------------

    def _begin_draining(self) -> None:
        self._spawn(self._drain())

    async def _drain(self) -> None:
        """Gives running turns time to end by themselves, then ends them with their text kept and their followers told."""
        deadline = asyncio.get_running_loop().time() + settings.DRAIN_SECONDS
        while (self.live or self._openings) and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.1)
        await self._interrupt_all()

    async def _interrupt_all(self) -> None:
        """Ends every turn; the ones that are just being accepted end as soon as they are."""
        self._ending = True
        while self.live or self._openings:
            tasks = [*self._openings]
            for live in self.live.values():
                self._interrupt(live)
                tasks += [live.task] if live.task is not None else []
            await asyncio.wait(tasks, timeout=1)

    @staticmethod
    def _interrupt(live: LiveTurn) -> None:
        live.cancel(Turn.State.INTERRUPTED)
        live.hurry()

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """A task that is not forgotten by the garbage collector."""
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task


def _failed(turn_log: TurnLog, ended: TurnFailed | TurnInterrupted) -> VendorFailed:
    """What is left of a turn in a conversation is in its history; of a completion nothing is, though its words were charged."""
    retry_after, started = ended.retry_after if isinstance(ended, TurnFailed) else 1, turn_log.started
    if started.conversation_id is None:
        return (AnswerFailed if turn_log.length else VendorFailed)(retry_after=retry_after)
    return AnswerFailed(retry_after=retry_after, turn_id=started.turn_id, text_kept=bool(turn_log.length))


@cache
def get_runner() -> TurnRunner:
    """The runner of this process. Called first by the lifespan of the ASGI application, in its event loop."""
    return TurnRunner()

"""Everything that stays open in this process: streams and sockets, looked after by one sweep every two seconds.

The sweep asks whether the people behind them may still be there (an ended session, a disabled account, another role) and keeps
quiet streams alive. One timer and one visit to the database serve them all. (Readers that have stopped reading are the kernel's
business: see `middleware.py`.)
"""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Coroutine, Iterable, Sequence
from typing import Any
from uuid import UUID

import structlog

from accounts.door import recheck
from accounts.principal import Principal
from chatplatform.contracts.seats import renew_seats
from chatplatform.core.aio import in_database_thread
from chatplatform.core.drain import draining
from chatplatform.core.errors import DatabaseAway, NotSignedIn
from chatplatform.core.metrics import CONNECTIONS_OPEN

log = structlog.get_logger(__name__)

SWEEP_SECONDS = 2.0
HEARTBEAT_SECONDS = 13.0  # with the sweep's two seconds, never more than 15 s of silence


class OpenConnection(ABC):
    """A stream or socket."""

    kind = "stream"

    def __init__(self, principal: Principal) -> None:
        self.principal = principal
        self.last_sent = time.monotonic()

    @abstractmethod
    def sign_out(self) -> None:
        """The person's session has ended: say so and close."""

    @abstractmethod
    def drain(self) -> None:
        """The process is being shut down: close as soon as what is under way has been told."""

    def heartbeat(self) -> None:  # noqa: B027  (sockets need none: the server pings them)
        """Nothing was sent for a while."""

    def seat_to_renew(self, now: float) -> tuple[int, UUID] | None:
        """User id and seat of a socket whose place is to be kept now (see `seats.py`)."""
        return None


class OpenConnections:
    """All of one process. Used from its event loop only."""

    def __init__(self) -> None:
        self._open: set[OpenConnection] = set()
        self._sweeper: asyncio.Task[None] | None = None
        self._background: set[asyncio.Task[Any]] = set()

    def add(self, connection: OpenConnection) -> None:
        self._open.add(connection)
        CONNECTIONS_OPEN.labels(connection.kind).inc()
        loop = asyncio.get_running_loop()
        if self._sweeper is None or self._sweeper.done() or self._sweeper.get_loop() is not loop:
            self._sweeper = loop.create_task(self._sweep_while_open())
        if draining.begun:
            connection.drain()

    def discard(self, connection: OpenConnection) -> None:
        if connection in self._open:
            self._open.remove(connection)
            CONNECTIONS_OPEN.labels(connection.kind).dec()

    def __len__(self) -> int:
        return len(self._open)

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        """A small task beside a connection: a heartbeat, a farewell. What the connection's end does to it is of no interest."""
        task = asyncio.get_running_loop().create_task(_quietly(work))
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    def close_on_drain(self) -> None:
        """Called once, when the process starts."""
        loop = asyncio.get_running_loop()
        draining.on_begin(lambda: loop.call_soon_threadsafe(self._drain))

    def _drain(self) -> None:
        for connection in list(self._open):
            connection.drain()

    async def _sweep_while_open(self) -> None:
        while self._open:
            await asyncio.sleep(SWEEP_SECONDS)
            try:
                self._keep_alive(time.monotonic())
                await self._recheck()
                await self._renew_seats(time.monotonic())
            except Exception:
                log.exception("connections_not_swept", open=len(self._open))

    def _keep_alive(self, now: float) -> None:
        for connection in list(self._open):
            if now - connection.last_sent > HEARTBEAT_SECONDS:
                connection.heartbeat()

    async def _recheck(self) -> None:
        people = list({connection.principal for connection in self._open})
        if not people:
            return
        gone = await in_database_thread(_no_longer_signed_in, people)
        if gone:
            for connection in list(self._open):
                if connection.principal in gone:
                    connection.sign_out()

    async def _renew_seats(self, now: float) -> None:
        seats = [seat for connection in self._open if (seat := connection.seat_to_renew(now))]
        if seats:
            await in_database_thread(renew_seats, seats=seats)


async def _quietly(work: Coroutine[Any, Any, Any]) -> None:
    try:
        await work
    except Exception as error:  # the client has gone meanwhile
        log.debug("not_sent", error=type(error).__name__)


def _no_longer_signed_in(people: Sequence[Principal]) -> set[Principal]:
    return set(_refused(people))


def _refused(people: Sequence[Principal]) -> Iterable[Principal]:
    for principal in people:
        try:
            recheck(principal)
        except NotSignedIn:
            yield principal
        except DatabaseAway:
            return  # nobody is thrown out for that; the next sweep asks again


connections = OpenConnections()

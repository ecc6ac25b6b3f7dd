"""Loops that look after all turns of a process together, and survive whatever happens in a round."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import redis
import structlog
from django.db import InterfaceError, OperationalError

log = structlog.get_logger(__name__)

PAUSE_AFTER_FAILURE_SECONDS = 1.0


async def forever(event: str, work: Callable[[], Awaitable[object]], *, every: float) -> None:
    """One round of `work` after the other until the task is cancelled; `event` is logged for a round that failed."""
    while True:
        failed = False
        try:
            await work()
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            failed = True  # a library lets its own cancellation out: nobody meant this loop
        except Exception as error:
            report(event, error)
            failed = True
        await asyncio.sleep(max(every, PAUSE_AFTER_FAILURE_SECONDS) if failed else every)


def report(event: str, error: Exception, **more: str) -> None:
    """PostgreSQL or Redis away is one line each second; what nobody expected is told in full."""
    if isinstance(error, OperationalError | InterfaceError | redis.RedisError):
        log.warning(event, error=type(error).__name__, **more)
    else:
        log.error(event, exc_info=error, **more)

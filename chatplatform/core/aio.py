"""From the event loop to blocking code and back, in bounded pools of long-lived threads.

A thread keeps its database connection, so the size of a pool is also the bound of its connections.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import ParamSpec, TypeVar

from django.conf import settings
from django.db import close_old_connections, connections

from chatplatform.core.metrics import LOOP_LAG_SECONDS

LAG_PERIOD_SECONDS = 1.0
P = ParamSpec("P")
R = TypeVar("R")

CHECK_AFTER_IDLE_SECONDS = 1.0
_last = threading.local()


@cache
def _database_threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(settings.TURN_DB_THREADS, thread_name_prefix="turn-db")


@cache
def _search_threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(settings.SEARCH_THREADS, thread_name_prefix="search")


@contextmanager
def kept_connections() -> Iterator[None]:
    """Looks after this thread's database connections around blocking code, as Django does around a request of its own."""
    # Django asks a connection whether it lives before each request; one that has just been used need not be asked.
    if time.monotonic() - getattr(_last, "used", 0.0) > CHECK_AFTER_IDLE_SECONDS:
        close_old_connections()
    try:
        yield
    finally:
        for connection in connections.all(initialized_only=True):
            if connection.errors_occurred:
                connection.close_if_unusable_or_obsolete()
        _last.used = time.monotonic()


async def in_database_thread(call: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """Runs blocking database code off the loop. The code goes on to its end even when the awaiting task is cancelled."""
    return await _in_pool(_database_threads(), call, *args, **kwargs)


async def in_search_thread(call: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """The same in the threads that search documents, so that no turn waits behind a search to be opened, saved or closed."""
    return await _in_pool(_search_threads(), call, *args, **kwargs)


async def _in_pool(pool: ThreadPoolExecutor, call: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    def run() -> R:
        with kept_connections():
            return call(*args, **kwargs)

    context = contextvars.copy_context()
    return await asyncio.get_running_loop().run_in_executor(pool, context.run, run)


async def measure_lag() -> None:
    """Measures for ever how late the running loop comes back to a timer: whatever blocks it makes every stream late."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + LAG_PERIOD_SECONDS
        await asyncio.sleep(LAG_PERIOD_SECONDS)
        LOOP_LAG_SECONDS.observe(max(0.0, loop.time() - due))

"""Workers as the rest of the platform sees them: whether somebody works, and how much there is to do.

All of it is in Redis, one round trip away. A worker that lives says so every few seconds under the name of each queue that it
hears; what waits and what was handed out are the broker's own lists.
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

import redis
from celery import Celery
from django.conf import settings

QUEUES = ("celery", "documents")
PULSE_SECONDS = 5.0
PULSE_LASTS_SECONDS = 16  # three beats may be late
_COMPLETED = "jobs:completed"


@dataclass(frozen=True, slots=True)
class Jobs:
    running: bool
    """Whether somebody hears each queue."""
    waiting: int
    active: int
    """Handed to a worker, and not done yet."""
    completed: int
    """Without an error, for as long as this Redis remembers."""


async def read_jobs(client: Any) -> Jobs:
    """By a client of `redis.asyncio`, whose errors it raises."""
    asked = client.pipeline(transaction=False)
    asked.exists(*map(_pulse, QUEUES))
    for queue in QUEUES:
        asked.llen(queue)
    asked.hlen("unacked")
    asked.get(_COMPLETED)
    heard, *waiting, active, completed = await asked.execute()
    return Jobs(heard == len(QUEUES), sum(waiting), active, int(completed or 0))


def keep_pulse(app: Celery) -> None:
    """Says from now on that this worker lives, in a thread of its main process."""
    threading.Thread(target=_beat, args=[app], name="pulse", daemon=True).start()


def count_completed() -> None:
    with suppress(redis.RedisError):  # it is a figure on a page: no job fails for it
        _redis().incr(_COMPLETED)


def _beat(app: Celery) -> None:
    while True:
        with suppress(redis.RedisError):
            for queue in list(app.amqp.queues.consume_from):
                _redis().set(_pulse(queue), "", ex=PULSE_LASTS_SECONDS)
        time.sleep(PULSE_SECONDS)


def _pulse(queue: str) -> str:
    return f"jobs:pulse:{queue}"


@cache
def _redis() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2)

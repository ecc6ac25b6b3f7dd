"""Workers that live and hear nothing: after a broker was away a consumer may come back without its queues, and only a restart
helps (https://github.com/celery/celery/issues/9054). So each worker looks whether messages wait while it has nothing to do, and
ends; whoever started it starts it again.
"""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass

import structlog
from celery import Celery
from celery.worker import state
from kombu.exceptions import OperationalError

log = structlog.get_logger(__name__)

LOOK_EVERY_SECONDS = 15.0
PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Look:
    """What is seen of a worker at a moment."""

    at: float
    """Seconds of any clock."""
    waiting: int
    """Messages in its queues."""
    received: int
    """Tasks that it has been given since its start."""
    is_idle: bool


class Ear:
    """Says when a worker has been deaf for too long."""

    def __init__(self) -> None:
        self._since: Look | None = None

    def is_deaf(self, look: Look) -> bool:
        """Whether messages have waited for `PATIENCE_SECONDS`, and all the while it had nothing to do and was given nothing."""
        suspicious = look.waiting > 0 and look.is_idle
        if not suspicious or (self._since is not None and look.received != self._since.received):
            self._since = None
        if suspicious and self._since is None:
            self._since = look
        return self._since is not None and look.at - self._since.at >= PATIENCE_SECONDS


def listen(app: Celery) -> None:
    """Begins to look, in a thread of the worker's main process."""
    threading.Thread(target=_watch, args=[app], name="deafness", daemon=True).start()


def _watch(app: Celery) -> None:
    ear = Ear()
    while True:
        time.sleep(LOOK_EVERY_SECONDS)
        try:
            waiting = messages_waiting(app, list(app.amqp.queues.consume_from))
        except (OSError, OperationalError):
            continue  # the broker is away: nothing can be heard, and that is no deafness
        busy = bool(state.active_requests or state.reserved_requests)
        look = Look(time.monotonic(), waiting, sum(state.total_count.values()), not busy)
        if ear.is_deaf(look):
            log.error("worker_is_deaf", messages=waiting)
            os._exit(1)


def messages_waiting(app: Celery, queues: list[str]) -> int:
    """Over a connection of its own. A queue that nothing was ever sent to has none."""
    with app.connection_for_write() as connection:
        channel = connection.default_channel
        found = 0
        for queue in queues:
            try:
                found += int(channel.queue_declare(queue=queue, passive=True).message_count)
            except connection.channel_errors:
                continue
        return found

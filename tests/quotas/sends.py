"""What the ledger's tests share: people, sends, and many threads at once."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from django.db import connection, transaction

from providers.catalogue import Price
from quotas import ledger
from quotas.costs import MeasuredUsage
from quotas.models import Tier

ALICE = 1_001
BOB = 1_002

T = TypeVar("T")
R = TypeVar("R")

CONNECTIONS = threading.BoundedSemaphore(30)
"""The embedded PostgreSQL takes 60; threads beyond these wait for one."""


def reserve(
    user_id: int = ALICE,
    *,
    tier: str = "standard",
    prompt: int = 100,
    asked: int | None = None,
    room: int = 4_096,
    turn: UUID | None = None,
    at: datetime | None = None,
) -> ledger.Reservation:
    with transaction.atomic():
        return ledger.reserve(
            user_id=user_id,
            tier=tier,
            turn_id=turn or uuid.uuid4(),
            prompt_tokens=prompt,
            asked_output=asked,
            room=room,
            at=at,
        )


def settle(turn_id: UUID, *, message: int | None = None, usage: MeasuredUsage | None = None, **changes: Any) -> bool:
    facts: dict[str, Any] = {
        "conversation_id": 7,
        "price": Price(150_000, 600_000),
        "provider_id": 3,
        "provider_name": "openai",
        "model_asked": "gpt-4",
        "model_answered": "gpt-4o-mini",
    }
    return ledger.settle(
        turn_id=turn_id,
        message_id=message,
        usage=usage or MeasuredUsage(prompt_tokens=100, completion_tokens=200, source="provider"),
        **(facts | changes),
    )


def at_once(call: Callable[[T], R], arguments: Iterable[T]) -> list[R | Exception]:
    """`call` for every argument, each in a thread and on a connection of its own; an exception is its result."""
    arguments = list(arguments)
    start = threading.Barrier(len(arguments))

    def run(argument: T) -> R | Exception:
        start.wait(60)
        with CONNECTIONS:
            try:
                return call(argument)
            except Exception as error:
                return error
            finally:
                connection.close()

    with ThreadPoolExecutor(len(arguments)) as pool:
        return list(pool.map(run, arguments))


def limit(slug: str = "standard", **limits: int | None) -> None:
    assert Tier.objects.filter(slug=slug).update(**limits) == 1

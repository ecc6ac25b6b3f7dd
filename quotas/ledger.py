"""The ledger: reserve before the vendor is called, then settle or release, once.

    reserve   month and day row locked, always in that order; every limit holds, or nothing is written
    settle    reserved → used, in the periods of the reservation, and one usage row
    release   the tokens and the request go back

Settle and release change the reservation's state from open, and only who finds it open goes on: the runner, a healer and a
second try may all come at once. Each is one statement, so it is whole also outside a transaction; it belongs into the one
that closes the turn. Statements: reserve 2 (3 more for the first send of a day), settle 1, release 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog
from django.conf import settings
from django.db import connection
from django.db.transaction import TransactionManagementError

from chatplatform.core.errors import ContextTooLong
from chatplatform.core.prepared import Int8, prepared_cursor
from providers.catalogue import Price
from quotas.costs import MeasuredUsage, cost_micros
from quotas.errors import AllowanceUsedUp
from quotas.grants import Balance, Refusal, grant_output, least_output
from quotas.models import STANDARD, UsageKind
from quotas.statements import CLOCK, TIER
from quotas.windows import seconds_until, window_of

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Reservation:
    """What a turn may take. The vendor is asked for at most `output_tokens`."""

    turn_id: UUID
    prompt_tokens: int
    output_tokens: int
    tokens: int


@dataclass(frozen=True, slots=True)
class _Counters:
    moment: datetime
    month_key: str
    day_key: str
    balances: tuple[Balance, Balance]
    """Month, day: who may not this month is told so, and not to come back tomorrow."""


def reserve(
    *,
    user_id: int,
    tier: str,
    turn_id: UUID,
    prompt_tokens: int,
    asked_output: int | None,
    room: int,
    requests: int = 1,
    at: datetime | None = None,
) -> Reservation:
    """Holds one request, the prompt and the allowed output in the running day and month, in the CALLER's transaction.

    `room` is what the model's context has left after the prompt, in tokens. The person's rows stay locked until the
    transaction ends, so reserve late in it. `at` is the moment to count at, by default the database's clock.
    Raises AllowanceUsedUp (with the seconds until the period ends) and ContextTooLong (no room for an answer).
    """
    if not connection.in_atomic_block:
        raise TransactionManagementError("ledger.reserve() belongs into the transaction that stores the turn")
    if room < least_output(asked_output=asked_output):
        raise ContextTooLong
    counters = _lock_counters(user_id=user_id, tier=tier, at=at)
    output = grant_output(
        balances=counters.balances,
        requests=requests,
        prompt_tokens=prompt_tokens,
        asked_output=asked_output,
        room=room,
    )
    if isinstance(output, Refusal):
        raise _used_up(output, counters.moment)
    _hold(
        turn=turn_id,
        user=user_id,
        day=counters.day_key,
        month=counters.month_key,
        requests=requests,
        prompt=prompt_tokens,
        output=output,
    )
    return Reservation(turn_id, prompt_tokens, output, prompt_tokens + output)


def settle(
    *,
    turn_id: UUID,
    message_id: int | None,
    conversation_id: int | None,
    usage: MeasuredUsage,
    price: Price | None,
    provider_id: int | None,
    provider_name: str,
    model_asked: str,
    model_answered: str,
    kind: str = UsageKind.TURN,
) -> bool:
    """Writes what the turn took and gives the rest back. False when the reservation was already settled or released.

    No more than was reserved is charged (a vendor that overruns is not the person's fault); the row keeps the true
    counts. Where a count is missing, what was reserved for it is charged.
    """
    counts = usage.within_reason()
    parameters = {
        "turn": turn_id,
        "message": message_id,
        "conversation": conversation_id,
        "kind": kind,
        "provider": provider_id,
        "provider_name": provider_name[:100],
        "asked": model_asked[:200],
        "answered": model_answered[:200],
        "prompt": counts.prompt_tokens,
        "completion": counts.completion_tokens,
        "cached": counts.cached_tokens,
        "reasoning": counts.reasoning_tokens,
        "total": counts.total_tokens,
        "source": counts.source,
        "input_price": price.input_micros_per_million if price else None,
        "output_price": price.output_micros_per_million if price else None,
        "cached_price": price.cached_input_micros_per_million if price else None,
        "cost": cost_micros(usage=counts, price=price),
    }
    with prepared_cursor() as cursor:
        cursor.execute(_SETTLE, _typed(parameters))
        return cursor.rowcount == 1


def release(*, turn_id: UUID) -> bool:
    """Gives tokens and request back. False when the reservation was already settled or released."""
    with prepared_cursor() as cursor:
        cursor.execute(_RELEASE, {"turn": turn_id})
        return cursor.fetchone() is not None


# The statements are put together from constants of this project; every value is a parameter.
_COUNTERS = f"""
WITH {CLOCK}, {TIER}, locked AS (
    SELECT period, requests_used + requests_reserved AS requests, tokens_used + tokens_reserved AS tokens
    FROM quotas_allowance
    WHERE user_id = %(user)s AND key = ANY ((SELECT ARRAY[month_key, day_key] FROM clock)::text[])
    ORDER BY key FOR NO KEY UPDATE
)
SELECT clock.*, tier.*, locked.* FROM clock CROSS JOIN tier LEFT JOIN locked ON true
"""  # noqa: S608
"""A month sorts before its days ("2026-11" < "2026-11-21"), so the order of keys is the order of locks everywhere.
Who waited for a lock is given the row as its last holder left it."""

_OPEN_PERIODS = """
INSERT INTO quotas_allowance (user_id, period, key) VALUES (%(user)s, 'month', %(month)s), (%(user)s, 'day', %(day)s)
ON CONFLICT (user_id, key) DO NOTHING
"""

_HOLD = """
WITH held AS (
    UPDATE quotas_allowance
    SET requests_reserved = requests_reserved + %(requests)s, tokens_reserved = tokens_reserved + %(prompt)s + %(output)s
    WHERE user_id = %(user)s AND key IN (%(month)s, %(day)s)
)
INSERT INTO quotas_reservation (turn_id, user_id, day_key, month_key, requests, prompt_tokens, output_tokens, tokens)
VALUES (%(turn)s, %(user)s, %(day)s, %(month)s, %(requests)s, %(prompt)s, %(output)s, %(prompt)s + %(output)s)
"""

_LOCKED_OF_CLOSED = """
locked AS (
    SELECT id FROM quotas_allowance
    WHERE user_id = (SELECT user_id FROM closed)
      AND key = ANY ((SELECT ARRAY[month_key, day_key] FROM closed)::text[])
    ORDER BY key FOR NO KEY UPDATE
)"""

_SETTLE = f"""
WITH closed AS (
    UPDATE quotas_reservation SET state = 'settled' WHERE turn_id = %(turn)s AND state = 'open'
    RETURNING user_id, day_key, month_key, requests, tokens,
        LEAST(tokens, COALESCE(%(prompt)s, prompt_tokens) + COALESCE(%(completion)s, output_tokens)) AS charged
), {_LOCKED_OF_CLOSED}, moved AS (
    UPDATE quotas_allowance
    SET requests_reserved = requests_reserved - closed.requests, requests_used = requests_used + closed.requests,
        tokens_reserved = tokens_reserved - closed.tokens, tokens_used = tokens_used + closed.charged
    FROM closed WHERE id IN (SELECT id FROM locked)
)
INSERT INTO quotas_usage (
    user_id, conversation_id, message_id, turn_id, kind, provider_id, provider_name, model_asked, model_answered,
    prompt_tokens, completion_tokens, cached_tokens, reasoning_tokens, total_tokens, charged_tokens, charged_requests,
    source, input_price, output_price, cached_input_price, cost_micros, day_key, month_key
)
SELECT
    user_id, %(conversation)s, %(message)s, %(turn)s, %(kind)s, %(provider)s, %(provider_name)s, %(asked)s, %(answered)s,
    %(prompt)s, %(completion)s, %(cached)s, %(reasoning)s, %(total)s, charged, requests,
    %(source)s, %(input_price)s, %(output_price)s, %(cached_price)s, %(cost)s, day_key, month_key
FROM closed
"""  # noqa: S608

_RELEASE = f"""
WITH closed AS (
    UPDATE quotas_reservation SET state = 'released' WHERE turn_id = %(turn)s AND state = 'open'
    RETURNING user_id, day_key, month_key, requests, tokens
), {_LOCKED_OF_CLOSED}, moved AS (
    UPDATE quotas_allowance
    SET requests_reserved = requests_reserved - closed.requests, tokens_reserved = tokens_reserved - closed.tokens
    FROM closed WHERE id IN (SELECT id FROM locked)
)
SELECT user_id FROM closed
"""  # noqa: S608


def _lock_counters(*, user_id: int, tier: str, at: datetime | None) -> _Counters:
    parameters = {"zone": settings.TIME_ZONE, "at": at, "tier": tier, "fallback": STANDARD, "user": Int8(user_id)}
    with prepared_cursor() as cursor:
        for _ in range(3):
            cursor.execute(_COUNTERS, parameters)
            rows = cursor.fetchall()
            if not rows:
                raise LookupError(f"There is neither a tier {tier!r} nor a tier {STANDARD!r}")
            if len(rows) == 2:
                return _counters(rows, tier)
            # The person's first send of this day or month. Who made the rows meanwhile is no harm; read them again.
            cursor.execute(_OPEN_PERIODS, {"user": Int8(user_id), "day": rows[0][1], "month": rows[0][2]})
    raise RuntimeError("the ledger reads rows that others committed: it needs READ COMMITTED, PostgreSQL's default")


def _counters(rows: list[tuple[Any, ...]], tier: str) -> _Counters:
    moment, day_key, month_key, slug, daily_requests, daily_tokens, monthly_requests, monthly_tokens = rows[0][:8]
    if slug != tier:
        log.error("unknown_tier", tier=tier, applied=slug)
    gone = {period: (requests, tokens) for *_, period, requests, tokens in rows}
    return _Counters(
        moment=moment,
        month_key=month_key,
        day_key=day_key,
        balances=(
            Balance("month", monthly_requests, gone["month"][0], monthly_tokens, gone["month"][1]),
            Balance("day", daily_requests, gone["day"][0], daily_tokens, gone["day"][1]),
        ),
    )


def _hold(**parameters: Any) -> None:
    with prepared_cursor() as cursor:
        cursor.execute(_HOLD, _typed(parameters))


def _typed(parameters: dict[str, Any]) -> dict[str, Any]:
    return {name: Int8(value) if isinstance(value, int) else value for name, value in parameters.items()}


def _used_up(refusal: Refusal, moment: datetime) -> AllowanceUsedUp:
    window = window_of(moment=moment, zone=ZoneInfo(settings.TIME_ZONE))
    end = window.month_ends_at if refusal.period == "month" else window.day_ends_at
    return AllowanceUsedUp(period=refusal.period, kind=refusal.kind, retry_after=seconds_until(moment=moment, end=end))

"""The ledger: reserve before the vendor is called, then settle or release, once.

    reserve   month and day row locked, always in that order; every limit holds, or nothing is written
    settle    reserved → used, in the periods of the reservation, and one usage row
    release   the tokens and the request go back

Settle and release change the reservation's state from open, and only who finds it open goes on: the runner, a healer and a
second try may all come at once. Each is one statement, so it is whole also outside a transaction; whoever closes a turn takes
its steps (`SETTLING`, `RELEASING`) into the statement that does so. Statements: reserve 2 (3 more for the first send of a day),
settle 1, release 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import structlog
from django.conf import settings
from django.db import connection
from django.db.transaction import TransactionManagementError

from chatplatform.core.errors import ContextTooLong
from chatplatform.core.pipeline import ask
from chatplatform.core.prepared import Int8
from providers.catalogue import FREE, Price
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


class Allowance:
    """A person's counters in the running day and month, locked to all of her other sends until the transaction ends.

    In a pipeline they are asked for when this is made, and waited for when something is reserved.
    """

    def __init__(self, *, user_id: int, tier: str, at: datetime | None = None) -> None:
        """`at` is the moment to count at, by default the database's clock."""
        if not connection.in_atomic_block:
            raise TransactionManagementError("the ledger reserves in the transaction that stores the turn")
        self._user_id = user_id
        self._tier = tier
        self._asked = {"zone": settings.TIME_ZONE, "at": at, "tier": tier, "fallback": STANDARD, "user": Int8(user_id)}
        self._answer = ask(_COUNTERS, self._asked)

    def reserve(
        self, *, turn_id: UUID, prompt_tokens: int, asked_output: int | None, room: int, requests: int = 1
    ) -> Reservation:
        """Holds one request, the prompt and the allowed output, once for each of these objects.

        `room` is what the model's context has left after the prompt, in tokens.
        Raises AllowanceUsedUp (with the seconds until the period ends) and ContextTooLong (no room for an answer).
        """
        if room < least_output(asked_output=asked_output):
            raise ContextTooLong
        counters = self._counters()
        output = grant_output(
            balances=counters.balances,
            requests=requests,
            prompt_tokens=prompt_tokens,
            asked_output=asked_output,
            room=room,
        )
        if isinstance(output, Refusal):
            raise _used_up(output, counters.moment)
        held = {"requests": requests, "prompt": prompt_tokens, "output": output}
        keys = {"day": counters.day_key, "month": counters.month_key}
        ask(_HOLD, _typed({"turn": turn_id, "user": self._user_id, **keys, **held}))
        return Reservation(turn_id, prompt_tokens, output, prompt_tokens + output)

    def _counters(self) -> _Counters:
        for _ in range(3):
            rows = self._answer.rows()
            if not rows:
                raise LookupError(f"There is neither a tier {self._tier!r} nor a tier {STANDARD!r}")
            if len(rows) == 2:
                return _counters(rows, self._tier)
            # The person's first send of this day or month. Who made the rows meanwhile is no harm; read them again.
            ask(_OPEN_PERIODS, {"user": self._asked["user"], "day": rows[0][1], "month": rows[0][2]})
            self._answer = ask(_COUNTERS, self._asked)
        raise RuntimeError("the ledger reads rows that others committed: it needs READ COMMITTED, PostgreSQL's default")


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
    """`Allowance.reserve` at once, in the CALLER's transaction. Reserve late in it: the person's rows stay locked to its end."""
    return Allowance(user_id=user_id, tier=tier, at=at).reserve(
        turn_id=turn_id, prompt_tokens=prompt_tokens, asked_output=asked_output, room=room, requests=requests
    )


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
    ended = {
        "turn": turn_id,
        "message": message_id,
        "conversation": conversation_id,
        "provider": provider_id,
        "provider_name": provider_name,
        "asked": model_asked,
        "answered": model_answered,
    }
    return bool(ask(_SETTLE, _typed(ended) | used(usage=usage, price=price, kind=kind)).rows())


def release(*, turn_id: UUID) -> bool:
    """Gives tokens and request back. False when the reservation was already settled or released."""
    return bool(ask(_RELEASE, {"turn": turn_id}).rows())


def record_free(*, user_id: int, usage: MeasuredUsage, provider_name: str, model: str, kind: str) -> None:
    """A usage row for what the platform does by itself: its price is 0, and nothing is charged to the person's allowance."""
    done = {"user": user_id, "work": uuid4(), "provider_name": provider_name, "model": model}
    clock = {"zone": settings.TIME_ZONE, "at": None}
    ask(_RECORD_FREE, _typed(done) | clock | used(usage=usage, price=FREE, kind=kind))


def used(*, usage: MeasuredUsage, price: Price | None, kind: str = UsageKind.TURN) -> dict[str, Any]:
    """The values of `SETTLING`."""
    counts = usage.within_reason()
    values = {
        "used_kind": kind,
        "used_prompt": counts.prompt_tokens,
        "used_completion": counts.completion_tokens,
        "used_cached": counts.cached_tokens,
        "used_reasoning": counts.reasoning_tokens,
        "used_total": counts.total_tokens,
        "used_source": counts.source,
        "used_input_price": price.input_micros_per_million if price else None,
        "used_output_price": price.output_micros_per_million if price else None,
        "used_cached_price": price.cached_input_micros_per_million if price else None,
        "used_cost": cost_micros(usage=counts, price=price),
    }
    return _typed(values)


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

_LOCKED_OF_HELD = """
locked AS (
    SELECT id FROM quotas_allowance
    WHERE user_id = (SELECT user_id FROM held)
      AND key = ANY ((SELECT ARRAY[month_key, day_key] FROM held)::text[])
    ORDER BY key FOR NO KEY UPDATE
)"""

SETTLING = f"""
held AS (
    UPDATE quotas_reservation AS reservation SET state = 'settled'
    FROM ended WHERE reservation.turn_id = ended.turn_id AND reservation.state = 'open'
    RETURNING reservation.user_id, day_key, month_key, requests, tokens,
        LEAST(tokens, COALESCE(%(used_prompt)s, prompt_tokens) + COALESCE(%(used_completion)s, output_tokens)) AS charged
), {_LOCKED_OF_HELD}, moved AS (
    UPDATE quotas_allowance
    SET requests_reserved = requests_reserved - held.requests, requests_used = requests_used + held.requests,
        tokens_reserved = tokens_reserved - held.tokens, tokens_used = tokens_used + held.charged
    FROM held WHERE id IN (SELECT id FROM locked)
), counted AS (
    INSERT INTO quotas_usage (
        user_id, conversation_id, message_id, turn_id, kind, provider_id, provider_name, model_asked, model_answered,
        prompt_tokens, completion_tokens, cached_tokens, reasoning_tokens, total_tokens, charged_tokens, charged_requests,
        source, input_price, output_price, cached_input_price, cost_micros, day_key, month_key
    )
    SELECT
        held.user_id, ended.conversation_id, ended.message_id, ended.turn_id, %(used_kind)s, ended.provider_id,
        left(ended.provider_name, 100), left(ended.model_asked, 200), left(ended.model_answered, 200),
        %(used_prompt)s, %(used_completion)s, %(used_cached)s, %(used_reasoning)s, %(used_total)s, charged, requests,
        %(used_source)s, %(used_input_price)s, %(used_output_price)s, %(used_cached_price)s, %(used_cost)s, day_key, month_key
    FROM held, ended
    RETURNING id
)"""  # noqa: S608
"""Steps of a statement in which `ended` stands before them: no row or one, with what `_SETTLE` names. Values: `used()`."""

RELEASING = f"""
held AS (
    UPDATE quotas_reservation AS reservation SET state = 'released'
    FROM ended WHERE reservation.turn_id = ended.turn_id AND reservation.state = 'open'
    RETURNING reservation.user_id, day_key, month_key, requests, tokens
), {_LOCKED_OF_HELD}, moved AS (
    UPDATE quotas_allowance
    SET requests_reserved = requests_reserved - held.requests, tokens_reserved = tokens_reserved - held.tokens
    FROM held WHERE id IN (SELECT id FROM locked)
)"""  # noqa: S608
"""The same for a turn that costs nothing: of `ended` only `turn_id` is asked."""

_SETTLE = f"""
WITH ended AS (
    SELECT %(turn)s::uuid AS turn_id, %(message)s::bigint AS message_id, %(conversation)s::bigint AS conversation_id,
        %(provider)s::bigint AS provider_id, %(provider_name)s::text AS provider_name, %(asked)s::text AS model_asked,
        %(answered)s::text AS model_answered
), {SETTLING}
SELECT id FROM counted
"""  # noqa: S608

_RECORD_FREE = f"""
WITH {CLOCK}
INSERT INTO quotas_usage (
    user_id, turn_id, kind, provider_name, model_asked, model_answered, prompt_tokens, completion_tokens, cached_tokens,
    reasoning_tokens, total_tokens, charged_tokens, charged_requests, source, input_price, output_price, cached_input_price,
    cost_micros, day_key, month_key
)
SELECT
    %(user)s, %(work)s, %(used_kind)s, left(%(provider_name)s, 100), left(%(model)s, 200), left(%(model)s, 200),
    %(used_prompt)s, %(used_completion)s, %(used_cached)s, %(used_reasoning)s, %(used_total)s, 0, 0, %(used_source)s,
    %(used_input_price)s, %(used_output_price)s, %(used_cached_price)s, %(used_cost)s, day_key, month_key
FROM clock
"""  # noqa: S608

_RELEASE = f"WITH ended AS (SELECT %(turn)s::uuid AS turn_id), {RELEASING} SELECT user_id FROM held"  # noqa: S608


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


def _typed(parameters: dict[str, Any]) -> dict[str, Any]:
    return {name: Int8(value) if isinstance(value, int) else value for name, value in parameters.items()}


def _used_up(refusal: Refusal, moment: datetime) -> AllowanceUsedUp:
    window = window_of(moment=moment, zone=ZoneInfo(settings.TIME_ZONE))
    end = window.month_ends_at if refusal.period == "month" else window.day_ends_at
    return AllowanceUsedUp(period=refusal.period, kind=refusal.kind, retry_after=seconds_until(moment=moment, end=end))

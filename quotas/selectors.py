"""Reads: what is left for a person, and whether the books are right."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection

from chatplatform.core.prepared import Int8, prepared_cursor
from quotas.models import STANDARD, Tier
from quotas.statements import CLOCK, TIER
from quotas.windows import window_of


@dataclass(frozen=True, slots=True)
class QuotaState:
    """Limits of None are unlimited. What running turns hold counts as used, so limit - used is what a send could still get."""

    tier: str
    """The tier that applies."""
    daily_requests_limit: int | None
    daily_tokens_limit: int | None
    monthly_requests_limit: int | None
    monthly_tokens_limit: int | None
    requests_used_today: int
    tokens_used_today: int
    requests_used_this_month: int
    tokens_used_this_month: int
    day_ends_at: datetime
    """In UTC, like `month_ends_at`."""
    month_ends_at: datetime


def read_quota(*, user_id: int, tier: str, at: datetime | None = None) -> QuotaState:
    """One query. `at` is the moment to look at, by default the database's clock."""
    parameters = {"zone": settings.TIME_ZONE, "at": at, "tier": tier, "fallback": STANDARD, "user": Int8(user_id)}
    with prepared_cursor() as cursor:
        cursor.execute(_READ_QUOTA, parameters)
        row = cursor.fetchone()
    if row is None:
        raise LookupError(f"There is neither a tier {tier!r} nor a tier {STANDARD!r}")
    moment, *figures = row
    window = window_of(moment=moment, zone=ZoneInfo(settings.TIME_ZONE))
    return QuotaState(*figures, window.day_ends_at, window.month_ends_at)  # type: ignore[call-arg]  # nine figures


def list_tiers() -> list[Tier]:
    """For choices of a user's tier."""
    return list(Tier.objects.order_by("id"))


def check_books() -> list[str]:
    """Every disagreement between counters, reservations and usage rows, one line each; an empty list is a right ledger.

    Safe beside a running platform: each comparison is one statement, so it sees one moment.
    """
    with connection.cursor() as cursor:
        cursor.execute(_COUNTERS_AGAINST_ROWS)
        wrong = [
            f"user {user} {key}: {counter} is {is_now}, should be {should_be}"
            for user, key, counter, is_now, should_be in cursor.fetchall()
        ]
        cursor.execute(_SETTLED_WITHOUT_USAGE)
        wrong += [f"turn {turn}: settled {times} times in usage, should be once" for turn, times in cursor.fetchall()]
    return wrong


_READ_QUOTA = f"""
WITH {CLOCK}, {TIER}
SELECT clock.moment, tier.*,
    COALESCE(today.requests_used + today.requests_reserved, 0), COALESCE(today.tokens_used + today.tokens_reserved, 0),
    COALESCE(month.requests_used + month.requests_reserved, 0), COALESCE(month.tokens_used + month.tokens_reserved, 0)
FROM clock CROSS JOIN tier
LEFT JOIN quotas_allowance today ON today.user_id = %(user)s AND today.key = clock.day_key
LEFT JOIN quotas_allowance month ON month.user_id = %(user)s AND month.key = clock.month_key
"""  # noqa: S608

_COUNTERS_AGAINST_ROWS = """
WITH entries AS (
    SELECT user_id, key, charged_requests AS requests_used, charged_tokens AS tokens_used,
        0 AS requests_reserved, 0 AS tokens_reserved
    FROM quotas_usage, LATERAL (VALUES (day_key), (month_key)) periods (key)
    UNION ALL
    SELECT user_id, key, 0, 0, requests, tokens
    FROM quotas_reservation, LATERAL (VALUES (day_key), (month_key)) periods (key) WHERE state = 'open'
), sums AS (
    SELECT user_id, key, sum(requests_used) AS requests_used, sum(tokens_used) AS tokens_used,
        sum(requests_reserved) AS requests_reserved, sum(tokens_reserved) AS tokens_reserved
    FROM entries GROUP BY user_id, key
)
SELECT user_id, key, counter, is_now, should_be
FROM sums FULL JOIN quotas_allowance held USING (user_id, key), LATERAL (VALUES
    ('requests_used', COALESCE(held.requests_used, 0), COALESCE(sums.requests_used, 0)),
    ('tokens_used', COALESCE(held.tokens_used, 0), COALESCE(sums.tokens_used, 0)),
    ('requests_reserved', COALESCE(held.requests_reserved, 0), COALESCE(sums.requests_reserved, 0)),
    ('tokens_reserved', COALESCE(held.tokens_reserved, 0), COALESCE(sums.tokens_reserved, 0))
) compared (counter, is_now, should_be)
WHERE is_now <> should_be ORDER BY user_id, key, counter
"""

_SETTLED_WITHOUT_USAGE = """
SELECT turn_id, count(quotas_usage.id)
FROM quotas_reservation LEFT JOIN quotas_usage USING (turn_id)
GROUP BY turn_id, state HAVING count(quotas_usage.id) <> CASE state WHEN 'settled' THEN 1 ELSE 0 END ORDER BY turn_id
"""

"""Days and months of the instance's zone as spans of time. Pure: the moment comes in as an argument.

A local midnight may not exist (the clock jumps over it) and a day may have 23 or 25 hours, so an end is always the first
moment of the next local date, never a start plus 24 hours.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Window:
    """The day and the month that a moment lies in."""

    day_key: str
    """2026-11-21"""
    month_key: str
    """2026-11"""
    day_ends_at: datetime
    """In UTC, exclusive, like `month_ends_at`."""
    month_ends_at: datetime


def window_of(*, moment: datetime, zone: ZoneInfo) -> Window:
    """`moment` must be aware."""
    today = moment.astimezone(zone).date()
    return Window(
        day_key=today.isoformat(),
        month_key=today.isoformat()[:7],
        day_ends_at=_begins_after(moment, today + timedelta(days=1), zone),
        month_ends_at=_begins_after(moment, _next_month(today), zone),
    )


def seconds_until(*, moment: datetime, end: datetime) -> int:
    """Whole seconds to wait, rounded up and at least 1, so that who waits them comes after the end."""
    return max(1, math.ceil((end - moment).total_seconds()))


def first_moment(*, day: date, zone: ZoneInfo) -> datetime:
    """When the local `day` begins, in UTC. Where its midnight is skipped, that is the moment of the jump."""
    begin = datetime.combine(day, time.min, zone).astimezone(UTC)
    if begin.astimezone(zone).replace(tzinfo=None) == datetime.combine(day, time.min):
        return begin
    # The first reading of a skipped midnight lies at or after the jump, the second before it; the jump is in between.
    before = datetime.combine(day, time.min, zone).replace(fold=1).astimezone(UTC)
    span = range(int((begin - before).total_seconds()) + 1)
    jump = bisect_left(span, day, key=lambda seconds: (before + timedelta(seconds=seconds)).astimezone(zone).date())
    return before + timedelta(seconds=jump)


def _begins_after(moment: datetime, day: date, zone: ZoneInfo) -> datetime:
    begin = first_moment(day=day, zone=zone)
    if begin > moment:
        return begin
    # A clock set back over midnight shows the old date once more; it ends at the second midnight.
    return datetime.combine(day, time.min, zone).replace(fold=1).astimezone(UTC)


def _next_month(day: date) -> date:
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)

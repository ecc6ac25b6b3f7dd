"""Days and months end at the first moment of the next local date, whatever the clocks do."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from quotas.statements import CLOCK
from quotas.windows import first_moment, seconds_until, window_of

ZONES = [
    "UTC",
    "Asia/Shanghai",
    "America/Santiago",
    "Africa/Cairo",
    "Asia/Beirut",
    "Europe/Amsterdam",
    "Asia/Tehran",
    "America/Havana",
    "America/St_Johns",
    "Pacific/Apia",
    "Pacific/Kiritimati",
    "Australia/Lord_Howe",
    "America/Toronto",
    "Asia/Kathmandu",
]
moments = st.datetimes(datetime(1990, 1, 1), datetime(2036, 12, 31), timezones=st.just(UTC))


@given(moment=moments, name=st.sampled_from(ZONES))
def test_a_day_ends_where_the_local_date_changes(moment: datetime, name: str) -> None:
    zone = ZoneInfo(name)
    window = window_of(moment=moment, zone=zone)
    today = moment.astimezone(zone).date()

    assert window.day_key == today.isoformat()
    assert moment < window.day_ends_at <= moment + timedelta(hours=50)
    assert window.day_ends_at.astimezone(zone).date() > today
    assert (window.day_ends_at - timedelta(seconds=1)).astimezone(zone).date() <= today


@given(moment=moments, name=st.sampled_from(ZONES))
def test_a_month_ends_where_the_local_month_changes(moment: datetime, name: str) -> None:
    zone = ZoneInfo(name)
    window = window_of(moment=moment, zone=zone)
    today = moment.astimezone(zone).date()

    assert window.month_key == f"{today.year:04}-{today.month:02}"
    assert window.month_ends_at.astimezone(zone).date().day in (1, 2)  # a month's first day may be skipped altogether
    before = (window.month_ends_at - timedelta(seconds=1)).astimezone(zone).date()
    assert (before.year, before.month) == (today.year, today.month)
    assert window.month_ends_at >= window.day_ends_at


@given(moment=moments, name=st.sampled_from(ZONES))
def test_whoever_waits_the_seconds_comes_into_the_next_day(moment: datetime, name: str) -> None:
    zone = ZoneInfo(name)
    window = window_of(moment=moment, zone=zone)
    seconds = seconds_until(moment=moment, end=window.day_ends_at)

    assert seconds >= 1
    later = moment + timedelta(seconds=seconds)
    assert window_of(moment=later, zone=zone).day_key > window.day_key


@pytest.mark.parametrize(
    ("name", "day", "hours"),
    [
        ("America/Santiago", date(2026, 9, 6), 23),
        ("Africa/Cairo", date(2026, 4, 24), 23),
        ("Asia/Beirut", date(2026, 3, 29), 23),
        ("Europe/Amsterdam", date(2026, 3, 29), 23),
        ("Europe/Amsterdam", date(2026, 10, 25), 25),
        ("Asia/Tehran", date(2026, 3, 22), 24),
        ("America/Toronto", date(1919, 3, 31), 23.5),  # the clock jumped from 23:30 over the midnight
    ],
)
def test_days_of_odd_length(name: str, day: date, hours: float) -> None:
    zone = ZoneInfo(name)
    begin = first_moment(day=day, zone=zone)
    end = first_moment(day=day + timedelta(days=1), zone=zone)

    assert end - begin == timedelta(hours=hours)
    assert begin.astimezone(zone).date() == day
    assert (begin - timedelta(seconds=1)).astimezone(zone).date() == day - timedelta(days=1)


@pytest.mark.parametrize(
    ("moment", "day", "month", "month_ends"),
    [
        ("2026-01-31T23:59:59", "2026-01-31", "2026-01", "2026-02-01"),
        ("2026-02-28T12:00:00", "2026-02-28", "2026-02", "2026-03-01"),
        ("2028-02-28T12:00:00", "2028-02-28", "2028-02", "2028-03-01"),
        ("2028-02-29T23:00:00", "2028-02-29", "2028-02", "2028-03-01"),
        ("2026-12-31T23:59:59", "2026-12-31", "2026-12", "2027-01-01"),
    ],
)
def test_ends_of_months_and_years(moment: str, day: str, month: str, month_ends: str) -> None:
    window = window_of(moment=datetime.fromisoformat(moment).replace(tzinfo=UTC), zone=ZoneInfo("UTC"))

    assert (window.day_key, window.month_key) == (day, month)
    assert window.month_ends_at == datetime.fromisoformat(month_ends).replace(tzinfo=UTC)


@pytest.mark.django_db
def test_the_database_names_the_same_periods_as_python() -> None:
    start = datetime(2026, 1, 1, 0, 30, tzinfo=UTC)
    asked = [(start + timedelta(hours=7 * step), name) for step in range(1_300) for name in ZONES[:8]]
    zones, at = [name for _, name in asked], [moment for moment, _ in asked]
    query = CLOCK.replace("%(at)s", "asked.at").replace("%(zone)s", "asked.zone")
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT day_key, month_key FROM unnest(%s::text[], %s::timestamptz[]) WITH ORDINALITY asked (zone, at, n), "
            f"LATERAL (WITH {query} SELECT * FROM clock) c ORDER BY n",
            [zones, at],
        )
        in_sql = cursor.fetchall()
    in_python = [window_of(moment=moment, zone=ZoneInfo(name)) for moment, name in asked]

    assert in_sql == [(window.day_key, window.month_key) for window in in_python]

"""Days that break quota windows: skipped midnights, 23 and 25 hours, ends of months and years."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from quotas.errors import AllowanceUsedUp
from quotas.models import Allowance
from quotas.selectors import check_books, read_quota
from quotas.windows import first_moment
from tests.quotas.sends import ALICE, limit, reserve

pytestmark = pytest.mark.django_db

ODD_DAYS = [
    ("America/Santiago", "2026-09-06"),
    ("America/Santiago", "2026-04-04"),
    ("Africa/Cairo", "2026-04-24"),
    ("Asia/Beirut", "2026-03-29"),
    ("Europe/Amsterdam", "2026-03-29"),
    ("Europe/Amsterdam", "2026-10-25"),
    ("Asia/Tehran", "2026-03-21"),
    ("Asia/Shanghai", "2026-01-31"),
    ("Asia/Shanghai", "2026-02-28"),
    ("Asia/Shanghai", "2028-02-29"),
    ("Asia/Shanghai", "2026-12-31"),
]


@pytest.mark.parametrize(("zone", "day"), ODD_DAYS)
def test_a_day_gives_its_allowance_once_and_the_next_one_a_new_one(settings, zone: str, day: str) -> None:
    settings.TIME_ZONE = zone
    limit(daily_requests=1, monthly_requests=None)
    date = datetime.fromisoformat(day).date()
    begin, end = (first_moment(day=date + timedelta(days=n), zone=ZoneInfo(zone)) for n in (0, 1))

    reserve(at=begin - timedelta(seconds=1))  # still the day before
    reserve(at=begin)
    for moment in (begin + timedelta(hours=12), end - timedelta(microseconds=1)):
        with pytest.raises(AllowanceUsedUp) as refused:
            reserve(at=moment)
        assert refused.value.period == "day"
        wait = timedelta(seconds=refused.value.retry_after)
        assert end <= moment + wait < end + timedelta(seconds=1)
    reserve(at=end)

    days = sorted(Allowance.objects.filter(period="day").values_list("key", flat=True))
    assert days == [(date + timedelta(days=n)).isoformat() for n in (-1, 0, 1)]
    assert check_books() == []


def test_a_month_ends_with_the_year() -> None:
    limit(monthly_requests=1)
    new_year = datetime(2027, 1, 1, tzinfo=UTC)
    reserve(at=new_year - timedelta(seconds=2))
    with pytest.raises(AllowanceUsedUp) as refused:
        reserve(at=new_year - timedelta(seconds=1))

    assert (refused.value.period, refused.value.retry_after) == ("month", 1)
    reserve(at=new_year)
    assert read_quota(user_id=ALICE, tier="standard", at=new_year).requests_used_this_month == 1


def test_a_burst_over_midnight_gets_one_allowance_on_each_side() -> None:
    limit(daily_requests=3)
    midnight = datetime(2026, 11, 22, tzinfo=UTC)
    accepted = []
    for step in range(-10, 10):
        moment = midnight + timedelta(milliseconds=100 * step)
        try:
            reserve(prompt=1, asked=1, at=moment)
        except AllowanceUsedUp:
            continue
        accepted.append(moment >= midnight)

    assert accepted == [False] * 3 + [True] * 3


def test_moving_the_instance_to_another_zone_neither_doubles_nor_loses_what_was_counted(settings) -> None:
    evening = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
    reserve(at=evening)
    settings.TIME_ZONE = "Asia/Shanghai"  # there it is the 22nd already
    reserve(at=evening)

    assert read_quota(user_id=ALICE, tier="standard", at=evening).requests_used_today == 1
    assert read_quota(user_id=ALICE, tier="standard", at=evening).requests_used_this_month == 2
    assert check_books() == []

"""All limits hold or nothing is taken."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import pytest
from django.db import connection, transaction
from django.db.transaction import TransactionManagementError
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from chatplatform.core.errors import ContextTooLong, QuotaExceeded
from quotas import ledger
from quotas.errors import AllowanceUsedUp
from quotas.models import Allowance, Reservation
from quotas.seed import TIERS
from quotas.selectors import check_books, read_quota
from tests.quotas.sends import ALICE, BOB, limit, reserve, settle

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def counters(user_id: int = ALICE) -> dict[str, tuple[int, int, int, int]]:
    fields = ("requests_used", "requests_reserved", "tokens_used", "tokens_reserved")
    return {row.key: tuple(getattr(row, name) for name in fields) for row in Allowance.objects.filter(user_id=user_id)}


def test_a_reservation_is_held_in_the_day_and_in_the_month() -> None:
    held = reserve(prompt=100, asked=250, at=NOON)

    assert (held.prompt_tokens, held.output_tokens, held.tokens) == (100, 250, 350)
    assert counters() == {"2026-11": (0, 1, 0, 350), "2026-11-21": (0, 1, 0, 350)}
    row = Reservation.objects.get()
    assert (row.turn_id, row.day_key, row.month_key, row.state) == (held.turn_id, "2026-11-21", "2026-11", "open")
    assert check_books() == []


def test_the_tiers_of_the_documents_are_there() -> None:
    quota = {slug: read_quota(user_id=ALICE, tier=slug) for slug in TIERS}
    figures = {
        slug: (
            state.daily_requests_limit,
            state.monthly_requests_limit,
            state.daily_tokens_limit,
            state.monthly_tokens_limit,
        )
        for slug, state in quota.items()
    }

    assert figures == {
        "standard": (50, 1_000, 10_000, 100_000),
        "vip": (200, 5_000, 50_000, 500_000),
        "enterprise": (None, None, None, None),
        "guest": (50, 500, 10_000, 50_000),  # of all guests together; no document gives figures
    }


def test_a_refusal_of_the_month_leaves_the_day_untouched() -> None:
    limit(monthly_requests=1)
    reserve(at=NOON)
    before = counters()

    with pytest.raises(AllowanceUsedUp) as refused:
        reserve(at=NOON)

    assert (refused.value.period, refused.value.kind) == ("month", "requests")
    assert counters() == before
    assert Reservation.objects.count() == 1


def test_a_refusal_of_the_day_leaves_the_month_untouched() -> None:
    limit(daily_tokens=1_000)
    reserve(prompt=500, asked=400, at=NOON)
    before = counters()

    with pytest.raises(AllowanceUsedUp) as refused:
        reserve(prompt=500, asked=400, at=NOON)

    assert (refused.value.period, refused.value.kind) == ("day", "tokens")
    assert counters() == before


def test_the_first_send_of_all_may_be_refused_too() -> None:
    limit(daily_requests=0)

    with pytest.raises(QuotaExceeded):
        reserve()

    assert not Reservation.objects.exists()
    assert check_books() == []


def test_a_refusal_says_when_to_come_back() -> None:
    limit(daily_requests=0)
    with pytest.raises(AllowanceUsedUp) as refused:
        reserve(at=NOON)
    assert refused.value.retry_after == 12 * 3_600

    limit(monthly_requests=0)
    with pytest.raises(AllowanceUsedUp) as refused:
        reserve(at=NOON)
    assert refused.value.retry_after == 9 * 86_400 + 12 * 3_600


def test_a_refusal_says_what_is_used_up() -> None:
    limit(daily_requests=0)
    with pytest.raises(AllowanceUsedUp) as refused:
        reserve()

    with translation.override("en"):
        assert refused.value.message == "Today's quota is used up."


def test_periods_begin_at_midnight_of_the_instances_zone(settings) -> None:
    settings.TIME_ZONE = "Asia/Shanghai"
    reserve(at=datetime(2026, 11, 30, 15, 59, 59, tzinfo=UTC))
    reserve(at=datetime(2026, 11, 30, 16, 0, 0, tzinfo=UTC))

    assert set(counters()) == {"2026-11", "2026-11-30", "2026-12", "2026-12-01"}


def test_another_day_has_its_own_allowance_without_any_job() -> None:
    limit(daily_requests=1)
    reserve(at=datetime(2026, 11, 21, 23, 59, 59, tzinfo=UTC))
    with pytest.raises(AllowanceUsedUp):
        reserve(at=datetime(2026, 11, 21, 23, 59, 59, 999_999, tzinfo=UTC))

    reserve(at=datetime(2026, 11, 22, tzinfo=UTC))

    assert check_books() == []


def test_each_person_has_an_allowance_of_their_own() -> None:
    limit(daily_requests=1)
    reserve(ALICE)
    reserve(BOB)

    with pytest.raises(AllowanceUsedUp):
        reserve(BOB)


def test_without_a_wish_what_is_left_is_given() -> None:
    limit(daily_tokens=700)

    assert reserve(prompt=100).output_tokens == 600
    with pytest.raises(AllowanceUsedUp):
        reserve(prompt=0)


def test_an_enterprise_has_no_limit_until_an_operator_sets_one() -> None:
    assert reserve(tier="enterprise", prompt=1_000_000).output_tokens == 1_024
    limit("enterprise", monthly_tokens=1_000_000)
    with pytest.raises(AllowanceUsedUp):
        reserve(tier="enterprise", prompt=1)


def test_lowering_a_limit_below_what_is_used_blocks_at_once_and_raising_it_unblocks() -> None:
    settle(reserve().turn_id)
    limit(daily_requests=1)
    with pytest.raises(AllowanceUsedUp):
        reserve()

    limit(daily_requests=2)

    assert reserve().output_tokens > 0


def test_no_room_for_an_answer_is_not_a_matter_of_quota() -> None:
    with pytest.raises(ContextTooLong):
        reserve(room=15)
    with pytest.raises(ContextTooLong):
        reserve(asked=100, room=15)
    assert reserve(asked=5, room=5).output_tokens == 5


def test_an_unknown_tier_counts_as_standard() -> None:
    state = read_quota(user_id=ALICE, tier="platinum")

    assert (state.tier, state.daily_requests_limit) == ("standard", 50)
    assert reserve(tier="platinum").output_tokens == 1_024


def test_what_is_reserved_counts_as_used_until_it_is_given_back() -> None:
    held = reserve(prompt=100, asked=900)
    assert read_quota(user_id=ALICE, tier="standard").tokens_used_today == 1_000
    assert read_quota(user_id=ALICE, tier="standard").requests_used_this_month == 1

    ledger.release(turn_id=held.turn_id)

    assert read_quota(user_id=ALICE, tier="standard").tokens_used_today == 0
    assert read_quota(user_id=ALICE, tier="standard").requests_used_this_month == 0


def test_a_quota_names_the_ends_of_its_periods() -> None:
    state = read_quota(user_id=ALICE, tier="vip", at=NOON)

    assert state.day_ends_at == datetime(2026, 11, 22, tzinfo=UTC)
    assert state.month_ends_at == datetime(2026, 12, 1, tzinfo=UTC)


def test_nothing_stays_when_the_transaction_of_the_send_is_rolled_back() -> None:
    with transaction.atomic():
        reserve()
        transaction.set_rollback(True)

    assert not Reservation.objects.exists()
    assert check_books() == []


@pytest.mark.django_db(transaction=True)
def test_reserving_outside_a_transaction_is_refused() -> None:
    with pytest.raises(TransactionManagementError):
        ledger.reserve(user_id=ALICE, tier="standard", turn_id=uuid.uuid4(), prompt_tokens=1, asked_output=None, room=100)


def test_a_send_costs_two_statements_and_its_end_one() -> None:
    reserve()
    with CaptureQueriesContext(connection) as reserving:
        held = reserve()
    with CaptureQueriesContext(connection) as settling:
        assert settle(held.turn_id)
    with CaptureQueriesContext(connection) as reading:
        read_quota(user_id=ALICE, tier="standard")

    assert len([query for query in reserving if "SAVEPOINT" not in query["sql"]]) == 2
    assert len(settling) == 1
    assert len(reading) == 1

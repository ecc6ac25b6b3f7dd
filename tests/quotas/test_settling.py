"""A reservation ends once: what was used is counted, the rest goes back."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import pytest
from django.db import Error, IntegrityError, connection, transaction

from providers.catalogue import Price
from quotas import ledger
from quotas.costs import MeasuredUsage
from quotas.models import Allowance, Reservation, Usage
from quotas.selectors import check_books, read_quota
from tests.quotas.sends import ALICE, reserve, settle

pytestmark = pytest.mark.django_db


def used_today() -> tuple[int, int]:
    state = read_quota(user_id=ALICE, tier="standard")
    return state.requests_used_today, state.tokens_used_today


def test_settling_counts_what_was_used_and_returns_the_rest() -> None:
    held = reserve(prompt=100, asked=900)

    assert settle(held.turn_id, usage=MeasuredUsage(prompt_tokens=90, completion_tokens=40, source="provider"))

    assert used_today() == (1, 130)
    assert Reservation.objects.get().state == "settled"
    assert check_books() == []


def test_a_second_settling_changes_nothing() -> None:
    held = reserve()
    assert settle(held.turn_id, message=1)
    before = used_today()

    assert not settle(held.turn_id, message=1)
    assert not settle(held.turn_id, message=2)
    assert not ledger.release(turn_id=held.turn_id)

    assert used_today() == before
    assert Usage.objects.count() == 1


def test_releasing_gives_tokens_and_request_back_and_leaves_no_usage() -> None:
    held = reserve()

    assert ledger.release(turn_id=held.turn_id)
    assert not ledger.release(turn_id=held.turn_id)
    assert not settle(held.turn_id)

    assert used_today() == (0, 0)
    assert not Usage.objects.exists()
    assert Reservation.objects.get().state == "released"


def test_an_unknown_turn_is_nothing_to_settle_or_release() -> None:
    assert not settle(uuid.uuid4())
    assert not ledger.release(turn_id=uuid.uuid4())


def test_a_turn_begun_before_midnight_settles_in_its_own_day() -> None:
    held = reserve(at=datetime(2026, 10, 31, 23, 59, 59, tzinfo=UTC))
    settle(held.turn_id)

    rows = {row.key: (row.requests_used, row.tokens_used, row.tokens_reserved) for row in Allowance.objects.all()}
    assert rows == {"2026-10": (1, 300, 0), "2026-10-31": (1, 300, 0)}
    row = Usage.objects.get()
    assert (row.day_key, row.month_key) == ("2026-10-31", "2026-10")


def test_a_vendor_that_overruns_costs_the_person_no_more_than_was_reserved() -> None:
    held = reserve(prompt=100, asked=50)
    settle(held.turn_id, usage=MeasuredUsage(prompt_tokens=120, completion_tokens=500, source="provider"))

    row = Usage.objects.get()
    assert used_today() == (1, 150)
    assert (row.charged_tokens, row.prompt_tokens, row.completion_tokens, row.total_tokens) == (150, 120, 500, 620)


def test_a_count_that_nobody_has_is_charged_as_reserved_and_kept_as_unknown() -> None:
    held = reserve(prompt=100, asked=50)
    settle(held.turn_id, usage=MeasuredUsage(prompt_tokens=None, completion_tokens=None, source="missing"))

    row = Usage.objects.get()
    assert (row.prompt_tokens, row.completion_tokens, row.total_tokens, row.cost_micros) == (None, None, None, None)
    assert (row.source, row.charged_tokens) == ("missing", 150)


def test_half_a_count_is_completed_from_the_reservation() -> None:
    held = reserve(prompt=100, asked=50)
    settle(held.turn_id, usage=MeasuredUsage(prompt_tokens=None, completion_tokens=7, source="estimated"))

    assert Usage.objects.get().charged_tokens == 107


def test_absurd_counts_do_not_break_the_settling() -> None:
    held = reserve(prompt=100, asked=50)
    settle(held.turn_id, usage=MeasuredUsage(prompt_tokens=-1, completion_tokens=10**25, source="provider"))

    row = Usage.objects.get()
    assert (row.prompt_tokens, row.completion_tokens, row.charged_tokens) == (0, 10**12, 150)


def test_a_usage_row_keeps_who_what_and_at_which_price() -> None:
    held = reserve()
    settle(
        held.turn_id,
        message=11,
        usage=MeasuredUsage(prompt_tokens=100, completion_tokens=200, source="provider", cached_tokens=40, reasoning_tokens=30),
        price=Price(150_000, 600_000, 75_000),
    )

    row = Usage.objects.get()
    assert (row.user_id, row.conversation_id, row.message_id, row.turn_id) == (ALICE, 7, 11, held.turn_id)
    assert (row.provider_id, row.provider_name, row.model_asked, row.model_answered) == (
        3,
        "openai",
        "gpt-4",
        "gpt-4o-mini",
    )
    assert (row.cached_tokens, row.reasoning_tokens, row.source, row.kind) == (40, 30, "provider", "turn")
    assert (row.input_price, row.output_price, row.cached_input_price) == (150_000, 600_000, 75_000)
    assert row.cost_micros == 132  # (60 x 0.15 + 40 x 0.075 + 200 x 0.6) micro-USD


def test_an_unknown_price_stays_unknown_and_a_free_one_is_zero() -> None:
    settle(reserve().turn_id, message=1, price=None)
    settle(reserve().turn_id, message=2, price=Price(0, 0))

    unknown, free = Usage.objects.order_by("id")
    assert (unknown.input_price, unknown.cost_micros) == (None, None)
    assert (free.input_price, free.cost_micros) == (0, 0)


def test_names_longer_than_the_columns_do_not_break_the_settling() -> None:
    assert settle(reserve().turn_id, provider_name="p" * 500, model_asked="a" * 500, model_answered="m" * 500)


def test_a_message_is_settled_once_in_all() -> None:
    settle(reserve().turn_id, message=5)
    other = reserve()

    with pytest.raises(IntegrityError), transaction.atomic():
        settle(other.turn_id, message=5)

    assert Reservation.objects.get(turn_id=other.turn_id).state == "open"
    assert check_books() == []


@pytest.mark.parametrize(
    "change", ["UPDATE quotas_usage SET charged_tokens = 0", "DELETE FROM quotas_usage", "TRUNCATE quotas_usage"]
)
def test_the_database_refuses_to_change_or_delete_a_usage_row(change: str) -> None:
    settle(reserve().turn_id)

    with pytest.raises(Error, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(change)

    assert Usage.objects.get().charged_tokens == 300

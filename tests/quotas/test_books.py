"""Operators and crash tests can ask whether the ledger agrees with itself."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db.models import F

from quotas.models import Allowance, Reservation, Usage
from quotas.selectors import check_books
from tests.quotas.sends import ALICE, BOB, reserve, settle

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("counter", ["requests_used", "requests_reserved", "tokens_used", "tokens_reserved"])
def test_a_wrong_counter_is_named(counter: str) -> None:
    settle(reserve(ALICE).turn_id)
    reserve(BOB)
    Allowance.objects.filter(user_id=BOB, period="day").update(**{counter: F(counter) + 5})

    (wrong,) = check_books()

    assert f"user {BOB}" in wrong
    assert counter in wrong


def test_a_lost_counter_is_named() -> None:
    settle(reserve(ALICE).turn_id)
    Allowance.objects.filter(period="month").delete()

    assert len(check_books()) == 2


def test_a_reservation_settled_without_usage_is_named() -> None:
    held = reserve(ALICE)
    Reservation.objects.update(state="settled")

    assert any(str(held.turn_id) in line for line in check_books())


def test_the_command_says_that_the_books_are_right() -> None:
    settle(reserve().turn_id)
    assert Usage.objects.count() == 1
    said = StringIO()
    call_command("check_ledger", stdout=said)

    assert "right" in said.getvalue()


def test_the_command_ends_with_1_when_they_are_not() -> None:
    reserve()
    Allowance.objects.update(tokens_reserved=0)
    said = StringIO()

    with pytest.raises(CommandError) as ended:
        call_command("check_ledger", stdout=said)

    assert ended.value.returncode == 1
    assert "tokens_reserved is 0" in said.getvalue()

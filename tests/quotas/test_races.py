"""The ledger is exact however many come at once, on real connections."""

from __future__ import annotations

import random
import uuid
from typing import cast
from uuid import UUID

import pytest

from quotas import ledger
from quotas.costs import MeasuredUsage
from quotas.errors import AllowanceUsedUp
from quotas.models import Allowance, Reservation, Usage
from quotas.selectors import check_books, read_quota
from tests.quotas.sends import ALICE, BOB, at_once, limit, reserve, settle

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("roomy")]


def test_of_200_sends_with_10_left_exactly_10_are_accepted() -> None:
    limit(daily_requests=10, monthly_requests=1_000)
    results = at_once(lambda _: reserve(prompt=10, asked=10), range(200))

    accepted = [result for result in results if isinstance(result, ledger.Reservation)]
    refused = [result for result in results if isinstance(result, AllowanceUsedUp)]
    assert (len(accepted), len(refused)) == (10, 190)
    assert Reservation.objects.count() == 10
    assert check_books() == []


def test_50_sends_at_once_never_take_more_tokens_than_the_limit() -> None:
    limit(daily_tokens=10_000, monthly_tokens=9_000)
    sizes = random.Random(4)
    prompts = [sizes.randrange(1, 800) for _ in range(50)]
    results = at_once(lambda prompt: reserve(prompt=prompt), prompts)

    accepted = [result for result in results if isinstance(result, ledger.Reservation)]
    assert all(isinstance(result, ledger.Reservation | AllowanceUsedUp) for result in results)
    assert 8_000 < sum(held.tokens for held in accepted) <= 9_000
    assert all(held.output_tokens >= 16 for held in accepted)
    assert check_books() == []


def test_sends_that_end_while_others_begin_keep_the_books() -> None:
    limit(daily_requests=60, daily_tokens=8_000)
    overran = MeasuredUsage(prompt_tokens=50, completion_tokens=900, source="provider")

    def send(n: int) -> str:
        try:
            turn = reserve((ALICE, BOB)[n % 2], prompt=40, asked=100).turn_id
        except AllowanceUsedUp:
            return "refused"
        if n % 3 == 0:
            return "released" if ledger.release(turn_id=turn) else "lost"
        return "settled" if settle(turn, message=n + 1, usage=overran) else "lost"

    # Twelve in a row on each connection, so that the last of them run as prepared statements.
    batches = at_once(lambda first: [send(n) for n in range(first, first + 12)], range(0, 300, 12))
    results = [result for batch in batches for result in cast(list[str], batch)]

    assert set(results) == {"refused", "released", "settled"}
    assert not Allowance.objects.exclude(tokens_reserved=0, requests_reserved=0).exists()
    assert sum(row.charged_tokens for row in Usage.objects.all()) == 140 * results.count("settled")
    assert check_books() == []


def test_the_first_sends_of_a_person_may_all_come_at_once() -> None:
    results = at_once(lambda _: reserve(prompt=1, asked=1), range(60))

    assert all(isinstance(result, ledger.Reservation) for result in results)
    assert read_quota(user_id=ALICE, tier="standard").requests_used_today == 60
    assert check_books() == []


def end(job: tuple[UUID, str]) -> bool:
    turn, how = job
    return ledger.release(turn_id=turn) if how == "release" else settle(turn)


def test_settling_and_releasing_at_once_has_one_winner_in_200_rounds() -> None:
    turns = [reserve(prompt=10, asked=10, turn=uuid.uuid4()).turn_id for _ in range(200)]

    jobs = [(turn, how) for turn in turns for how in ("release", "settle")]
    random.Random(7).shuffle(jobs)
    wins: dict[UUID, int] = dict.fromkeys(turns, 0)
    for start in range(0, len(jobs), 40):
        batch = jobs[start : start + 40]
        for (turn, _), won in zip(batch, at_once(end, batch), strict=True):
            assert isinstance(won, bool)
            wins[turn] += won

    assert set(wins.values()) == {1}
    assert check_books() == []


def test_one_turn_ended_by_runner_and_healers_at_once_is_ended_once() -> None:
    for _ in range(20):
        turn = reserve(prompt=10, asked=10).turn_id
        results = at_once(end, [(turn, how) for how in ("release", "settle") * 5])
        assert sorted(map(str, results)) == ["False"] * 9 + ["True"]

    assert check_books() == []

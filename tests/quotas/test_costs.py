"""What an answer costs, in whole micro-USD."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from providers.catalogue import Price
from quotas.costs import MOST_TOKENS, MeasuredUsage, cost_micros

tokens = st.integers(0, 10**7)
rates = st.integers(0, 10**9)


def usage(prompt: int | None, completion: int | None, cached: int | None = None) -> MeasuredUsage:
    return MeasuredUsage(prompt_tokens=prompt, completion_tokens=completion, source="provider", cached_tokens=cached)


@given(tokens, tokens, tokens, rates, rates, rates)
def test_the_cost_is_the_exact_sum_rounded_up_once(
    fresh: int, cached: int, output: int, input_rate: int, output_rate: int, cached_rate: int
) -> None:
    cost = cost_micros(usage=usage(fresh + cached, output, cached), price=Price(input_rate, output_rate, cached_rate))
    exact = Fraction(fresh * input_rate + cached * cached_rate + output * output_rate, 1_000_000)

    assert cost is not None
    assert exact <= cost < exact + 1


def test_cached_tokens_cost_their_own_rate_where_it_is_known() -> None:
    million = usage(1_000_000, 0, cached=400_000)

    assert cost_micros(usage=million, price=Price(1_000_000, 0, 100_000)) == 640_000
    assert cost_micros(usage=million, price=Price(1_000_000, 0, None)) == 1_000_000


def test_an_unknown_price_is_an_unknown_cost_and_a_price_of_zero_is_free() -> None:
    assert cost_micros(usage=usage(10, 10), price=None) is None
    assert cost_micros(usage=usage(10, 10), price=Price(0, 0)) == 0
    assert cost_micros(usage=usage(None, None), price=Price(0, 0)) == 0


def test_an_unknown_count_is_an_unknown_cost() -> None:
    assert cost_micros(usage=usage(None, 10), price=Price(1, 1)) is None
    assert cost_micros(usage=usage(10, None), price=Price(1, 1)) is None


def test_only_what_is_free_costs_nothing() -> None:
    assert cost_micros(usage=usage(1, 0), price=Price(150_000, 600_000)) == 1


def test_absurd_counts_are_cut() -> None:
    sane = usage(-5, 10**30, cached=99).within_reason()

    assert (sane.prompt_tokens, sane.completion_tokens, sane.cached_tokens) == (0, MOST_TOKENS, 0)

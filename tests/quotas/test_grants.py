"""How much a send is given, from the counters alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from quotas.grants import DEFAULT_OUTPUT, LEAST_OUTPUT, Balance, Refusal, grant_output

limits = st.none() | st.integers(0, 5_000)
counts = st.integers(0, 5_000)


def balance(period: str) -> st.SearchStrategy[Balance]:
    return st.builds(Balance, st.just(period), limits, counts, limits, counts)


def fits(balance: Balance, tokens: int) -> bool:
    requests = balance.requests_limit is None or balance.requests_gone < balance.requests_limit
    return requests and (balance.tokens_limit is None or balance.tokens_gone + tokens <= balance.tokens_limit)


@given(balance("month"), balance("day"), counts, st.none() | st.integers(1, 5_000), st.integers(16, 8_000))
def test_no_grant_exceeds_a_limit_the_room_or_the_wish(
    month: Balance, day: Balance, prompt: int, asked: int | None, room: int
) -> None:
    given = grant_output(balances=(month, day), requests=1, prompt_tokens=prompt, asked_output=asked, room=room)

    if isinstance(given, Refusal):
        smallest = LEAST_OUTPUT if asked is None else min(asked, room)
        assert not (fits(month, prompt + smallest) and fits(day, prompt + smallest))
    elif asked is None:
        assert LEAST_OUTPUT <= given <= min(DEFAULT_OUTPUT, room)
        assert fits(month, prompt + given)
        assert fits(day, prompt + given)
        more = given + 1
        assert more > min(DEFAULT_OUTPUT, room) or not (fits(month, prompt + more) and fits(day, prompt + more))
    else:
        assert given == min(asked, room)
        assert fits(month, prompt + given)
        assert fits(day, prompt + given)


def grant(
    *,
    requests: tuple[int | None, int | None] = (None, None),
    tokens: tuple[int | None, int | None] = (None, None),
    prompt: int = 100,
    asked: int | None = None,
    room: int = 4_096,
) -> int | Refusal:
    """The grant with these limits of (month, day), of which nothing is gone."""
    month, day = (Balance(name, requests[n], 0, tokens[n], 0) for n, name in enumerate(("month", "day")))
    return grant_output(balances=(month, day), requests=1, prompt_tokens=prompt, asked_output=asked, room=room)


def test_without_a_wish_it_is_the_least_of_1024_the_room_and_what_is_left() -> None:
    assert grant() == 1_024
    assert grant(room=700) == 700
    assert grant(tokens=(None, 500)) == 400
    assert grant(tokens=(300, 500)) == 200


def test_without_a_wish_fewer_than_16_tokens_are_refused() -> None:
    assert grant(tokens=(None, 116)) == 16
    assert grant(tokens=(None, 115)) == Refusal("day", "tokens")


def test_a_wish_fits_wholly_or_is_refused() -> None:
    assert grant(asked=2_000, tokens=(None, 2_100)) == 2_000
    assert grant(asked=2_000, tokens=(None, 2_099)) == Refusal("day", "tokens")
    assert grant(asked=5, tokens=(None, 105)) == 5


def test_a_wish_larger_than_the_room_is_cut_to_it() -> None:
    assert grant(asked=10_000, room=300, tokens=(None, 400)) == 300


def test_zero_is_none_and_null_is_unlimited() -> None:
    assert grant(requests=(None, 0)) == Refusal("day", "requests")
    assert grant(tokens=(0, None), prompt=0) == Refusal("month", "tokens")
    assert grant(prompt=10**9) == 1_024


def test_the_month_is_named_before_the_day_and_requests_before_tokens() -> None:
    assert grant(requests=(0, 0), tokens=(0, 0)) == Refusal("month", "requests")
    assert grant(requests=(None, 0), tokens=(0, 0)) == Refusal("month", "tokens")
    assert grant(requests=(None, 0), tokens=(None, 0)) == Refusal("day", "requests")

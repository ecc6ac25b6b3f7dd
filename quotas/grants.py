"""How much a send may take, decided from the counters alone. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

DEFAULT_OUTPUT = 1_024
"""Tokens set aside for an answer when the send does not say how many."""
LEAST_OUTPUT = 16
"""An answer shorter than this is not worth beginning unless the send asked for so little."""


@dataclass(frozen=True, slots=True)
class Balance:
    """One period's limits (None is unlimited, 0 is none) and what is gone of them, running turns included."""

    period: str
    """day or month"""
    requests_limit: int | None
    requests_gone: int
    tokens_limit: int | None
    tokens_gone: int


@dataclass(frozen=True, slots=True)
class Refusal:
    period: str
    kind: str
    """requests or tokens"""


def least_output(*, asked_output: int | None) -> int:
    """The fewest output tokens that the send can be begun with."""
    return LEAST_OUTPUT if asked_output is None else min(asked_output, LEAST_OUTPUT)


def grant_output(
    *, balances: Iterable[Balance], requests: int, prompt_tokens: int, asked_output: int | None, room: int
) -> int | Refusal:
    """The output tokens to reserve beside the prompt's, or the first refusal in the order of `balances`.

    What was asked for fits wholly (as far as the context has room) or is refused; without a wish it is the least of
    `DEFAULT_OUTPUT`, `room` and what every period has left, and is refused below `LEAST_OUTPUT`.
    """
    wanted = min(DEFAULT_OUTPUT if asked_output is None else asked_output, room)
    needed = LEAST_OUTPUT if asked_output is None else wanted
    for balance in balances:
        if balance.requests_limit is not None and balance.requests_gone + requests > balance.requests_limit:
            return Refusal(balance.period, "requests")
        if balance.tokens_limit is None:
            continue
        left = balance.tokens_limit - balance.tokens_gone - prompt_tokens
        if left < needed:
            return Refusal(balance.period, "tokens")
        wanted = min(wanted, left)
    return wanted

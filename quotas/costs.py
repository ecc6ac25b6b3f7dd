"""What an answer took and what that costs, in whole micro-USD. Pure, and in integers only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from providers.catalogue import Price

UsageSource = Literal["provider", "estimated", "missing"]

MILLION = 1_000_000
MOST_TOKENS = 10**12
"""No answer has more; a count above it is a vendor's mistake and is cut, so that it cannot overflow a sum."""


@dataclass(frozen=True, slots=True)
class MeasuredUsage:
    """Tokens of one answer; None is a count that nobody has."""

    prompt_tokens: int | None
    """All of the prompt, its cached part included."""
    completion_tokens: int | None
    """All that was generated, reasoning included."""
    source: UsageSource
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None

    @property
    def total_tokens(self) -> int | None:
        if self.prompt_tokens is None or self.completion_tokens is None:
            return None
        return self.prompt_tokens + self.completion_tokens

    def within_reason(self) -> MeasuredUsage:
        """The same with every count between 0 and `MOST_TOKENS`, and the cached part no larger than the prompt."""
        prompt = _within(self.prompt_tokens, MOST_TOKENS)
        return MeasuredUsage(
            prompt_tokens=prompt,
            completion_tokens=_within(self.completion_tokens, MOST_TOKENS),
            source=self.source,
            cached_tokens=_within(self.cached_tokens, MOST_TOKENS if prompt is None else prompt),
            reasoning_tokens=_within(self.reasoning_tokens, MOST_TOKENS),
        )


def cost_micros(*, usage: MeasuredUsage, price: Price | None) -> int | None:
    """None when the price or a count is unknown. Rounded up once, over the whole sum, so that only what is free costs 0.

    Cached tokens cost their own rate, and the ordinary input rate where they have none.
    """
    if price is None:
        return None
    cached_rate = price.cached_input_micros_per_million
    if cached_rate is None:
        cached_rate = price.input_micros_per_million
    if not (price.input_micros_per_million or price.output_micros_per_million or cached_rate):
        return 0
    if usage.prompt_tokens is None or usage.completion_tokens is None:
        return None
    cached = min(usage.cached_tokens or 0, usage.prompt_tokens)
    exact = (
        (usage.prompt_tokens - cached) * price.input_micros_per_million
        + cached * cached_rate
        + usage.completion_tokens * price.output_micros_per_million
    )
    return -(-exact // MILLION)


def _within(count: int | None, most: int) -> int | None:
    return None if count is None else max(0, min(count, most))

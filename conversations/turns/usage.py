"""How many tokens a turn took: as the provider counted, or our estimate of it."""

from __future__ import annotations

from conversations.turns.events import TurnUsage
from providers.base import UsageReported
from providers.catalogue import Price
from providers.tokens import count_text
from quotas.costs import MeasuredUsage, cost_micros


def measure(*, reported: UsageReported | None, prompt_estimate: int, text: str, model: str, reasoning: str = "") -> MeasuredUsage:
    """A vendor tells its count only at the end of its stream; a turn that ended before has our estimate."""
    if reported is not None:
        return MeasuredUsage(
            prompt_tokens=reported.prompt_tokens,
            completion_tokens=reported.completion_tokens,
            cached_tokens=reported.cached_tokens,
            reasoning_tokens=reported.reasoning_tokens,
            source="provider",
        )
    thought = count_text(reasoning, model=model) if reasoning else 0
    return MeasuredUsage(
        prompt_tokens=prompt_estimate,
        completion_tokens=count_text(text, model=model) + thought,
        cached_tokens=0,
        reasoning_tokens=thought,
        source="estimated",
    )


def usage_of(counts: MeasuredUsage, *, price: Price | None) -> TurnUsage:
    """What a turn took, as its followers are told."""
    return TurnUsage(
        counts.prompt_tokens,
        counts.completion_tokens,
        counts.source,
        counts.cached_tokens or 0,
        cost_micros(usage=counts, price=price),
    )

"""When to ask a vendor again. Only before the first token, at most twice, and never longer than a person would wait."""

import math
from datetime import datetime
from email.utils import parsedate_to_datetime

from providers.base import ProviderError, ProviderFault

MAX_RETRIES = 2
WAIT_BUDGET = 10.0
"""Seconds that all waits of one request may take together."""
LONGEST_RETRY_AFTER = 86_400.0
"""Seconds; a vendor that asks for more is quoted with this."""


def parse_retry_after(value: str | None, *, now: datetime) -> float | None:
    """Seconds of a `Retry-After` header: a number or an HTTP date (`now` has a time zone). None when it says nothing sensible."""
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            moment = parsedate_to_datetime(value)
        except (ValueError, TypeError, IndexError, OverflowError):
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=now.tzinfo)
        seconds = (moment - now).total_seconds()
    if math.isnan(seconds):
        return None
    return min(max(seconds, 0.0), LONGEST_RETRY_AFTER)


def wait_before_retry(error: ProviderError, *, retries: int, waited: float, jitter: float) -> float | None:
    """Seconds to wait before the next attempt, or None when `error` is final.

    `retries`: how many there were already; `waited`: seconds spent waiting so far; `jitter`: random, 0 to 1.
    """
    if not error.retryable or retries >= MAX_RETRIES:
        return None
    if error.fault is ProviderFault.EMPTY and retries >= 1:
        return None
    wait = 0.25 * 2**retries * (0.5 + jitter)
    if error.retry_after is not None:
        # Never earlier than asked; a little later, so that many who were told the same do not all come back at once.
        wait = error.retry_after + min(wait, 0.5)
    return wait if waited + wait <= WAIT_BUDGET else None

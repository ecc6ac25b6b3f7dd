"""When a failed request is worth asking again, and how long to wait before. Pure."""

from __future__ import annotations

import random
from dataclasses import dataclass

from chatplatform_client.errors import APIConnectionError, APIError, ChatPlatformError

_PASSING = frozenset({408, 429, 503, 504})


@dataclass(frozen=True, slots=True)
class Retries:
    most: int = 3
    longest_wait: float = 60.0
    """Seconds. Where the platform says to come back later than that, its refusal is raised at once."""

    def wait(self, attempt: int, failure: ChatPlatformError, *, safe: bool) -> float | None:
        """Seconds to wait before asking again after attempt number `attempt` (from 0); None: do not.

        `safe`: asking twice does what asking once does (a GET, a PUT, a DELETE, a POST with an Idempotency-Key). What is not safe
        is asked again only when it certainly was not done.
        """
        if attempt >= self.most or not is_passing(failure, safe=safe):
            return None
        asked = failure.retry_after if isinstance(failure, APIError) else None
        seconds = pause(attempt) if asked is None else asked
        return seconds if seconds <= self.longest_wait else None


def is_passing(failure: ChatPlatformError, *, safe: bool) -> bool:
    """Whether the same request may fare better in a moment."""
    if isinstance(failure, APIConnectionError):
        return safe or not failure.sent
    if not isinstance(failure, APIError) or failure.turn_id:
        return False  # an answer's own ending: asked again, it would be told again
    if not safe:
        return failure.status in (429, 503) and failure.retry_after is not None
    # 502 in our own words is a vendor that failed; in others' words it is a proxy that found nobody behind it.
    return failure.status in _PASSING or (failure.status == 502 and not failure.code)


def pause(attempt: int) -> float:
    """Seconds: 0.5, 1, 2, 4, then 8 at most, each shortened by chance so that many clients do not come back at once."""
    return float(min(8.0, 0.5 * 2 ** min(attempt, 10)) * random.uniform(0.5, 1.0))  # noqa: S311


PATIENCE_SECONDS = 60.0
"""How long a stream or socket that was lost is tried to be opened again without anything new coming."""


def pause_to_come_back(failure: ChatPlatformError, attempt: int) -> float | None:
    """Seconds until a stream or socket that was lost is opened again; None: there is no sense in it."""
    if not is_passing(failure, safe=True):
        return None
    if isinstance(failure, APIError) and failure.retry_after is not None:
        return failure.retry_after
    return 0.0 if attempt == 0 else pause(attempt - 1)

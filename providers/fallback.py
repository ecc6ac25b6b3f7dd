"""Those who may answer a request, in order: the next one is asked when one fails before its first token."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

import structlog

from providers.base import (
    Provider,
    ProviderError,
    ProviderEvent,
    ProviderFault,
    ProviderRequest,
    ThreadNamed,
    UsageReported,
)
from providers.breaker import Breakers
from providers.directory import Route

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Candidate:
    route: Route
    provider: Provider | ProviderError | None
    """An error: it cannot even be asked. None: it is opened when its turn comes, since it may be taken back until then."""
    thread: str = ""
    """The vendor's id of this conversation, where it can be continued there."""


@dataclass(frozen=True, slots=True)
class Answering:
    """Who answers, when it is not the first candidate."""

    route: Route


class Chain:
    def __init__(
        self,
        candidates: Sequence[Candidate],
        *,
        open_later: Callable[[Route], Awaitable[Provider]],
        breakers: Breakers,
        prompt_tokens: int,
    ) -> None:
        """At least one candidate. `open_later` raises ProviderError for one that may no longer be asked. `prompt_tokens` is an
        estimate: who has no room for so many and an answer is passed over."""
        self._candidates = candidates
        self._open_later = open_later
        self._breakers = breakers
        self._prompt_tokens = prompt_tokens

    async def stream(self, request: ProviderRequest) -> AsyncGenerator[ProviderEvent | Answering, None]:
        """One provider's events (see `base.py`), with `Answering` before those of a later candidate.

        Raises the ProviderError of who had begun to answer; when nobody had, that of the first, who was meant.
        """
        first_error: ProviderError | None = None
        for candidate in self._candidates:
            try:
                provider = await self._admitted(candidate)
                fitted = self._fitted(request, candidate)
            except ProviderError as error:
                first_error = self._passed_over(candidate, error, first_error)
                continue
            async with aclosing(provider.stream(fitted)) as events:
                try:
                    beginning = await _until_first_word(events)
                except ProviderError as error:
                    await self._breakers.failed(candidate.route.provider_id, error)
                    first_error = self._passed_over(candidate, error, first_error)
                    continue
                await self._breakers.succeeded(candidate.route.provider_id)
                if first_error is not None:
                    yield Answering(candidate.route)
                for event in beginning:
                    yield event
                async for event in events:
                    yield event
            return
        assert first_error is not None
        raise first_error

    async def _admitted(self, candidate: Candidate) -> Provider:
        if isinstance(candidate.provider, ProviderError):
            raise candidate.provider
        closed_for = await self._breakers.seconds_closed_to(candidate.route.provider_id)
        if closed_for:
            raise ProviderError(
                ProviderFault.UNAVAILABLE, "it failed again and again, and is left alone for a while", retry_after=closed_for
            )
        return candidate.provider or await self._open_later(candidate.route)

    def _fitted(self, request: ProviderRequest, candidate: Candidate) -> ProviderRequest:
        """The same request to another: its model, its limits, its own thread."""
        route = candidate.route
        room = min(route.context_window - self._prompt_tokens, route.max_output)
        if room < min(request.max_tokens, 16):
            raise ProviderError(ProviderFault.REJECTED, "no room for the prompt and an answer")
        return replace(request, model=route.model, max_tokens=min(request.max_tokens, room), thread=candidate.thread)

    def _passed_over(self, candidate: Candidate, error: ProviderError, first: ProviderError | None) -> ProviderError:
        if candidate is not self._candidates[-1]:
            log.warning(
                "provider_passed_over", provider=candidate.route.provider_name, code=str(error.fault), detail=error.detail
            )
        return first or error


async def _until_first_word(events: AsyncGenerator[ProviderEvent, None]) -> list[ProviderEvent]:
    """What comes up to and with the first event that a person sees: until then somebody else can still be asked."""
    beginning: list[ProviderEvent] = []
    async for event in events:
        beginning.append(event)
        if not isinstance(event, ThreadNamed | UsageReported):
            break
    return beginning

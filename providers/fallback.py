"""Those who may answer a request, in order: the next one is asked when one fails before its first token."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
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
class Spoken:
    """Somebody who has begun to answer."""

    route: Route
    beginning: list[ProviderEvent]
    """Up to and with the first word."""
    events: AsyncGenerator[ProviderEvent, None]
    """What follows, straight from the provider. To be closed by whoever reads it."""


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

    async def ask(self, request: ProviderRequest) -> Spoken:
        """Returns with the first word that anybody says. Raises the first one's ProviderError, who was meant, when all fail."""
        first_error: ProviderError | None = None
        for candidate in self._candidates:
            try:
                provider = await self._admitted(candidate)
                events = provider.stream(self._fitted(request, candidate))
                beginning = await self._begin(candidate, events)
            except ProviderError as error:
                if candidate is not self._candidates[-1]:
                    _passed_over(candidate, error, kept=bool(request.conversation))
                first_error = first_error or error
            else:
                return Spoken(candidate.route, beginning, events)
        assert first_error is not None
        raise first_error

    async def _begin(self, candidate: Candidate, events: AsyncGenerator[ProviderEvent, None]) -> list[ProviderEvent]:
        try:
            beginning = await _until_first_word(events)
        except BaseException as error:
            await events.aclose()
            if isinstance(error, ProviderError):
                await self._breakers.failed(candidate.route.provider_id, error)
            raise
        await self._breakers.succeeded(candidate.route.provider_id)
        return beginning

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


def _passed_over(candidate: Candidate, error: ProviderError, *, kept: bool) -> None:
    """`kept`: it was asked in a conversation. Else nothing of it may stay, and a vendor may quote what it was asked."""
    detail = error.detail if kept else ""
    log.warning("provider_passed_over", provider=candidate.route.provider_name, code=str(error.fault), detail=detail)


async def _until_first_word(events: AsyncGenerator[ProviderEvent, None]) -> list[ProviderEvent]:
    """What comes up to and with the first event that a person sees: until then somebody else can still be asked."""
    beginning: list[ProviderEvent] = []
    async for event in events:
        beginning.append(event)
        if not isinstance(event, ThreadNamed | UsageReported):
            break
    return beginning

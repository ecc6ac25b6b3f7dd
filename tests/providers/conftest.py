"""A scripted vendor over loopback, and how tests talk to it."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from providers import upstream
from providers.adapters.openai_compatible import OpenAICompatible
from providers.base import (
    Endpoint,
    Finished,
    Limits,
    PromptMessage,
    ProviderError,
    ProviderEvent,
    ProviderRequest,
    ReasoningDelta,
    TextDelta,
    UsageReported,
)
from tests.vendors.upstream import Upstream, running_upstream

KEY = "sk-canary-4f9d2c7e8a1b"


@dataclass
class Heard:
    """What a caller saw of one answer."""

    events: list[ProviderEvent] = field(default_factory=list)
    error: ProviderError | None = None

    @property
    def text(self) -> str:
        return "".join(event.text for event in self.events if isinstance(event, TextDelta))

    @property
    def reasoning(self) -> str:
        return "".join(event.text for event in self.events if isinstance(event, ReasoningDelta))

    @property
    def usage(self) -> UsageReported | None:
        return next((event for event in self.events if isinstance(event, UsageReported)), None)

    @property
    def finished(self) -> Finished | None:
        last = self.events[-1] if self.events else None
        return last if isinstance(last, Finished) else None


class Vendor:
    def __init__(self, url: str, server: Upstream) -> None:
        self.url = url
        self.server = server

    def provider(self, **limits: float) -> OpenAICompatible:
        endpoint = Endpoint(self.url, KEY, trusted=True, limits=Limits(**limits))  # type: ignore[arg-type]
        return OpenAICompatible(endpoint)

    async def ask(self, model: str, *, content: str = "hello", max_tokens: int = 100_000, **limits: float) -> Heard:
        """One answer to its end, in a loop that leaves nothing open."""
        heard = Heard()
        try:
            async for event in self.provider(**limits).stream(request(model, content=content, max_tokens=max_tokens)):
                heard.events.append(event)
        except ProviderError as error:
            heard.error = error
        finally:
            await upstream.close()
        return heard


def request(model: str, *, content: str = "hello", max_tokens: int = 1000, temperature: float | None = None) -> ProviderRequest:
    messages = (PromptMessage("system", "Be brief."), PromptMessage("user", content))
    return ProviderRequest(model=model, messages=messages, max_tokens=max_tokens, temperature=temperature)


@pytest.fixture(scope="session")
def upstream_server() -> Iterator[tuple[str, Upstream]]:
    with running_upstream() as running:
        yield running


@pytest.fixture
def vendor(upstream_server: tuple[str, Upstream]) -> Vendor:
    url, server = upstream_server
    server.reset()
    return Vendor(url, server)

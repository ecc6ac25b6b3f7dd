"""A provider that says what a script tells it to: a real implementation of the boundary, in this process, for tests.

provider = ScriptedProvider(say("Hello"), wait(0.1), say(" world"), report(9, 2))
provider = ScriptedProvider(say("Hel"), fail(ProviderFault.CUT))
provider = ScriptedProvider(lambda request: [say(request.messages[-1].content)])
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from dataclasses import dataclass

from providers.base import (
    Finished,
    FinishReason,
    ProviderError,
    ProviderEvent,
    ProviderFault,
    ProviderRequest,
    ReasoningDelta,
    TextDelta,
    ThreadNamed,
    UsageReported,
)


@dataclass(frozen=True, slots=True)
class Wait:
    """Until so many seconds have passed, or until the event is set."""

    until: float | asyncio.Event


Step = ProviderEvent | ProviderError | Wait


def say(text: str) -> Step:
    return TextDelta(text)


def think(text: str) -> Step:
    return ReasoningDelta(text)


def wait(until: float | asyncio.Event) -> Step:
    return Wait(until)


def report(prompt_tokens: int, completion_tokens: int, *, cached_tokens: int = 0, reasoning_tokens: int = 0) -> Step:
    return UsageReported(prompt_tokens, completion_tokens, cached_tokens, reasoning_tokens)


def name_thread(thread: str) -> Step:
    return ThreadNamed(thread)


def finish(reason: FinishReason = FinishReason.STOP, model: str = "") -> Step:
    """Needed only for another ending than the ordinary one."""
    return Finished(reason, model)


def fail(fault: ProviderFault, detail: str = "", *, retryable: bool = False, retry_after: float | None = None) -> Step:
    return ProviderError(fault, detail, retryable=retryable, retry_after=retry_after)


class ScriptedProvider:
    """Plays the same script for every request, or what `script(request)` gives.

    `requests` are those that came, `active` the streams that run now, `hung_up` those that the caller closed before their end,
    `checks` how often it was asked whether it is there.
    """

    def __init__(
        self,
        *script: Step | Callable[[ProviderRequest], Iterable[Step]],
        models: tuple[str, ...] = (),
        check: ProviderError | None = None,
    ) -> None:
        """`check`: what asking whether it is there comes to; `models`: what it lists."""
        self._script = script
        self._models = models
        self._check = check
        self.checks = 0
        self.requests: list[ProviderRequest] = []
        self.active = 0
        self.hung_up = 0

    async def stream(self, request: ProviderRequest) -> AsyncGenerator[ProviderEvent, None]:
        self.requests.append(request)
        self.active += 1
        ended = False
        try:
            for step in self._steps(request):
                match step:
                    case Wait(asyncio.Event() as event):
                        await event.wait()
                    case Wait(float() | int() as seconds):
                        await asyncio.sleep(seconds)
                    case ProviderError():
                        ended = True
                        raise step
                    case Finished():
                        ended = True
                        yield step
                        return
                    case TextDelta() | ReasoningDelta() | UsageReported() | ThreadNamed():
                        yield step
            ended = True
            yield Finished(FinishReason.STOP, request.model)
        finally:
            self.active -= 1
            self.hung_up += not ended

    async def check(self) -> None:
        self.checks += 1
        if self._check is not None:
            raise self._check

    async def list_models(self) -> tuple[str, ...]:
        await self.check()
        return self._models

    def _steps(self, request: ProviderRequest) -> Sequence[Step]:
        steps: list[Step] = []
        for step in self._script:
            steps += step(request) if callable(step) else [step]
        return steps

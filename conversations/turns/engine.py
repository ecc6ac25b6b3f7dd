"""The heart: one assignment in, one ending out, the events in between into the log. Read this file first.

The engine knows no database and no connection of a client. It ends by itself, or by the cancellation of its task.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any, assert_never

import structlog

from conversations.models import Turn
from conversations.turns.log import TurnLog
from conversations.turns.request import Assignment, OpenedTurn
from conversations.turns.store import Ending, costs_nothing
from conversations.turns.usage import measure
from providers.base import (
    Finished,
    FinishReason,
    ProviderError,
    ProviderEvent,
    ReasoningDelta,
    TextDelta,
    ThreadNamed,
    UsageReported,
)
from providers.fallback import Chain
from providers.hygiene import storable
from providers.registry import Route
from providers.tokens import count_text

log = structlog.get_logger(__name__)


class Answer:
    """What an answer has come to. Kept apart from the task that writes it, so that a cancelled one can still be closed."""

    def __init__(self, assignment: Assignment[Any], turn_log: TurnLog) -> None:
        self.assignment = assignment
        self.log = turn_log
        self.route = assignment.routes[0]
        """Of who answers."""
        self.thread = ""
        """The vendor's id of this conversation, where it keeps one."""
        self.reasoning: list[str] = []
        self.reported: UsageReported | None = None
        self.finish = FinishReason.OTHER
        self.model = ""
        self._counted = 0
        """Tokens of what was said so far, but for the `_uncounted` rest."""
        self._uncounted: list[str] = []
        self._uncounted_length = 0
        self.first_token: float | None = None
        """Seconds from the beginning to the first token."""
        self._began = time.monotonic()

    async def write(self, chain: Chain, *, pass_on: Callable[[Route], Awaitable[None]]) -> Ending:
        """Asks, and keeps what is said. Every failure is an ending; only cancellation is raised.

        `pass_on` stores who answers, when it is another than who was meant, before anything that it says.
        """
        try:
            spoken = await chain.ask(self.assignment.request)
            async with aclosing(spoken.events) as events:
                if spoken.route is not self.route:
                    await pass_on(spoken.route)
                    self.route = spoken.route
                if all(self._take(event) for event in spoken.beginning):
                    async for event in events:
                        if not self._take(event):
                            break
        except ProviderError as error:
            return self.failed(str(error.fault), error.detail, error.retry_after)
        except Exception as error:
            log.exception("turn_broke", turn_id=str(self.assignment.opened.turn_id))
            return self.failed("internal", repr(error), None)
        return self.ending(Turn.State.COMPLETED, finish_reason=str(self.finish))

    def _take(self, event: ProviderEvent) -> bool:
        """Whether to go on."""
        match event:
            case TextDelta(text):
                if self.first_token is None:
                    self.first_token = time.monotonic() - self._began
                self.log.add_text(storable(text))
                return not self._overruns(text)
            case ReasoningDelta(text):
                self.reasoning.append(text)
                return not self._overruns(text)
            case UsageReported():
                self.reported = event
            case ThreadNamed(thread):
                self.thread = thread
            case Finished(reason, model):
                self.finish, self.model = reason, model
            case _:
                assert_never(event)
        return True

    def failed(self, code: str, detail: str, retry_after: float | None) -> Ending:
        kept = isinstance(self.assignment.opened, OpenedTurn)
        log.warning(
            "turn_failed",
            turn_id=str(self.assignment.opened.turn_id),
            provider=self.route.provider_name,
            code=code,
            detail=detail if kept else "",  # a vendor may quote what it was asked
        )
        return self.ending(Turn.State.FAILED, error_code=code, error_detail=storable(detail), retry_after=retry_after)

    def ending(self, state: str, **more: object) -> Ending:
        text = self.log.text
        usage = measure(
            reported=self.reported,
            prompt_estimate=self.assignment.prompt_tokens,
            text=text,
            model=self.route.model,
            reasoning="".join(self.reasoning),
        )
        return Ending(
            state=state,
            text=text,
            marks=self.log.marks.tobytes(),
            usage=usage,
            free=costs_nothing(state, text),
            model=storable(self.model),
            thread=self.thread if state == Turn.State.COMPLETED else "",
            **more,  # type: ignore[arg-type]
        )

    def _overruns(self, text: str) -> bool:
        """Whether the vendor goes on past the length it was given, which is all that was reserved.

        A character is hardly ever more than a token, so most answers are never counted here, and no part of one twice.
        """
        self._uncounted.append(text)
        self._uncounted_length += len(text)
        allowed = self.assignment.request.max_tokens
        allowed += allowed // 10 + 16  # our count is not the vendor's
        if self._uncounted_length < 64 or self._counted + self._uncounted_length <= allowed:
            return False
        self._counted += count_text("".join(self._uncounted), model=self.route.model)
        self._uncounted.clear()
        self._uncounted_length = 0
        if self._counted <= allowed:
            return False
        self.finish = FinishReason.LENGTH
        return True

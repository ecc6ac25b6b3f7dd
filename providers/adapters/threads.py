"""For vendors that keep conversations themselves: what is told to one that was there, and to one that was not.

A vendor that has the conversation (`request.thread`) is told the newest message alone. One that has not is told all of it, in
whatever way it takes a history; here is the way of the one that takes a single text.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson

from providers.adapters.streaming import StreamingAdapter
from providers.base import PromptMessage, ProviderError, ProviderFault, ProviderRequest
from providers.hygiene import storable

if TYPE_CHECKING:
    from providers.adapters.streaming import _Answer
    from providers.base import ProviderEvent

LONGEST_THREAD = 200
"""Characters of a conversation's id that can be kept. A longer one is not used: the next turn tells the vendor all again."""
NOBODY = "anonymous"
"""For vendors that insist on a user, when nobody says who asks."""


class ThreadLost(ProviderError):
    """The vendor does not know the conversation any more: it expired there, or somebody deleted it."""

    def __init__(self, detail: str) -> None:
        super().__init__(ProviderFault.REJECTED, detail)


class ThreadedAdapter(StreamingAdapter):
    """A vendor that keeps conversations. When it has lost one, it is told the whole of it and begins another."""

    async def _begin(self, request: ProviderRequest) -> tuple[_Answer, list[ProviderEvent]]:
        try:
            return await super()._begin(request)
        except ThreadLost:
            if not request.thread:
                raise
        return await super()._begin(replace(request, thread=""))

    async def list_models(self) -> tuple[str, ...]:
        """None: the key names an app or a bot, and whoever built that chose its model."""
        return ()


def thread_id(value: Any) -> str:
    """A vendor's id of a conversation; empty when there is none that can be kept."""
    return value if isinstance(value, str) and len(value) <= LONGEST_THREAD else ""


def question(request: ProviderRequest) -> str:
    """The newest message. (Instructions may stand after it.)"""
    said = _said(request)
    return said[-1].content if said else ""


def instructions(request: ProviderRequest) -> str:
    """What a model is told before the conversation."""
    return "\n\n".join(message.content for message in request.messages if message.role == "system")


def history(request: ProviderRequest) -> tuple[PromptMessage, ...]:
    """What was said before the newest message."""
    return _said(request)[:-1]


def _said(request: ProviderRequest) -> tuple[PromptMessage, ...]:
    return tuple(message for message in request.messages if message.role != "system")


def as_one_text(request: ProviderRequest) -> str:
    """Instructions, what was said before and the newest message; that one alone, when it is all.

    What was said before is JSON: however odd its text, it cannot pass for the instructions or for the newest message.
    """
    parts = []
    if told := instructions(request):
        parts.append(f"Instructions:\n{told}")
    if said := history(request):
        parts.append(f"The conversation so far, as JSON:\n{_as_json(said)}")
    if not parts:
        return question(request)
    return "\n\n".join([*parts, f"The message to answer:\n{question(request)}"])


def _as_json(messages: tuple[PromptMessage, ...]) -> str:
    said: list[dict[str, Any]] = [{"role": message.role, "content": storable(message.content)} for message in messages]
    return orjson.dumps(said).decode()

"""How a conversation wants its turns to be asked for, where a message does not say: what is in `Conversation.settings`. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from django.utils.translation import gettext as _

from chatplatform.core.errors import InvalidInput

SLIDING, FULL = "sliding", "full"
SHORTEST_CONTEXT, LONGEST_CONTEXT = 100, 10_000_000
MOST_TOKENS = 10_000_000


@dataclass(frozen=True, slots=True)
class Preferences:
    temperature: float | None = None
    max_tokens: int | None = None
    stream: bool | None = None
    """Kept for the client: it chooses by what it calls."""
    max_context_length: int | None = None
    """Tokens that a prompt may have; None: all that the model's window leaves."""
    include_document_metadata: bool = True
    """Whether the model is told a passage's title, author and page."""
    context_window_strategy: Literal["sliding", "full"] = "sliding"
    """Of what does not fit, `sliding` leaves out the oldest, and `full` refuses."""
    relevance_threshold: float = 0.3
    """0 to 1: passages below it are not shown to the model."""


def read_preferences(settings: Mapping[str, Any]) -> Preferences:
    """With the defaults filled in."""
    return Preferences(**{name: value for name, value in settings.items() if name in _RULES})


def merged(settings: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The stored settings with these changed; what is None goes back to its default. Raises InvalidInput, naming the setting."""
    result = dict(settings)
    for name, value in changes.items():
        if name not in _RULES:
            raise InvalidInput(field=name, issue=_("There is no such setting."))
        if value is None:
            result.pop(name, None)
        elif issue := _RULES[name](value):
            raise InvalidInput(field=name, issue=issue)
        else:
            result[name] = value
    return result


Rule = Callable[[Any], str]
"""What is wrong with a value; empty: nothing."""


def _number(least: float, most: float, *, whole: bool = False) -> Rule:
    def check(value: Any) -> str:
        is_number = isinstance(value, int) or (isinstance(value, float) and not whole)
        fits = is_number and not isinstance(value, bool) and least <= value <= most
        return "" if fits else _("Must be a number from {least} to {most}.").format(least=least, most=most)

    return check


def _flag(value: Any) -> str:
    return "" if isinstance(value, bool) else _("Must be true or false.")


def _strategy(value: Any) -> str:
    return "" if value in (SLIDING, FULL) else _("Must be one of: {names}.").format(names=f"{SLIDING}, {FULL}")


_RULES: Mapping[str, Rule] = {
    "temperature": _number(0, 2),
    "max_tokens": _number(1, MOST_TOKENS, whole=True),
    "stream": _flag,
    "max_context_length": _number(SHORTEST_CONTEXT, LONGEST_CONTEXT, whole=True),
    "include_document_metadata": _flag,
    "context_window_strategy": _strategy,
    "relevance_threshold": _number(0, 1),
}

"""InvalidInput
    ├── UnknownModel            neither a model of a provider nor an alias
    └── BadProvidersFile        providers.toml says what cannot be (problems)
NotFound
    ├── ProviderNotFound        none of that id that this person may see
    └── AgentNotFound
NotAllowed
    └── ProviderNotAccessible   asked for in a chat: unknown and somebody else's alike
Unavailable
    └── ProviderSwitchedOff     there is one, but it may not be asked now
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from chatplatform.core.errors import InvalidInput, NotAllowed, NotFound, Unavailable


class UnknownModel(InvalidInput):
    """There is no such model."""

    def __init__(self, model: str) -> None:
        super().__init__(field="model", issue=_("There is no such model."))
        self.model = model


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong in providers.toml, and where."""

    line: int | None
    """From 1; None: of the file as a whole."""
    reason: str

    def __str__(self) -> str:
        return self.reason if self.line is None else _("line %(line)d: %(reason)s") % {"line": self.line, "reason": self.reason}


class BadProvidersFile(InvalidInput):
    """The file of providers cannot be used; nothing was changed."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(field="providers.toml", issue="; ".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


class ProviderNotFound(NotFound):
    """There is no such provider."""


class AgentNotFound(NotFound):
    """There is no such agent."""


class ProviderNotAccessible(NotAllowed):
    """This provider is not yours to use."""


class ProviderSwitchedOff(Unavailable):
    """The model's provider is switched off."""

    def __init__(self) -> None:
        super().__init__(retry_after=60)

"""The errors that a route can answer: most follow from its row in the table, the rest its view names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from uuid import UUID

from chatplatform.contracts.contract import Contract, Route
from chatplatform.contracts.openapi.describing import Operation
from chatplatform.core import errors as core
from conversations.errors import ConversationBusy
from providers.errors import BadProvidersFile, Problem, UnknownModel
from quotas.errors import AllowanceUsedUp

ANYWHERE: tuple[type[core.DomainError], ...] = (
    core.UnknownHost,
    core.NotAcceptable,
    core.InvalidInput,  # a query that nobody could read, or a parameter
    core.RateLimited,
    core.DatabaseAway,
    core.CacheAway,
    core.DomainError,
)
WITH_A_BODY: tuple[type[core.DomainError], ...] = (core.BodyTooLarge, core.BodyTooSlow)
WITH_JSON: tuple[type[core.DomainError], ...] = (core.MalformedBody, core.UnsupportedMediaType)

_TURN = UUID("550e8400-e29b-41d4-a716-446655440040")
_SAMPLES: Mapping[type[core.DomainError], Callable[[], core.DomainError]] = {
    core.InvalidInput: lambda: core.InvalidInput(field="username"),
    core.UnknownHost: lambda: core.UnknownHost(field="Host"),
    core.AlreadyTaken: lambda: core.AlreadyTaken(field="username"),
    core.KeyReused: lambda: core.KeyReused(field="Idempotency-Key"),
    core.RateLimited: lambda: core.RateLimited(retry_after=42),
    core.LockedOut: lambda: core.LockedOut(retry_after=900),
    core.VendorFailed: lambda: core.VendorFailed(turn_id=_TURN, retry_after=20),
    core.Draining: lambda: core.Draining(retry_after=5),
    ConversationBusy: lambda: ConversationBusy(_TURN),
    UnknownModel: lambda: UnknownModel("gpt-9"),
    BadProvidersFile: lambda: BadProvidersFile([Problem(7, "base_url")]),
    AllowanceUsedUp: lambda: AllowanceUsedUp(period="day", kind="requests", retry_after=3600),
}
"""Of those that say more than their name."""


def sample(kind: type[core.DomainError]) -> core.DomainError:
    """One, in the language of the moment."""
    return _SAMPLES.get(kind, kind)()


def refusals_of(route: Route, operation: Operation, contract: Contract) -> tuple[type[core.DomainError], ...]:
    """In the order of their statuses."""
    found = dict.fromkeys((*operation.errors, *ANYWHERE))
    if not route.public:
        found |= dict.fromkeys((core.NotSignedIn, core.TokenExpired))
    if route.method != "GET":
        found |= dict.fromkeys(WITH_A_BODY)
    if operation.request is not None:
        found |= dict.fromkeys(WITH_JSON)
    found |= {contract.document.parts[name].missing: None for name in route.names}
    return tuple(sorted(found, key=lambda kind: contract.errors.row_for(kind).status))

"""From whatever was raised to what a client reads: any exception becomes a domain error, a domain error becomes a row of the
contract's table, looked up along the class tree, and the contract's own shape makes it JSON."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import redis.exceptions
from django.core import exceptions as django_errors
from django.db import InterfaceError, OperationalError
from django.http import Http404
from django.utils.translation import gettext as _
from rest_framework import exceptions as drf_errors

from chatplatform.core.errors import (
    BodyTooLarge,
    CacheAway,
    DatabaseAway,
    DomainError,
    InvalidInput,
    MalformedBody,
    MethodNotAllowed,
    NotAcceptable,
    NotAllowed,
    NotFound,
    NotSignedIn,
    RetryLater,
    UnknownHost,
    UnsupportedMediaType,
)

SOON = 5
"""Seconds: when to come back where a contract's status promises an answer to that, and nobody has said (a vendor that failed)."""


@dataclass(frozen=True, slots=True)
class ErrorRow:
    status: int
    code: str
    headers: tuple[tuple[str, str], ...] = ()
    """Beside those that follow from the status."""


class ErrorTable:
    """What a contract calls each domain error. A class without a row of its own has its nearest ancestor's."""

    def __init__(self, rows: Mapping[type[DomainError], ErrorRow]) -> None:
        if DomainError not in rows:
            raise ValueError("The table needs a row for DomainError: it is what anything unexpected becomes.")
        self._rows = dict(rows)

    def stated_for(self, kind: type[DomainError]) -> type[DomainError]:
        """The class whose row `kind` has: itself or an ancestor."""
        return next(ancestor for ancestor in kind.__mro__ if ancestor in self._rows)

    def row_for(self, kind: type[DomainError]) -> ErrorRow:
        return self._rows[self.stated_for(kind)]

    def codes(self) -> tuple[str, ...]:
        return tuple(sorted({row.code for row in self._rows.values()}))


@dataclass(frozen=True, slots=True)
class WireError:
    """An error with everything that any contract's shape may want of it."""

    status: int
    code: str
    message: str
    field: str
    """Empty where no field is to blame."""
    issue: str
    fields: Mapping[str, Sequence[str]]
    """All fields that are to blame, with all that is wrong with each."""
    retry_after: int | None
    """Whole seconds, at least 1."""
    turn_id: str | None
    """The turn that is already running, for a conflict; that failed, for a failure of its vendor."""
    text_kept: bool
    """Whether that turn's answer had begun and is in the history."""
    own_headers: tuple[tuple[str, str], ...]
    """Of its row in the table."""

    @classmethod
    def of(cls, error: DomainError, table: ErrorTable) -> WireError:
        row = table.row_for(type(error))
        seconds = getattr(error, "retry_after", None)
        if seconds is None and row.status in (429, 503):
            seconds = SOON
        turn_id = getattr(error, "turn_id", None)
        return cls(
            status=row.status,
            code=row.code,
            message=error.message,
            field=error.field if isinstance(error, InvalidInput) else "",
            issue=error.issue if isinstance(error, InvalidInput) else "",
            fields=error.fields if isinstance(error, InvalidInput) else {},
            retry_after=None if seconds is None else max(1, math.ceil(seconds)),
            turn_id=None if turn_id is None else str(turn_id),
            text_kept=getattr(error, "text_kept", False),
            own_headers=row.headers,
        )

    def headers(self) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = [*self.own_headers]
        if self.retry_after is not None:
            found.append(("Retry-After", str(self.retry_after)))
        if self.status == 401:
            found.append(("WWW-Authenticate", "Bearer"))
        if self.status == 426:
            found.append(("Upgrade", "websocket"))
        return found


def coded_error(error: WireError, *, issue: str) -> dict[str, Any]:
    """`{code, message, details?}`: `details` holds what there is of field, issue (by the contract's own name for it), turn and
    time to wait."""
    found: dict[str, Any] = {"code": error.code, "message": error.message}
    details: dict[str, Any] = {}
    if error.field or error.issue:
        details |= {"field": error.field, issue: error.issue}
    if error.turn_id:
        details["turn_id"] = error.turn_id
    if error.text_kept:
        details["text_kept"] = True
    if error.retry_after is not None:
        details["retry_after"] = error.retry_after
    if details:
        found["details"] = details
    return found


def as_domain_error(error: BaseException) -> DomainError:
    """The domain error that `error` is or means. A bare `DomainError` is what nobody expected: log its cause."""
    match error:
        case DomainError():
            return error
        case drf_errors.ValidationError():
            return invalid_input(error.detail)
        case drf_errors.ParseError() | django_errors.BadRequest():
            return MalformedBody()
        case drf_errors.NotAuthenticated() | drf_errors.AuthenticationFailed():
            return NotSignedIn()
        case drf_errors.PermissionDenied() | django_errors.PermissionDenied():
            return NotAllowed()
        case Http404() | drf_errors.NotFound():
            return NotFound()
        case drf_errors.MethodNotAllowed():
            return MethodNotAllowed()
        case drf_errors.NotAcceptable():
            return NotAcceptable()
        case drf_errors.UnsupportedMediaType():
            return UnsupportedMediaType()
        case django_errors.RequestDataTooBig():
            return BodyTooLarge()
        case django_errors.TooManyFieldsSent():
            return InvalidInput(issue=_("Too many fields or parameters."))
        case django_errors.DisallowedHost():
            return UnknownHost(field="Host")
        case django_errors.SuspiciousOperation():
            return MalformedBody()
        case django_errors.ValidationError():
            return InvalidInput(issue=" ".join(error.messages))
        case OperationalError() | InterfaceError():
            return DatabaseAway()
        case redis.exceptions.ConnectionError() | redis.exceptions.TimeoutError():
            return CacheAway()
        case _:
            return DomainError()


def is_unexpected(error: DomainError) -> bool:
    """Whether `as_domain_error` found no meaning in what was raised."""
    return type(error) in (DomainError, RetryLater)


def problems(detail: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Field and issue of each complaint in DRF's nested lists and dicts; a nested field is `outer.inner`."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            step = path if name == "non_field_errors" else f"{path}.{name}" if path else str(name)
            yield from problems(inner, step)
    elif isinstance(detail, list | tuple):
        for index, inner in enumerate(detail):
            yield from problems(inner, f"{path}.{index}" if isinstance(inner, Mapping) and path else path)
    elif detail:
        yield path, str(detail)


def invalid_input(detail: Any) -> InvalidInput:
    """The domain error that DRF's complaints are: the first one, and with it all."""
    found = list(problems(detail))
    field, issue = found[0] if found else ("", "")
    fields: dict[str, list[str]] = {}
    for name, complaint in found:
        fields.setdefault(name, []).append(complaint)
    return InvalidInput(field=field, issue=issue, fields=fields)

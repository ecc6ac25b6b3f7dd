"""Everything that can be refused or go wrong, as one tree. No HTTP here: each contract names and numbers these in its own table.

    DomainError
    ├── InvalidInput            a value that breaks a rule (field, issue)
    │   ├── MalformedBody       not JSON, too deep, not text
    │   ├── UnknownHost         the request names a host that is not ours
    │   ├── SocketProtocolError a message over a socket that is not one of its protocol
    │   ├── AlreadyTaken        the name or the address belongs to somebody
    │   └── KeyReused           an idempotency key came back with another body
    ├── NotSignedIn
    │   ├── TokenExpired
    │   └── WrongCredentials
    ├── NotAllowed              signed in, but not permitted
    ├── NotFound
    ├── Conflict                the state of the thing forbids it now
    ├── RetryLater              it may go well at another time (retry_after)
    │   ├── RateLimited         too many requests in a time
    │   │   └── LockedOut       too many wrong passwords for this name from this place
    │   ├── QuotaExceeded       an allowance is used up
    │   └── Unavailable         something of ours is away for now
    │       ├── DatabaseAway
    │       ├── CacheAway
    │       └── Draining        this process is being shut down
    ├── ContextTooLong          does not fit the model's window
    ├── VendorFailed            the vendor failed, before its first token or in the middle (turn_id, text_kept, retry_after)
    ├── MethodNotAllowed
    ├── NotAcceptable
    ├── BodyTooLarge
    ├── BodyTooSlow
    ├── UnsupportedMediaType
    └── UpgradeRequired         a WebSocket lives here

The domain apps grow the tree in their own `errors.py`. The docstring of an error is its message.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from django.utils.translation import gettext


class DomainError(Exception):
    """Something went wrong."""

    def __init__(self, message: str | None = None) -> None:
        self._message = message
        super().__init__(message or type(self).__doc__)

    @property
    def message(self) -> str:
        """What a person reads, in the language of the request."""
        if self._message is not None:
            return str(self._message)
        return gettext((type(self).__doc__ or "").strip())


class InvalidInput(DomainError):
    """The input is not valid."""

    def __init__(
        self,
        message: str | None = None,
        *,
        field: str = "",
        issue: str = "",
        fields: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        super().__init__(message)
        self.field = field
        self.issue = issue or self.message
        self.fields = fields or ({field: [self.issue]} if field else {})
        """All that is wrong, by field: `field` is the first of them."""


class MalformedBody(InvalidInput):
    """The body of the request is malformed."""


class UnknownHost(InvalidInput):
    """This host name is not served here."""


class SocketProtocolError(InvalidInput):
    """This is not a message of the socket's protocol."""


class AlreadyTaken(InvalidInput):
    """The name or address is already taken."""


class KeyReused(InvalidInput):
    """The idempotency key was used with another body."""


class NotSignedIn(DomainError):
    """Authentication is required."""


class TokenExpired(NotSignedIn):
    """The token has expired."""


class WrongCredentials(NotSignedIn):
    """The username or password is wrong."""


class NotAllowed(DomainError):
    """You are not allowed to do this."""


class NotFound(DomainError):
    """The resource does not exist."""


class Conflict(DomainError):
    """The request conflicts with the current state."""


class RetryLater(DomainError):
    """Please try again later."""

    def __init__(self, message: str | None = None, *, retry_after: float = 1) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        """Seconds until trying again makes sense."""


class RateLimited(RetryLater):
    """Too many requests, please try again later."""


class LockedOut(RateLimited):
    """Too many failed attempts, please try again later."""

    def __init__(self, message: str | None = None, *, retry_after: float = 1, first: bool = False) -> None:
        super().__init__(message, retry_after=retry_after)
        self.first = first
        """Whether this is the first attempt that was refused, which is worth a record; the rest are not."""


class QuotaExceeded(RetryLater):
    """The quota is used up."""


class ContextTooLong(DomainError):
    """The message does not fit the model's context."""


class VendorFailed(DomainError):
    """The model's provider failed to answer."""

    def __init__(
        self,
        message: str | None = None,
        *,
        retry_after: float | None = None,
        turn_id: UUID | None = None,
        text_kept: bool = False,
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.turn_id = turn_id
        """The turn that failed, where there is one already."""
        self.text_kept = text_kept
        """Whether the answer had begun: what there is of it is in the history."""

    @property
    def message(self) -> str:
        if self.text_kept and self._message is None:
            return gettext("The model's provider failed to finish the answer; the text so far is kept.")
        return super().message


class MethodNotAllowed(DomainError):
    """This method is not allowed here."""


class NotAcceptable(DomainError):
    """The requested version is not available."""


class BodyTooLarge(DomainError):
    """The body of the request is too large."""


class BodyTooSlow(DomainError):
    """The body of the request did not arrive in time."""


class UnsupportedMediaType(DomainError):
    """This content type is not supported."""


class UpgradeRequired(DomainError):
    """A WebSocket is spoken at this address."""


class Unavailable(RetryLater):
    """The service is temporarily unavailable."""


class DatabaseAway(Unavailable):
    """The database is temporarily unavailable."""


class CacheAway(Unavailable):
    """The cache is temporarily unavailable."""


class Draining(Unavailable):
    """The server is being restarted."""

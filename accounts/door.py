"""The one door for REST, streams and sockets: credentials in, a Principal out.

`authenticate` looks once, when a request comes. What stays open (a stream, a socket) asks `recheck` every second or two.
Both are blocking, and almost always without a query: see `accounts.feed`.
"""

import time
from dataclasses import dataclass

from django.db import InterfaceError, OperationalError

from accounts import api_keys, tokens
from accounts.feed import Standing, feed
from accounts.principal import Principal
from chatplatform.core.errors import DatabaseAway, NotSignedIn, TokenExpired


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request carries. A cookie or a socket ticket would be further fields."""

    bearer: str = ""
    """Of `Authorization: Bearer`, without that word: a JWT or an API key."""
    api_key: str = ""
    """Of `X-API-Key`. Not looked at when there is a bearer."""


def authenticate(credentials: Credentials) -> Principal:
    """Raises NotSignedIn, TokenExpired, or DatabaseAway: who cannot be checked does not come in."""
    try:
        if credentials.bearer and not api_keys.looks_like_key(credentials.bearer):
            return _by_token(credentials.bearer)
        presented = credentials.bearer or credentials.api_key
        if not presented:
            raise NotSignedIn
        return _by_key(presented)
    except (OperationalError, InterfaceError) as error:
        raise DatabaseAway(retry_after=1) from error


def recheck(principal: Principal) -> None:
    """Raises TokenExpired, or NotSignedIn when the session or key was revoked, its user suspended, or her role changed.

    Raises DatabaseAway when that cannot be known now; what is open may go on and ask again.
    """
    if principal.expires_at is not None and principal.expires_at <= time.time():
        raise TokenExpired
    try:
        if principal.api_key_id is not None:
            standing = feed.api_key(principal.api_key_id)
        elif principal.session_id is not None:
            standing = feed.session(principal.session_id)
        elif principal.is_guest:
            standing = feed.guest()
        else:
            standing = None
    except (OperationalError, InterfaceError) as error:
        raise DatabaseAway(retry_after=1) from error
    if standing is None or standing.role != principal.role:
        raise NotSignedIn


def _by_token(text: str) -> Principal:
    claims = tokens.read_access(text)
    standing = feed.session(claims.session_uuid)
    if standing is None or standing.user_uuid != claims.user_uuid:
        raise NotSignedIn
    return standing.principal(session_id=claims.session_uuid, expires_at=claims.expires_at)


def _by_key(text: str) -> Principal:
    key_id = api_keys.find(text)
    standing: Standing | None = feed.api_key(key_id) if key_id is not None else None
    if standing is None or key_id is None:
        raise NotSignedIn
    return standing.principal(api_key_id=key_id, expires_at=standing.ends_at)

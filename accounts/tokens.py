"""JWTs, minted and verified by simplejwt. What they claim is `sub` (the user's UUID), `sid` (the session's UUID), and simplejwt's
own `token_type`, `jti`, `iat`, `exp`. Whether the session still lives is not in here: see `accounts.feed`.
"""

import time
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from uuid import UUID

from django.conf import settings
from rest_framework_simplejwt import tokens as simplejwt
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import ExpiredTokenError, TokenError
from rest_framework_simplejwt.settings import api_settings

from chatplatform.core.errors import NotSignedIn, TokenExpired

LONGEST_TOKEN = 4096
MOST_REMEMBERED = 4096


@dataclass(frozen=True, slots=True)
class Claims:
    user_uuid: UUID
    session_uuid: UUID
    jti: UUID
    expires_at: float
    """Seconds since 1970."""


def mint_access(*, user_uuid: UUID, session_uuid: UUID, now: datetime, session_ends_at: datetime) -> tuple[str, int]:
    """An access token and the whole seconds it lives: 30 minutes, or less when the session ends before."""
    lifetime = min(settings.ACCESS_TOKEN_LIFETIME, session_ends_at - now)
    token = simplejwt.AccessToken()
    token["sub"], token["sid"] = str(user_uuid), str(session_uuid)
    token.set_exp(from_time=now, lifetime=lifetime)
    return str(token), int(lifetime.total_seconds())


def mint_refresh(*, user_uuid: UUID, session_uuid: UUID, jti: UUID, expires_at: datetime) -> str:
    token = simplejwt.RefreshToken()
    token["sub"], token["sid"], token["jti"] = str(user_uuid), str(session_uuid), jti.hex
    token["exp"] = int(expires_at.timestamp())
    return str(token)


def read_access(text: str) -> Claims:
    """Raises TokenExpired or NotSignedIn."""
    claims = _verified_access(text)
    if claims.expires_at <= time.time():
        raise TokenExpired
    return claims


def read_access_of_any_age(text: str) -> Claims:
    """The same for a token whose half hour may be over, by no more than a session lasts without a refresh: only for asking
    whether its session may have another one. Raises TokenExpired or NotSignedIn."""
    return _read(_AgedAccessToken, text)


def read_refresh(text: str) -> Claims:
    """Raises TokenExpired or NotSignedIn."""
    return _read(simplejwt.RefreshToken, text)


@lru_cache(maxsize=MOST_REMEMBERED)
def _verified_access(text: str) -> Claims:
    """A token comes with every request of its half hour: its signature and its claims stay what they are, only time goes on."""
    return _read(simplejwt.AccessToken, text)


class _AgedAccessToken(simplejwt.AccessToken):
    """Everything of an access token is verified, its end with a tolerance."""

    @property
    def token_backend(self) -> TokenBackend:
        return _lenient_backend()


@cache
def _lenient_backend() -> TokenBackend:
    return TokenBackend(
        api_settings.ALGORITHM,
        api_settings.SIGNING_KEY,
        api_settings.VERIFYING_KEY,
        api_settings.AUDIENCE,
        api_settings.ISSUER,
        leeway=settings.REFRESH_TOKEN_LIFETIME,
    )


def _read(kind: type[simplejwt.Token], text: str) -> Claims:
    if len(text) > LONGEST_TOKEN:
        raise NotSignedIn
    try:
        token = kind(text)  # type: ignore[arg-type]  # simplejwt's annotation says Token, it takes the text
        return Claims(
            user_uuid=_uuid(token["sub"]),
            session_uuid=_uuid(token["sid"]),
            jti=_uuid(token["jti"]),
            expires_at=float(token["exp"]),
        )
    except ExpiredTokenError as error:
        raise TokenExpired from error
    except (TokenError, KeyError, ValueError, TypeError, ArithmeticError, OSError, RecursionError) as error:
        # Beside TokenError: an `exp` that no clock reaches (OverflowError, ValueError, OSError, by its size), text that is no
        # UTF-8 (UnicodeError), a header nested a thousand deep, which is parsed before the signature is looked at.
        raise NotSignedIn from error


def _uuid(claim: object) -> UUID:
    if not isinstance(claim, str):
        raise TypeError("not text")
    return UUID(claim)

"""Sessions: started by a log-in, carried on by refresh tokens of which each is good once, ended by log-out or suspicion."""

import uuid
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Least, Now
from django.utils import timezone

from accounts import tokens
from accounts.feed import feed
from accounts.models import Session, User
from accounts.principal import Principal
from chatplatform.core import audit
from chatplatform.core.errors import NotSignedIn, TokenExpired
from chatplatform.core.origin import Origin

KEPT_AFTER_THE_END = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class SignedIn:
    user: User
    access_token: str
    refresh_token: str
    """Empty where the session keeps the one that it has."""
    expires_in: int
    """Whole seconds that the access token lives."""


def start(*, user: User, origin: Origin) -> SignedIn:
    """A new session of `user`, whom the caller knows to be herself. In the caller's transaction."""
    now = timezone.now()
    session = Session.objects.create(
        user=user,
        refresh_jti=uuid.uuid4(),
        expires_at=now + min(settings.REFRESH_TOKEN_LIFETIME, settings.SESSION_LIFETIME),
        ends_at=now + settings.SESSION_LIFETIME,
        address=origin.address[:64],
        user_agent=origin.user_agent.encode("utf-8", "replace").decode().replace("\x00", "")[:300],
    )
    return _signed_in(session=session, user=user, now=now)


def refresh(*, refresh_token: str, origin: Origin) -> SignedIn:
    """The next pair of tokens of a session. The token that was given is good no more.

    A genuine refresh token that is not the current one was used twice, by its owner and by a thief: nobody can say who is who, so
    the whole session ends. There is no time of grace. Raises TokenExpired or NotSignedIn.
    """
    claims = tokens.read_refresh(refresh_token)
    now = timezone.now()
    with transaction.atomic():
        # One conditional UPDATE on this table's own columns. Of many at once the first moves the row, and the others, which
        # waited for it, look at the moved row again. (A join would become a subquery, which PostgreSQL does not look at again.)
        moved = Session.objects.filter(
            uuid=claims.session_uuid, refresh_jti=claims.jti, revoked_at=None, ends_at__gt=now
        ).update(
            refresh_jti=uuid.uuid4(), refreshed_at=now, expires_at=Least(now + settings.REFRESH_TOKEN_LIFETIME, F("ends_at"))
        )  # fmt: skip
        session = Session.objects.select_related("user").filter(uuid=claims.session_uuid).first()
        good = moved == 1 and session is not None and session.user.is_active and session.user.uuid == claims.user_uuid
        if not good:
            transaction.set_rollback(True)
    if session is not None and good:
        return _signed_in(session=session, user=session.user, now=now)
    if session is not None and session.revoked_at is None and session.refresh_jti != claims.jti and not moved:
        _end_reused(session=session, origin=origin)
    raise NotSignedIn


def renew(*, token: str, origin: Origin) -> SignedIn:
    """New tokens for whichever of a session's two kinds of token this is. Raises TokenExpired or NotSignedIn.

    A refresh token is used up, as in `refresh`. An access token, expired or not, gets another access token while its session
    lasts by its refresh token; that one stays as it is and is not told, so whoever found an access token gains nothing longer.
    """
    try:
        claims = tokens.read_access_of_any_age(token)
    except NotSignedIn:
        return refresh(refresh_token=token, origin=origin)
    now = timezone.now()
    session = (
        Session.objects.select_related("user")
        .filter(uuid=claims.session_uuid, revoked_at=None, user__uuid=claims.user_uuid, user__is_active=True)
        .first()
    )
    if session is None:
        raise NotSignedIn
    if min(session.expires_at, session.ends_at) <= now:
        raise TokenExpired
    return replace(_signed_in(session=session, user=session.user, now=now), refresh_token="")


def log_out(*, principal: Principal, origin: Origin) -> None:
    """Ends the session that the caller's token belongs to. An API key has none, and stays until it is revoked."""
    if principal.session_id is None:
        return
    with transaction.atomic():
        if end(Session.objects.filter(uuid=principal.session_id, user_id=principal.user_id), why="log_out"):
            audit.record(action="session.ended", actor_id=principal.user_id, target=str(principal.session_id), origin=origin)


def end_all_sessions(*, user_id: int, why: str = "ended", but: uuid.UUID | None = None) -> int:
    """Ends all sessions of a user, except `but`; how many there were. API keys are not sessions."""
    hers = Session.objects.filter(user_id=user_id)
    return end(hers if but is None else hers.exclude(uuid=but), why=why)


def end(sessions: QuerySet[Session], *, why: str) -> int:
    """Ends these sessions; how many lived. Their tokens die within a second, in every process: see `accounts.feed`."""
    ended = sessions.filter(revoked_at=None).update(revoked_at=Now(), revoked_why=why)
    transaction.on_commit(feed.ask_soon)
    return ended


def purge() -> int:
    """Deletes sessions whose last refresh token ended a day ago. Their tokens are refused with or without the row."""
    deleted, _kinds = Session.objects.filter(expires_at__lt=timezone.now() - KEPT_AFTER_THE_END).delete()
    return deleted


def _end_reused(*, session: Session, origin: Origin) -> None:
    with transaction.atomic():
        if end(Session.objects.filter(id=session.id), why="reused"):
            audit.record(
                action="session.reused", actor_id=session.user_id, target=str(session.uuid), outcome="refused", origin=origin
            )


def _signed_in(*, session: Session, user: User, now: datetime) -> SignedIn:
    access_token, expires_in = tokens.mint_access(
        user_uuid=user.uuid, session_uuid=session.uuid, now=now, session_ends_at=session.ends_at
    )
    refresh_token = tokens.mint_refresh(
        user_uuid=user.uuid, session_uuid=session.uuid, jti=session.refresh_jti, expires_at=session.expires_at
    )
    return SignedIn(user=user, access_token=access_token, refresh_token=refresh_token, expires_in=expires_in)

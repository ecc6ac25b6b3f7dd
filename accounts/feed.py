"""Who still has standing: sessions and keys as this process knows them, never more than half a second old.

A request costs no query here. What a session or key stands for is loaded when it is first seen; after that ONE query a process
and half-second asks the database what was revoked, changed or deleted since, and forgets that. On its next use it is loaded
again.

Every query looks back `OVERLAP` beyond the query before it. A row gets its time when its statement runs, but can be seen only
when its transaction commits, and the two are not in the same order: a revocation stamped 12:00:00.0 may appear after one stamped
12:00:00.4. The overlap catches each transaction that took less than ten seconds from that statement to its commit; ours take
milliseconds. It also catches the thread that read a row just before its revocation and kept it just after. For what is slower
(somebody in psql with an open transaction), nothing is kept longer than `LONGEST_KEPT`.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from django.db import connection
from django.db.models import DateTimeField, F, Value

from accounts.models import ApiKey, Session, User
from accounts.principal import GUEST, Principal

EVERY_SECONDS = 0.5
OVERLAP = timedelta(seconds=10)
LONGEST_KEPT = 60.0
MOST_KEPT = 50_000

_CHANGES = """
    SELECT 'now', '', statement_timestamp()
    UNION ALL SELECT 'session', uuid::text, revoked_at FROM accounts_session WHERE revoked_at >= %(since)s
    UNION ALL SELECT 'key', id::text, revoked_at FROM accounts_apikey WHERE revoked_at >= %(since)s
    UNION ALL SELECT 'user', id::text, updated_at FROM accounts_user WHERE updated_at >= %(since)s
    UNION ALL SELECT 'user', target, at FROM core_auditevent WHERE action = 'user.deleted' AND at >= %(since)s
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a session or an API key stands for."""

    user_id: int
    user_uuid: UUID
    username: str
    role: str
    tier: str
    ends_at: float | None
    """Seconds since 1970; None for a key without an end."""
    kept_since: float
    """Of the monotonic clock."""

    def principal(
        self, *, session_id: UUID | None = None, api_key_id: int | None = None, expires_at: float | None = None
    ) -> Principal:
        """Who comes with it."""
        return Principal(
            user_id=self.user_id,
            user_uuid=self.user_uuid,
            username=self.username,
            role=self.role,
            tier=self.tier,
            session_id=session_id,
            api_key_id=api_key_id,
            expires_at=expires_at,
        )


Key = TypeVar("Key", UUID, int)


class Feed:
    """One a process. Thread-safe. Raises the database's own errors."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sessions: dict[UUID, Standing] = {}
        self._keys: dict[int, Standing] = {}
        self._guests: dict[UUID, Standing] = {}
        """By the public id of their account: there is one."""
        self._seen_until: datetime | None = None
        """Of the database's clock: what it had when it was last asked."""
        self._asked_at = float("-inf")

    def session(self, session_uuid: UUID) -> Standing | None:
        """None when it was revoked, has ended, never was, or its user is suspended or gone."""
        return self._standing(self._sessions, session_uuid, _load_session)

    def api_key(self, api_key_id: int) -> Standing | None:
        return self._standing(self._keys, api_key_id, _load_key)

    def guest(self) -> Standing | None:
        """What comes without credentials; None when there is no account for it, or it is suspended."""
        return self._standing(self._guests, GUEST, _load_guest)

    def ask_soon(self) -> None:
        """The next use in this process asks at once: it was this process that changed something."""
        self._asked_at = float("-inf")

    def _standing(self, kept: dict[Key, Standing], key: Key, load: Callable[[Key], Standing | None]) -> Standing | None:
        self._catch_up()
        standing = kept.get(key)
        if standing is None or standing.kept_since < time.monotonic() - LONGEST_KEPT:
            standing = load(key)
            if standing is None:
                kept.pop(key, None)
                return None
            if len(kept) >= MOST_KEPT:
                kept.clear()
            kept[key] = standing
        if standing.ends_at is not None and standing.ends_at <= time.time():
            return None
        return standing

    def _catch_up(self) -> None:
        if time.monotonic() - self._asked_at < EVERY_SECONDS:
            return
        with self._lock:
            # Whoever waited here while another thread asked has its answer.
            if time.monotonic() - self._asked_at >= EVERY_SECONDS:
                asked_at = time.monotonic()
                self._forget_what_changed()
                self._asked_at = asked_at

    def _forget_what_changed(self) -> None:
        since = None if self._seen_until is None else self._seen_until - OVERLAP
        with connection.cursor() as cursor:
            if since is None:
                cursor.execute("SELECT 'now', '', statement_timestamp()")
            else:
                cursor.execute(_CHANGES, {"since": since})
            changes = cursor.fetchall()
        users = set()
        for kind, key, at in changes:
            match kind:
                case "now":
                    self._seen_until = at
                case "session":
                    self._sessions.pop(UUID(key), None)
                case "key":
                    self._keys.pop(int(key), None)
                case "user":
                    users.add(int(key))
        if users:
            _forget_users(self._sessions, users)
            _forget_users(self._keys, users)
            self._guests.clear()  # whoever it was: the guest's account may be another one now


def _forget_users(kept: dict[Key, Standing], users: set[int]) -> None:
    for key, standing in list(kept.items()):
        if standing.user_id in users:
            kept.pop(key, None)


_USER = {
    "username": F("user__username"),
    "role": F("user__role"),
    "tier": F("user__tier"),
    "user_uuid": F("user__uuid"),
}


def _load_session(session_uuid: UUID) -> Standing | None:
    found = Session.objects.filter(uuid=session_uuid, revoked_at=None, user__is_active=True)
    row = found.values("user_id", ends=F("ends_at"), **_USER).first()
    return _standing_of(row)


def _load_key(api_key_id: int) -> Standing | None:
    found = ApiKey.objects.filter(id=api_key_id, revoked_at=None, user__is_active=True)
    row = found.values("user_id", ends=F("expires_at"), **_USER).first()
    return _standing_of(row)


def _load_guest(user_uuid: UUID) -> Standing | None:
    found = User.objects.filter(uuid=user_uuid, is_active=True, role=User.Role.USER)  # with powers it is nobody's guest
    row = found.annotate(user_id=F("id"), user_uuid=F("uuid"), ends=Value(None, DateTimeField()))
    return _standing_of(row.values("user_id", "username", "role", "tier", "user_uuid", "ends").first())


def _standing_of(row: Mapping[str, Any] | None) -> Standing | None:
    if row is None:
        return None
    return Standing(
        user_id=row["user_id"],
        user_uuid=row["user_uuid"],
        username=row["username"],
        role=row["role"],
        tier=row["tier"],
        ends_at=row["ends"].timestamp() if row["ends"] else None,
        kept_since=time.monotonic(),
    )


feed = Feed()

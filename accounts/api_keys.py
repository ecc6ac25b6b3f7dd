"""API keys: `cp_<prefix>_<secret>`. The prefix is public and finds the row; of the secret, 32 random bytes, we keep the hash."""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import names
from accounts.feed import feed
from accounts.models import ApiKey, User
from accounts.principal import Principal
from chatplatform.core import audit
from chatplatform.core.errors import Conflict, InvalidInput, NotAllowed, NotFound, NotSignedIn
from chatplatform.core.origin import Origin

MOST_KEYS = 50
"""Keys that one person may have at a time."""
NAME_MAX = 100
USED_AT_MOST_EVERY = timedelta(minutes=1)
_MARK = "cp_"
_FORM = re.compile(r"cp_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")


@dataclass(frozen=True, slots=True)
class CreatedKey:
    key: ApiKey
    plaintext: str
    """The only time that it can be seen."""


def looks_like_key(text: str) -> bool:
    """Whether a bearer token is meant as an API key. A JWT begins with `ey`."""
    return text.startswith(_MARK)


def find(presented: str) -> int | None:
    """The id of the key that `presented` is, revoked or not, or None. Notes its use, at most once a minute."""
    form = _FORM.fullmatch(presented)
    if form is None:
        return None
    row = ApiKey.objects.filter(prefix=form[1]).values_list("id", "secret_hash", "last_used_at").first()
    if row is None:
        return None
    key_id, secret_hash, last_used_at = row
    if not hmac.compare_digest(bytes(secret_hash), _hash(form[2])):
        return None
    now = timezone.now()
    if last_used_at is None or last_used_at < now - USED_AT_MOST_EVERY:
        stale = Q(last_used_at=None) | Q(last_used_at__lt=now - USED_AT_MOST_EVERY)
        ApiKey.objects.filter(stale, id=key_id, revoked_at=None).update(last_used_at=now)
    return key_id


def create_api_key(*, principal: Principal, name: str, expires_at: datetime | None, origin: Origin) -> CreatedKey:
    """A new key of her own. A key cannot make another one: what leaked and ends must not live on in its children.

    Raises NotAllowed, InvalidInput (`name`, `expires_at`), and Conflict when she has `MOST_KEYS`.
    """
    if principal.api_key_id is not None:
        audit.record(
            action="access.refused", actor_id=principal.user_id, target="api_key.created", outcome="refused", origin=origin
        )
        raise NotAllowed
    return issue_api_key(user_id=principal.user_id, name=name, expires_at=expires_at, origin=origin)


def issue_api_key(*, user_id: int, name: str, expires_at: datetime | None, origin: Origin) -> CreatedKey:
    """As `create_api_key`, for an operator who has the server's command line."""
    name = _clean_name(name)
    if expires_at is not None and (timezone.is_naive(expires_at) or expires_at <= timezone.now()):
        raise InvalidInput(field="expires_at", issue=_("The time must be in the future and have a time zone."))
    prefix, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    with transaction.atomic():
        # Her row is the lock on counting her keys; without FOR NO KEY it would wait for every insert that refers to her.
        if not User.objects.select_for_update(no_key=True).filter(id=user_id, is_active=True).exists():
            raise NotSignedIn
        if ApiKey.objects.filter(user_id=user_id, revoked_at=None).count() >= MOST_KEYS:
            raise Conflict(_("You have reached the maximum number of API keys."))
        key = ApiKey.objects.create(user_id=user_id, name=name, prefix=prefix, secret_hash=_hash(secret), expires_at=expires_at)
        audit.record(action="api_key.created", actor_id=user_id, target=str(key.uuid), origin=origin, details={"name": name})
    return CreatedKey(key=key, plaintext=f"{_MARK}{prefix}_{secret}")


def revoke_api_key(*, principal: Principal, key_uuid: UUID, origin: Origin) -> None:
    """Raises NotFound for unknown, foreign and revoked keys."""
    with transaction.atomic():
        hers = ApiKey.objects.filter(user_id=principal.user_id, uuid=key_uuid, revoked_at=None)
        if not hers.update(revoked_at=Now()):
            raise NotFound
        audit.record(action="api_key.revoked", actor_id=principal.user_id, target=str(key_uuid), origin=origin)
        transaction.on_commit(feed.ask_soon)


def _clean_name(text: str) -> str:
    try:
        name = names.clean_display_name(text)
    except ValidationError as error:
        raise InvalidInput(field="name", issue=error.messages[0]) from error
    if not name or len(name) > NAME_MAX:
        raise InvalidInput(field="name", issue=_("The name of the key must have 1 to 100 characters."))
    return name


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()

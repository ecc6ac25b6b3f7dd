"""The guest: one account that everybody is who comes without one, where the operators let such people in.

It is found by its public id, which no other account can have. It has no password and no API key, its address takes no mail, and
no contract lets it in but those that say so (`Contract.guests`): so nobody signs in as the guest, and a guest reaches nothing
else. Suspending the account shuts all guests out, those who are reading an answer included, within two seconds.
"""

from __future__ import annotations

import secrets

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Q

from accounts.feed import feed
from accounts.models import User
from accounts.principal import GUEST, Principal
from chatplatform.core import audit
from chatplatform.core.errors import DatabaseAway, NotSignedIn

TIER = "guest"
NAME = "guest"


def guest_principal() -> Principal:
    """Blocking, and almost always without a query. Whether guests are let in here, the caller knows.

    Raises NotSignedIn when there is no such account or it is suspended, and DatabaseAway.
    """
    try:
        standing = feed.guest()
    except (OperationalError, InterfaceError) as error:
        raise DatabaseAway(retry_after=1) from error
    if standing is None:
        raise NotSignedIn
    return standing.principal()


def is_guest(user_id: int) -> bool:
    """Whether this row is the guests' account."""
    return User.objects.filter(id=user_id, uuid=GUEST).exists()


def make_guest_account() -> bool:
    """Makes the account where there is none; whether it did. One that is there stays as the operators have it."""
    if User.objects.filter(uuid=GUEST).exists():
        return False
    name = NAME
    # Somebody may be called so: her account is hers, and the guest has another name.
    while User.objects.filter(Q(username__iexact=name) | Q(email__iexact=_address(name))).exists():
        name = f"{NAME}-{secrets.token_hex(3)}"
    guest = User(uuid=GUEST, username=name, email=_address(name), tier=TIER)
    guest.set_unusable_password()
    with transaction.atomic():
        guest.save()
        audit.record(action="user.created", target=str(guest.uuid), details={"role": guest.role, "by": "prepare"})
    return True


def _address(name: str) -> str:
    return f"{name}@guests.invalid"

"""The account of those who have none."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.core import mail

from accounts import door, guests, resets, services
from accounts.feed import feed
from accounts.models import PasswordReset, User
from accounts.principal import GUEST
from chatplatform.core.errors import AlreadyTaken, NotSignedIn, WrongCredentials
from tests.accounts.helpers import HOME
from tests.factories import PASSWORD

# A change is seen by its time, which within one transaction stands still.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _guest() -> None:
    guests.make_guest_account()
    feed.ask_soon()


def account() -> User:
    return User.objects.get(uuid=GUEST)


def change(**fields: object) -> None:
    User.objects.filter(uuid=GUEST).update(**fields)
    feed.ask_soon()


def test_the_account_is_made_once_and_stays_as_the_operators_have_it() -> None:
    change(tier="vip")
    assert guests.make_guest_account() is False
    assert account().tier == "vip"


def test_a_guest_is_an_ordinary_user_with_a_quota_of_its_own() -> None:
    principal = guests.guest_principal()
    assert (principal.user_id, principal.role, principal.tier) == (account().pk, "user", "guest")
    assert (principal.is_guest, principal.is_admin, principal.is_vip) == (True, False, False)
    assert (principal.session_id, principal.api_key_id) == (None, None)
    door.recheck(principal)
    assert guests.is_guest(principal.user_id)


def test_somebody_who_is_called_guest_keeps_her_name_and_is_none() -> None:
    User.objects.filter(uuid=GUEST).delete()
    signed_in = services.register(username="Guest", email="g@example.com", password=PASSWORD, origin=HOME)
    assert guests.make_guest_account() is True
    assert account().username.startswith("guest-")
    assert not guests.is_guest(signed_in.user.pk)
    assert not door.authenticate(door.Credentials(bearer=signed_in.access_token)).is_guest


def test_nobody_takes_its_name_or_signs_in_as_it() -> None:
    with pytest.raises(AlreadyTaken):
        services.register(username="GUEST", email="g@example.com", password=PASSWORD, origin=HOME)
    for password in ("", "guest", account().password, PASSWORD):
        with pytest.raises(WrongCredentials):
            services.log_in(identifier=account().email, password=password, origin=HOME)


def test_its_password_is_not_reset() -> None:
    services.request_password_reset(email=account().email, origin=HOME)
    assert resets.mail_reset(reset_id=PasswordReset.objects.latest("id").pk) is False
    assert mail.outbox == []


@pytest.mark.parametrize(
    "shut",
    [
        lambda: change(is_active=False),
        lambda: change(role="admin", is_superuser=True),
        lambda: change(role="operator"),
        lambda: services.set_active(user_id=account().pk, active=False, actor_id=None, origin=HOME),
    ],
)
def test_suspended_or_given_powers_it_lets_nobody_in_and_shuts_out_who_is_there(shut: Callable[[], None]) -> None:
    there = guests.guest_principal()
    shut()
    with pytest.raises(NotSignedIn):
        guests.guest_principal()
    with pytest.raises(NotSignedIn):
        door.recheck(there)

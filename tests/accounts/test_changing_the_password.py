"""A new password, by whom the account belongs to."""

import pytest
from django.conf import settings

from accounts import door, services
from accounts.door import Credentials
from accounts.models import User
from chatplatform.core.errors import InvalidInput, LockedOut, NotAllowed, NotSignedIn, WrongCredentials
from chatplatform.core.models import AuditEvent
from tests.accounts.helpers import HOME, enter, sign_in
from tests.factories import PASSWORD, make_user

NEW = "a better password"


@pytest.mark.django_db(transaction=True)
def test_all_other_sessions_end_and_the_callers_stays() -> None:
    alice = make_user("alice")
    here, there = sign_in(alice), sign_in(alice)

    services.change_password(principal=enter(here), current_password=PASSWORD, new_password=NEW, origin=HOME)

    assert enter(here).user_id == alice.id
    with pytest.raises(NotSignedIn):
        enter(there)
    with pytest.raises(NotSignedIn):
        services.refresh(refresh_token=there.refresh_token, origin=HOME)
    with pytest.raises(WrongCredentials):
        sign_in(alice)
    sign_in(alice, NEW)
    assert AuditEvent.objects.filter(action="password.changed", actor_id=alice.id, outcome="ok").count() == 1


def test_the_current_password_must_be_right(alice: User) -> None:
    with pytest.raises(InvalidInput) as refusal:
        services.change_password(
            principal=enter(sign_in(alice)), current_password="wrong password", new_password=NEW, origin=HOME
        )
    assert refusal.value.field == "current_password"
    assert AuditEvent.objects.filter(action="password.changed", outcome="failed", actor_id=alice.id).count() == 1
    sign_in(alice)


def test_a_stolen_token_is_no_way_to_guess_the_password(alice: User) -> None:
    principal = enter(sign_in(alice))

    def guess(password: str) -> None:
        services.change_password(principal=principal, current_password=password, new_password=NEW, origin=HOME)

    for _ in range(settings.LOCKOUT_FAILURES):
        with pytest.raises(InvalidInput):
            guess("wrong password")
    with pytest.raises(LockedOut):
        guess(PASSWORD)


@pytest.mark.parametrize("password", ["short", "alice@example.com", "p" * 1001, "pass\x00word123"])
def test_a_new_password_that_breaks_a_rule_is_refused(alice: User, password: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        services.change_password(principal=enter(sign_in(alice)), current_password=PASSWORD, new_password=password, origin=HOME)
    assert refusal.value.field == "new_password"
    sign_in(alice)


def test_an_api_key_changes_no_password(alice: User) -> None:
    created = services.create_api_key(principal=enter(sign_in(alice)), name="laptop", expires_at=None, origin=HOME)
    by_key = door.authenticate(Credentials(api_key=created.plaintext))
    with pytest.raises(NotAllowed):
        services.change_password(principal=by_key, current_password=PASSWORD, new_password=NEW, origin=HOME)
    assert AuditEvent.objects.filter(action="access.refused", actor_id=alice.id, target="password.changed").count() == 1

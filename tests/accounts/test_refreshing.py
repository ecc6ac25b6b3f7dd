"""A refresh token is good once, and a session dies whole."""

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts import door, services
from accounts.door import Credentials
from accounts.models import Session, User
from accounts.services import SignedIn
from chatplatform.core.errors import NotSignedIn, TokenExpired
from chatplatform.core.models import AuditEvent
from tests.accounts.helpers import HOME, all_at_once, sign_in
from tests.factories import make_user


def refresh(token: str) -> SignedIn:
    return services.refresh(refresh_token=token, origin=HOME)


def test_a_refresh_gives_a_new_pair_of_the_same_session(alice: User) -> None:
    first = sign_in(alice)
    second = refresh(first.refresh_token)

    assert second.user == alice
    assert second.refresh_token != first.refresh_token
    assert second.expires_in == 1800
    before, after = (door.authenticate(Credentials(bearer=pair.access_token)) for pair in (first, second))
    assert before.session_id == after.session_id
    assert refresh(second.refresh_token).user == alice


def test_a_refresh_token_used_twice_ends_the_whole_family(alice: User) -> None:
    first = sign_in(alice)
    other_session = sign_in(alice)
    second = refresh(first.refresh_token)

    with pytest.raises(NotSignedIn):
        refresh(first.refresh_token)

    with pytest.raises(NotSignedIn):
        refresh(second.refresh_token)
    event = AuditEvent.objects.get(action="session.reused")
    assert (event.actor_id, event.outcome, event.address) == (alice.id, "refused", HOME.address)
    assert refresh(other_session.refresh_token).user == alice


@pytest.mark.django_db(transaction=True)
def test_fifty_refreshes_at_once_leave_no_live_chain() -> None:
    signed_in = sign_in(make_user("alice"))

    results = all_at_once(50, lambda: refresh(signed_in.refresh_token))

    succeeded = [result for result in results if isinstance(result, SignedIn)]
    assert len(succeeded) == 1
    assert {type(result) for result in results} == {SignedIn, NotSignedIn}
    with pytest.raises(NotSignedIn):
        refresh(succeeded[0].refresh_token)
    session = Session.objects.get()
    assert session.revoked_why == "reused"
    assert AuditEvent.objects.filter(action="session.reused").count() == 1


def test_a_suspended_account_does_not_refresh(alice: User) -> None:
    signed_in = sign_in(alice)
    User.objects.filter(id=alice.id).update(is_active=False)
    with pytest.raises(NotSignedIn):
        refresh(signed_in.refresh_token)
    # Being refused moved nothing: restored, the same token works, and is no reuse.
    User.objects.filter(id=alice.id).update(is_active=True)
    assert refresh(signed_in.refresh_token).user == alice


def test_a_deleted_account_does_not_refresh(alice: User) -> None:
    signed_in = sign_in(alice)
    alice.delete()
    with pytest.raises(NotSignedIn):
        refresh(signed_in.refresh_token)


def test_a_session_that_was_ended_does_not_refresh(alice: User) -> None:
    signed_in = refresh(sign_in(alice).refresh_token)
    services.end_all_sessions(user_id=alice.id)
    with pytest.raises(NotSignedIn):
        refresh(signed_in.refresh_token)
    assert not AuditEvent.objects.filter(action="session.reused").exists()


def test_a_session_ends_however_often_it_is_refreshed(alice: User, settings: Settings) -> None:
    settings.SESSION_LIFETIME = timedelta(days=10)
    signed_in = sign_in(alice)
    session = Session.objects.get()
    assert session.expires_at - session.created_at <= timedelta(days=7, seconds=5)

    Session.objects.update(ends_at=timezone.now() + timedelta(minutes=10))
    signed_in = refresh(signed_in.refresh_token)
    assert signed_in.expires_in <= 600
    session.refresh_from_db()
    assert session.expires_at == session.ends_at

    Session.objects.update(ends_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(NotSignedIn):
        refresh(signed_in.refresh_token)


def test_a_refresh_token_ends_after_its_days(alice: User, settings: Settings) -> None:
    settings.REFRESH_TOKEN_LIFETIME = timedelta(seconds=-5)
    with pytest.raises(TokenExpired):
        refresh(sign_in(alice).refresh_token)


def test_purging_takes_only_what_can_do_nothing_any_more(alice: User) -> None:
    from accounts.tasks import purge_expired

    kept = sign_in(alice)
    sign_in(alice)
    Session.objects.exclude(id=Session.objects.earliest("id").id).update(expires_at=timezone.now() - timedelta(days=2))

    purge_expired()

    assert Session.objects.count() == 1
    assert refresh(kept.refresh_token).user == alice

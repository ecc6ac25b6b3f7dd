"""What was revoked, suspended, deleted or demoted is refused within a second, without a query for each request."""

import time
from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import door, feed, services
from accounts.door import Credentials
from accounts.models import ApiKey, Session, User
from accounts.principal import Principal
from chatplatform.core.errors import NotSignedIn, TokenExpired
from chatplatform.core.models import AuditEvent
from tests.accounts.helpers import HOME, enter, sign_in
from tests.factories import make_user


def wait_until_refused(call: Callable[[], object]) -> None:
    """Another process's change is seen half a second later; ten times that is too late on the slowest machine."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            call()
        except NotSignedIn:
            return
        time.sleep(0.02)
    raise AssertionError("it still has standing")


@pytest.mark.django_db(transaction=True)
def test_log_out_ends_the_session_and_no_other() -> None:
    alice = make_user("alice")
    here, there = sign_in(alice), sign_in(alice)
    principal = enter(here)

    services.log_out(principal=principal, origin=HOME)

    with pytest.raises(NotSignedIn):
        enter(here)
    with pytest.raises(NotSignedIn):
        door.recheck(principal)
    with pytest.raises(NotSignedIn):
        services.refresh(refresh_token=here.refresh_token, origin=HOME)
    assert enter(there).user_id == alice.id
    assert AuditEvent.objects.filter(action="session.ended", actor_id=alice.id).count() == 1


def others_change(change: str, alice: User) -> None:
    """As another process would, or somebody in psql: this process's services take no part in it."""
    match change:
        case "session revoked":
            Session.objects.update(revoked_at=timezone.now())
        case "suspended":
            User.objects.filter(id=alice.id).update(is_active=False)
        case "suspended by hand":
            with connection.cursor() as cursor:
                cursor.execute("UPDATE accounts_user SET is_active = false WHERE id = %s", [alice.id])
        case "deleted":
            alice.delete()
        case "deleted by hand":
            with connection.cursor() as cursor:
                cursor.execute("DELETE FROM accounts_session")
                cursor.execute("DELETE FROM accounts_user WHERE id = %s", [alice.id])


@pytest.mark.parametrize("change", ["session revoked", "suspended", "suspended by hand", "deleted", "deleted by hand"])
def test_what_another_process_changes_is_seen(alice: User, change: str) -> None:
    signed_in = sign_in(alice)
    principal = enter(signed_in)
    door.recheck(principal)

    others_change(change, alice)

    wait_until_refused(lambda: door.recheck(principal))
    with pytest.raises(NotSignedIn):
        enter(signed_in)


def test_a_new_role_sends_open_connections_back_to_the_door(alice: User) -> None:
    signed_in = sign_in(alice)
    User.objects.filter(id=alice.id).update(role="operator")
    operator = enter(signed_in)
    User.objects.filter(id=alice.id).update(role="user")

    wait_until_refused(lambda: door.recheck(operator))
    assert enter(signed_in).role == "user"


def test_a_new_tier_and_name_are_in_the_next_principal(alice: User) -> None:
    signed_in = sign_in(alice)
    assert not enter(signed_in).is_vip
    User.objects.filter(id=alice.id).update(tier="vip", username="alicia")

    deadline = time.monotonic() + 5
    while not enter(signed_in).is_vip and time.monotonic() < deadline:
        time.sleep(0.02)
    assert (enter(signed_in).tier, enter(signed_in).username) == ("vip", "alicia")


def test_a_request_costs_no_query_of_its_own(alice: User) -> None:
    signed_in = sign_in(alice)
    enter(signed_in)
    with CaptureQueriesContext(connection) as queries:
        began = time.monotonic()
        for _ in range(200):
            enter(signed_in)
        took = time.monotonic() - began
    # One query asks for changes every half-second; each may be followed by loading what changed (she was just made).
    assert len(queries) <= 2 * (took / feed.EVERY_SECONDS + 1)


def test_standing_is_asked_for_once_in_half_a_second_whoever_asks(alice: User) -> None:
    principal = enter(sign_in(alice))
    with CaptureQueriesContext(connection) as queries:
        for _ in range(3):
            time.sleep(feed.EVERY_SECONDS + 0.05)
            for _ in range(20):
                door.recheck(principal)
    assert sum("statement_timestamp" in query["sql"] for query in queries) == 3


def test_an_expired_principal_is_told_so(alice: User) -> None:
    principal = enter(sign_in(alice))
    later = Principal(
        user_id=principal.user_id, user_uuid=principal.user_uuid, username="alice", role="user", tier="standard",
        session_id=principal.session_id, api_key_id=None, expires_at=time.time() - 1,
    )  # fmt: skip
    with pytest.raises(TokenExpired):
        door.recheck(later)


def test_a_revoked_key_loses_its_standing(alice: User) -> None:
    principal = enter(sign_in(alice))
    created = services.create_api_key(principal=principal, name="laptop", expires_at=None, origin=HOME)
    by_key = door.authenticate(Credentials(api_key=created.plaintext))
    door.recheck(by_key)

    ApiKey.objects.filter(id=created.key.id).update(revoked_at=timezone.now())

    wait_until_refused(lambda: door.recheck(by_key))
    with pytest.raises(NotSignedIn):
        door.authenticate(Credentials(bearer=created.plaintext))


def test_suspending_by_the_service_ends_everything_and_restoring_revives_nothing(alice: User) -> None:
    signed_in = sign_in(alice)
    principal = enter(signed_in)
    services.set_active(user_id=alice.id, active=False, actor_id=None, origin=HOME)
    wait_until_refused(lambda: door.recheck(principal))
    services.set_active(user_id=alice.id, active=True, actor_id=None, origin=HOME)
    with pytest.raises(NotSignedIn):
        services.refresh(refresh_token=signed_in.refresh_token, origin=HOME)
    assert [event.action for event in AuditEvent.objects.filter(target=str(alice.id)).order_by("id")] == [
        "user.suspended",
        "user.restored",
    ]


def test_updated_at_moves_with_every_change_but_a_log_in(alice: User) -> None:
    def moved() -> bool:
        before = alice.updated_at
        alice.refresh_from_db()
        return alice.updated_at > before

    User.objects.filter(id=alice.id).update(tier="vip")
    assert moved()
    alice.display_name = "Alice L."
    alice.save()
    assert moved()
    sign_in(alice)
    assert not moved()
    assert alice.last_login is not None

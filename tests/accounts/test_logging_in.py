"""Logging in tells a stranger nothing, and counts what he tries."""

import time
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts import services
from accounts.models import Session, User
from chatplatform.core.errors import CacheAway, InvalidInput, LockedOut, NotSignedIn, WrongCredentials
from chatplatform.core.models import AuditEvent
from chatplatform.core.origin import Origin
from tests.accounts.helpers import CAFE, HOME, all_at_once, sign_in
from tests.factories import PASSWORD, make_user


def fail(identifier: str = "alice", password: str = "wrong password", origin: Origin = HOME) -> Exception:
    with pytest.raises((NotSignedIn, LockedOut)) as refusal:
        services.log_in(identifier=identifier, password=password, origin=origin)
    return refusal.value


@pytest.mark.parametrize("identifier", ["alice", "ALICE", " alice ", "ａｌｉｃｅ", "alice@example.com", "Alice@Example.COM"])
def test_a_name_or_an_address_in_any_case_logs_in(alice: User, identifier: str) -> None:
    assert services.log_in(identifier=identifier, password=PASSWORD, origin=HOME).user == alice


def test_an_unknown_name_a_wrong_password_and_a_suspended_account_look_alike(alice: User) -> None:
    make_user("bob", is_active=False)

    refusals = [fail("alice"), fail("nobody"), fail("bob", PASSWORD), fail("ali\x00ce"), fail("\ud800"), fail("")]

    assert {(type(error), error.message) for error in refusals if isinstance(error, WrongCredentials)} == {
        (WrongCredentials, WrongCredentials().message)
    }
    assert not Session.objects.exists()


def test_an_unknown_name_costs_the_same_queries_and_one_hash(alice: User) -> None:
    fail("nobody-yet")  # the hash of nobody's password is made once
    with CaptureQueriesContext(
        connection,
    ) as known:
        fail("alice")
    with CaptureQueriesContext(connection) as unknown:
        fail("nobody")
    assert [query["sql"].split()[0] for query in known] == [query["sql"].split()[0] for query in unknown]


def test_a_failure_is_recorded_without_what_was_typed_for_nobody(alice: User) -> None:
    fail("alice")
    fail("hunter2-in-the-wrong-field")

    known, unknown = AuditEvent.objects.filter(action="session.started", outcome="failed").order_by("id")
    assert (known.actor_id, known.target) == (alice.id, str(alice.uuid))
    assert (unknown.actor_id, unknown.target, unknown.details) == (None, "", {})


def test_five_wrong_passwords_close_the_door_even_to_the_right_one(alice: User) -> None:
    for _ in range(settings.LOCKOUT_FAILURES):
        assert isinstance(fail(), WrongCredentials)

    locked = fail("alice", PASSWORD)
    assert isinstance(locked, LockedOut)
    assert 0 < locked.retry_after <= settings.LOCKOUT_WINDOW.total_seconds()


def test_an_unknown_name_is_locked_out_as_a_known_one(db: None) -> None:
    for _ in range(settings.LOCKOUT_FAILURES):
        fail("nobody")
    assert isinstance(fail("nobody"), LockedOut)


def test_a_name_and_an_address_of_one_account_are_counted_together(alice: User) -> None:
    ways = ["alice", "alice@example.com", "ALICE", " Alice@Example.com", "ａｌｉｃｅ"]
    for identifier in ways[: settings.LOCKOUT_FAILURES]:
        assert isinstance(fail(identifier), WrongCredentials)
    assert all(isinstance(fail(identifier), LockedOut) for identifier in ways)


def test_the_right_password_by_address_clears_what_was_counted_by_name(alice: User) -> None:
    for _ in range(settings.LOCKOUT_FAILURES - 1):
        fail("alice")
    services.log_in(identifier="alice@example.com", password=PASSWORD, origin=HOME)
    for _ in range(settings.LOCKOUT_FAILURES):
        assert isinstance(fail("alice"), WrongCredentials)


def test_a_locked_out_name_costs_the_same_queries_whether_it_is_known_or_not(alice: User) -> None:
    work = []
    for identifier in ("alice", "nobody"):
        for _ in range(settings.LOCKOUT_FAILURES + 1):
            fail(identifier)
        with CaptureQueriesContext(connection) as queries:
            assert isinstance(fail(identifier), LockedOut)
        work.append([query["sql"].split()[0] for query in queries])
    assert work[0] == work[1]


def test_a_lock_out_holds_for_one_name_and_one_place(alice: User, bob: User) -> None:
    for _ in range(settings.LOCKOUT_FAILURES + 1):
        fail()

    services.log_in(identifier="alice", password=PASSWORD, origin=CAFE)
    services.log_in(identifier="bob", password=PASSWORD, origin=HOME)


def test_a_household_of_ipv6_addresses_is_one_place(alice: User) -> None:
    for number in range(settings.LOCKOUT_FAILURES):
        fail(origin=Origin(address=f"2001:db8:1:2::{number + 1}"))
    assert isinstance(fail(origin=Origin(address="2001:db8:1:2:ffff::1")), LockedOut)
    assert isinstance(fail(origin=Origin(address="2001:db8:1:3::1")), WrongCredentials)


def test_a_lock_out_ends_and_is_not_prolonged_by_trying(alice: User, settings: Settings) -> None:
    settings.LOCKOUT_WINDOW = timedelta(seconds=2)
    for _ in range(settings.LOCKOUT_FAILURES + 1):
        fail("alice")
    began = time.monotonic()
    while isinstance(fail("alice"), LockedOut):
        assert time.monotonic() - began < 30
        time.sleep(0.1)


def test_the_right_password_clears_the_count(alice: User) -> None:
    for _ in range(3):
        for _ in range(settings.LOCKOUT_FAILURES - 1):
            fail()
        sign_in(alice)


def test_a_lock_out_is_recorded_once(alice: User) -> None:
    for _ in range(settings.LOCKOUT_FAILURES + 4):
        fail()
    assert AuditEvent.objects.filter(action="session.started", outcome="refused").count() == 1


def test_the_lock_out_stays_when_rate_limits_are_off(alice: User, settings: Settings) -> None:
    settings.RATE_LIMITS = False
    for _ in range(settings.LOCKOUT_FAILURES):
        fail()
    assert isinstance(fail(), LockedOut)


@pytest.mark.django_db(transaction=True)
def test_of_a_hundred_wrong_passwords_at_once_five_are_looked_at() -> None:
    make_user("alice")

    results = [result for _ in range(4) for result in all_at_once(25, fail)]

    looked_at = [result for result in results if isinstance(result, WrongCredentials)]
    assert len(looked_at) == settings.LOCKOUT_FAILURES
    assert sum(isinstance(result, LockedOut) for result in results) == 100 - settings.LOCKOUT_FAILURES
    assert AuditEvent.objects.filter(action="session.started", outcome="failed").count() == settings.LOCKOUT_FAILURES


def test_without_redis_nobody_logs_in(alice: User, settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    with pytest.raises(CacheAway):
        sign_in(alice)


def test_a_password_too_long_to_look_at_is_refused_before_it_is_hashed(alice: User) -> None:
    for identifier in ("alice", "nobody"):
        with pytest.raises(InvalidInput) as refusal:
            services.log_in(identifier=identifier, password="x" * 1_000_000, origin=HOME)
        assert refusal.value.field == "password"


def test_an_account_without_a_password_cannot_log_in(db: None) -> None:
    User.objects.create_user("alice", "alice@example.com")
    assert isinstance(fail("alice", ""), WrongCredentials)

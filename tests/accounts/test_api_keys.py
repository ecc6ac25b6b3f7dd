"""Keys for a person's own programs."""

import uuid
from datetime import datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from accounts import api_keys, door, selectors, services
from accounts.door import Credentials
from accounts.models import ApiKey, User
from accounts.principal import Principal
from accounts.services import CreatedKey
from chatplatform.core.errors import Conflict, InvalidInput, NotAllowed, NotFound, NotSignedIn
from chatplatform.core.models import AuditEvent
from tests.accounts.helpers import HOME, all_at_once, enter, sign_in
from tests.factories import make_user


@pytest.fixture
def principal(alice: User) -> Principal:
    return enter(sign_in(alice))


def create(principal: Principal, name: str = "laptop", expires_at: datetime | None = None) -> CreatedKey:
    return services.create_api_key(principal=principal, name=name, expires_at=expires_at, origin=HOME)


def test_a_key_opens_the_door_as_bearer_and_as_header(principal: Principal) -> None:
    created = create(principal)
    for credentials in (Credentials(bearer=created.plaintext), Credentials(api_key=created.plaintext)):
        by_key = door.authenticate(credentials)
        assert (by_key.user_id, by_key.api_key_id, by_key.session_id) == (principal.user_id, created.key.id, None)
        assert by_key.expires_at is None


def test_the_secret_is_not_in_the_database(principal: Principal) -> None:
    created = create(principal)
    secret = created.plaintext.removeprefix(f"cp_{created.key.prefix}_")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT string_agg(row_to_json(k)::text, '') FROM accounts_apikey k)"
            " || (SELECT string_agg(row_to_json(e)::text, '') FROM core_auditevent e)"
        )
        assert secret not in cursor.fetchone()[0]


def test_half_a_key_is_no_key(principal: Principal) -> None:
    first, second = create(principal), create(principal)
    mixed = f"cp_{first.key.prefix}_{second.plaintext[-43:]}"
    for text in (mixed, first.plaintext[:-1], first.plaintext + "A", first.plaintext.upper(), f" {first.plaintext}"):
        with pytest.raises(NotSignedIn):
            door.authenticate(Credentials(api_key=text))


def test_an_expired_key_is_refused(principal: Principal) -> None:
    created = create(principal, expires_at=timezone.now() + timedelta(hours=1))
    by_key = door.authenticate(Credentials(api_key=created.plaintext))
    assert created.key.expires_at is not None
    assert by_key.expires_at == pytest.approx(created.key.expires_at.timestamp())

    other = create(principal, expires_at=timezone.now() + timedelta(hours=1))
    ApiKey.objects.filter(id=other.key.id).update(expires_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(NotSignedIn):
        door.authenticate(Credentials(api_key=other.plaintext))


def test_the_key_of_a_suspended_account_is_refused(principal: Principal) -> None:
    created = create(principal)
    User.objects.update(is_active=False)
    with pytest.raises(NotSignedIn):
        door.authenticate(Credentials(api_key=created.plaintext))


def test_her_list_shows_hers_without_the_revoked_newest_first(principal: Principal, bob: User) -> None:
    create(enter(sign_in(bob)), "bob's")
    first, second, third = (create(principal, name) for name in ("one", "two", "three"))
    services.revoke_api_key(principal=principal, key_uuid=second.key.uuid, origin=HOME)
    assert selectors.list_api_keys(principal=principal) == [third.key, first.key]


def test_a_strangers_an_unknown_and_a_revoked_key_are_not_found(principal: Principal, bob: User) -> None:
    hers = create(principal)
    for caller, key_uuid in ((enter(sign_in(bob)), hers.key.uuid), (principal, uuid.uuid4())):
        with pytest.raises(NotFound):
            services.revoke_api_key(principal=caller, key_uuid=key_uuid, origin=HOME)
    services.revoke_api_key(principal=principal, key_uuid=hers.key.uuid, origin=HOME)
    with pytest.raises(NotFound):
        services.revoke_api_key(principal=principal, key_uuid=hers.key.uuid, origin=HOME)


def test_making_and_revoking_are_recorded(principal: Principal) -> None:
    created = create(principal)
    services.revoke_api_key(principal=principal, key_uuid=created.key.uuid, origin=HOME)
    events = AuditEvent.objects.filter(target=str(created.key.uuid)).order_by("id")
    assert [(event.action, event.actor_id) for event in events] == [
        ("api_key.created", principal.user_id),
        ("api_key.revoked", principal.user_id),
    ]


def test_a_key_makes_no_key(principal: Principal) -> None:
    by_key = door.authenticate(Credentials(api_key=create(principal).plaintext))
    with pytest.raises(NotAllowed):
        create(by_key)
    assert AuditEvent.objects.filter(action="access.refused", actor_id=principal.user_id).count() == 1


@pytest.mark.parametrize("name", ["", "   ", "x" * 101, "lap\x00top", "lap\ntop", "\ud800"])
def test_an_odd_name_is_refused(principal: Principal, name: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        create(principal, name)
    assert refusal.value.field == "name"


@pytest.mark.parametrize("expires_at", [timezone.now() - timedelta(days=1), datetime(2099, 1, 1)])
def test_an_end_in_the_past_or_without_a_zone_is_refused(principal: Principal, expires_at: datetime) -> None:
    with pytest.raises(InvalidInput) as refusal:
        create(principal, expires_at=expires_at)
    assert refusal.value.field == "expires_at"


def test_its_use_is_noted_at_most_once_a_minute(principal: Principal) -> None:
    created = create(principal)

    def used_at() -> datetime | None:
        door.authenticate(Credentials(api_key=created.plaintext))
        return ApiKey.objects.get(id=created.key.id).last_used_at

    first = used_at()
    assert first is not None
    assert used_at() == first
    ApiKey.objects.update(last_used_at=first - timedelta(seconds=61))
    second = used_at()
    assert second is not None
    assert second >= first


@pytest.mark.django_db(transaction=True)
def test_nobody_has_more_than_fifty_keys_however_they_are_made() -> None:
    principal = enter(sign_in(make_user("alice")))
    for _ in range(api_keys.MOST_KEYS - 2):
        create(principal)
    results = all_at_once(8, lambda: create(principal))
    assert sum(isinstance(result, CreatedKey) for result in results) == 2
    assert sum(isinstance(result, Conflict) for result in results) == 6
    assert ApiKey.objects.count() == api_keys.MOST_KEYS


def test_the_command_prints_the_key_alone(alice: User) -> None:
    out, err = StringIO(), StringIO()
    call_command("create_api_key", "ALICE", "--name", "script", "--expires-days", "7", stdout=out, stderr=err)

    by_key = door.authenticate(Credentials(api_key=out.getvalue().strip()))
    assert by_key.user_id == alice.id
    key = ApiKey.objects.get()
    assert key.name == "script"
    assert key.expires_at is not None
    assert key.expires_at - key.created_at == pytest.approx(timedelta(days=7), abs=timedelta(minutes=1))
    assert out.getvalue().strip() not in err.getvalue()


@pytest.mark.parametrize(
    "arguments",
    [
        ["nobody", "--name", "x"],
        ["alice", "--name", ""],
        ["alice", "--name", "x", "--expires-days", "0"],
        ["alice", "--name", "x", "--expires-days", "-1"],
        ["alice", "--name", "x", "--expires-days", "1000000000"],
        ["alice"],
    ],
)
def test_the_command_refuses_what_makes_no_sense(alice: User, arguments: list[str]) -> None:
    with pytest.raises(CommandError):
        call_command("create_api_key", *arguments)
    assert not ApiKey.objects.exists()

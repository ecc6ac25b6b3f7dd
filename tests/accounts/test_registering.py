"""A new account: what is accepted, what is refused and why."""

import pytest

from accounts import door, services
from accounts.door import Credentials
from accounts.models import User
from chatplatform.core.errors import AlreadyTaken, InvalidInput
from chatplatform.core.models import AuditEvent
from tests.accounts.helpers import HOME, all_at_once
from tests.factories import make_user

pytestmark = pytest.mark.django_db


def register(username: str = "alice", email: str = "alice@example.com", password: str = "password123", **more: str):
    return services.register(username=username, email=email, password=password, origin=HOME, **more)


def test_the_documents_example_is_accepted_and_signs_in() -> None:
    signed_in = register("testuser", "test@example.com", "password123")

    principal = door.authenticate(Credentials(bearer=signed_in.access_token))
    assert (principal.username, principal.role, principal.tier) == ("testuser", "user", "standard")
    assert signed_in.expires_in == 1800
    assert signed_in.user.created_at is not None
    assert AuditEvent.objects.filter(action="user.registered", actor_id=signed_in.user.id, address=HOME.address).count() == 1


@pytest.mark.parametrize("name", ["ALICE", "Alice", "ａｌｉｃｅ"])
def test_a_name_differing_in_case_or_width_is_taken(name: str) -> None:
    register()
    with pytest.raises(AlreadyTaken) as refusal:
        register(name, "other@example.com")
    assert refusal.value.field == "username"


def test_a_name_differing_in_the_case_of_an_accented_letter_is_taken() -> None:
    register("Élodie", "elodie@example.com")
    with pytest.raises(AlreadyTaken):
        register("élodie", "other@example.com")


@pytest.mark.parametrize("address", ["alice@example.com", "ALICE@EXAMPLE.COM", "Alice@Example.com", "ａlice@example.com"])
def test_an_address_differing_in_case_or_width_is_taken(address: str) -> None:
    register()
    with pytest.raises(AlreadyTaken) as refusal:
        register("somebody", address)
    assert refusal.value.field == "email"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("username", "al"),
        ("username", "a" * 51),
        ("username", "alice@example.com"),
        ("username", "alice liddell"),
        ("username", "ali\x00ce"),
        ("username", "ali\ud800ce"),
        ("username", "alice\nBcc: x"),
        ("username", "ali\u202ece"),
        ("username", "a" * 1_000_000),
        ("email", "alice"),
        ("email", "alice@"),
        ("email", "alice@example.com\r\nBcc: mallory@example.com"),
        ("email", "ali\x00ce@example.com"),
        ("email", "ali\ud800ce@example.com"),
        ("email", "alıce@example.com"),
        ("email", "a" * 250 + "@example.com"),
        ("display_name", "Ali\x00ce"),
        ("display_name", "Ali\ud800ce"),
        ("display_name", "Alice\nBcc: x"),
        ("display_name", "a" * 101),
        ("password", "short12"),
        ("password", "p" * 1001),
        ("password", "passw\ud800ord123"),
        ("password", "passw\x00ord123"),
    ],
)
def test_what_breaks_a_rule_is_refused_with_its_field(field: str, value: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        register(**{field: value})
    assert refusal.value.field == field
    assert refusal.value.issue
    assert not User.objects.exists()


@pytest.mark.parametrize("password", ["alice.liddell", "ALICE.Liddell", "alice@example.com"])
def test_the_password_is_not_the_name_or_the_address(password: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        register("alice.liddell", "alice@example.com", password)
    assert refusal.value.field == "password"


@pytest.mark.parametrize("password", ["12345678", "密码是八个字的呀", " leading and trailing ", "🐈" * 128, "x" * 1000])
def test_a_password_of_eight_to_a_thousand_characters_is_kept_as_it_is(password: str) -> None:
    register(password=password)
    services.log_in(identifier="alice", password=password, origin=HOME)


@pytest.mark.parametrize("name", ["爱丽丝丝", "abc", "a" * 50, "a.b_c-d+e", "Ωmega"])
def test_names_of_any_script_are_accepted(name: str) -> None:
    assert register(name).user.username == name


def test_the_address_is_stored_with_its_domain_in_lower_case() -> None:
    assert register(email="Alice.L@EXAMPLE.com").user.email == "Alice.L@example.com"


def test_a_superuser_is_an_admin_and_an_admin_a_superuser() -> None:
    root = User.objects.create_superuser("root", "root@example.com", "password123")
    assert (root.role, root.is_superuser, root.is_staff) == ("admin", True, True)

    root.role = "user"
    root.save(update_fields=["role"])
    root.refresh_from_db()
    assert (root.is_superuser, root.is_staff) == (False, False)


@pytest.mark.django_db(transaction=True)
def test_of_two_who_register_one_name_at_once_one_is_told_that_it_is_taken() -> None:
    results = all_at_once(8, register)

    refused = [result for result in results if isinstance(result, Exception)]
    assert len(refused) == 7
    assert {type(error) for error in refused} == {AlreadyTaken}
    assert User.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_who_register_one_address_at_once_one_is_told_that_it_is_taken() -> None:
    names = iter(["alice", "alicia", "alison", "alina"])
    results = all_at_once(4, lambda: register(next(names)))

    refused = [result for result in results if isinstance(result, Exception)]
    assert [error.field for error in refused if isinstance(error, AlreadyTaken)] == ["email"] * 3


def test_a_profile_is_changed_by_the_same_rules(alice: User) -> None:
    make_user("bob")
    principal = door.authenticate(
        Credentials(bearer=services.log_in(identifier="alice", password="correct horse battery", origin=HOME).access_token)
    )

    changed = services.update_profile(principal=principal, username="alicia", display_name="Alice L.", origin=HOME)
    assert (changed.username, changed.display_name, changed.email) == ("alicia", "Alice L.", "alice@example.com")
    with pytest.raises(AlreadyTaken):
        services.update_profile(principal=principal, email="BOB@example.com", origin=HOME)
    with pytest.raises(InvalidInput):
        services.update_profile(principal=principal, username="x", origin=HOME)


@pytest.mark.parametrize(
    ("email", "username"),
    [
        ("alice@example.com", "alice"),
        ("alice.liddell+chat@example.com", "alice.liddell+chat"),
        ("a@example.com", "user-a"),
        ("o'hara!@example.com", "o-hara-"),
        ('"alice"@example.com', "-alice-"),
        (f"{'a' * 64}@example.com", "a" * 40),
    ],
)
def test_who_gives_no_name_gets_one_that_is_made_of_her_address(email: str, username: str) -> None:
    signed_in = services.register(email=email, password="password123", origin=HOME)
    assert signed_in.user.username == username


def test_a_name_that_is_made_of_an_address_is_never_taken() -> None:
    register("ALICE", "someone@example.com")
    made = [services.register(email=f"alice@{host}.example.com", password="password123", origin=HOME) for host in "abc"]
    names = {signed_in.user.username for signed_in in made}
    assert len(names) == 3
    assert all(name.startswith("alice-") for name in names)
    with pytest.raises(AlreadyTaken) as refusal:
        services.register(email="alice@a.example.com", password="password123", origin=HOME)
    assert refusal.value.field == "email"

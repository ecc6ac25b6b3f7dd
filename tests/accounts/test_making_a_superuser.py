"""`createsuperuser` asks of the highest role what it asks of everybody."""

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command

from accounts.models import User
from tests.factories import PASSWORD


def create(monkeypatch: pytest.MonkeyPatch, username: str, password: str | None) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_USERNAME", username)
    monkeypatch.setenv("DJANGO_SUPERUSER_EMAIL", f"{username}@example.com")
    if password is not None:
        monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", password)
    call_command("createsuperuser", interactive=False, verbosity=0)


@pytest.mark.parametrize("password", ["", "short", "charlie-one", "CHARLIE-ONE@example.com", "x" * 1001, "nul\x00nul\x00nul"])
@pytest.mark.django_db
def test_a_bad_password_is_refused_and_nobody_is_made(monkeypatch: pytest.MonkeyPatch, password: str) -> None:
    if "\x00" in password:
        with pytest.raises(ValidationError):
            User.objects.create_superuser("charlie-one", "charlie-one@example.com", password)
    else:
        with pytest.raises(CommandError):
            create(monkeypatch, "charlie-one", password)
    assert not User.objects.exists()


def test_all_reasons_are_told_at_once(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CommandError) as refusal:
        create(monkeypatch, "alice", "alice")
    assert refusal.value.returncode == 1
    assert str(refusal.value).count(";") == 1
    assert "alice" not in str(refusal.value)


def test_a_good_password_is_taken(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    create(monkeypatch, "alice", PASSWORD)
    alice = User.objects.get()
    assert alice.role == "admin"
    assert alice.check_password(PASSWORD)


def test_without_a_password_the_account_has_none(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DJANGO_SUPERUSER_PASSWORD", raising=False)
    create(monkeypatch, "alice", None)
    assert not User.objects.get().has_usable_password()

"""Operators at the stock admin site. It is asked through a URL configuration of its own, the site itself is the product's."""

import sys
from types import ModuleType

import pytest
from django.conf import settings as django_settings
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import path, reverse
from pytest_django import Settings

from accounts import services
from accounts.models import ApiKey, Session, User
from chatplatform.core.errors import NotSignedIn
from chatplatform.core.models import AuditEvent
from tests.accounts.helpers import HOME, enter, sign_in
from tests.factories import PASSWORD, make_user

urlpatterns = [path("admin/", admin.site.urls)]


@pytest.fixture(autouse=True)
def _only_the_admin_site(settings: Settings) -> None:
    settings.ROOT_URLCONF = __name__
    assert isinstance(sys.modules[__name__], ModuleType)


@pytest.fixture
def admin_client(db: None) -> Client:
    client = Client()
    client.force_login(make_user("root", role="admin"))
    return client


@pytest.fixture
def operator_client(db: None) -> Client:
    """May edit accounts and see sessions, and no more."""
    operator = make_user("oscar", role="operator")
    allowed = Permission.objects.filter(codename__in=["change_user", "view_user", "add_user", "view_session"])
    operator.user_permissions.set(allowed)
    client = Client()
    client.force_login(operator)
    return client


def act(client: Client, model: str, action: str, *rows: User | Session) -> None:
    response = client.post(
        reverse(f"admin:accounts_{model}_changelist"),
        {"action": action, "_selected_action": [row.pk for row in rows]},
        follow=True,
    )
    assert response.status_code == 200


@pytest.mark.parametrize("page", ["accounts_user", "accounts_session", "accounts_apikey", "core_auditevent"])
def test_every_list_and_page_opens(admin_client: Client, alice: User, page: str) -> None:
    services.create_api_key(principal=enter(sign_in(alice)), name="laptop", expires_at=None, origin=HOME)
    assert admin_client.get(reverse(f"admin:{page}_changelist"), {"q": "alice"}).status_code == 200
    rows = {
        "accounts_user": User.objects.all(),
        "accounts_session": Session.objects.all(),
        "accounts_apikey": ApiKey.objects.all(),
        "core_auditevent": AuditEvent.objects.all(),
    }
    row = rows[page].latest("id")
    response = admin_client.get(reverse(f"admin:{page}_change", args=[row.pk]))
    assert response.status_code == 200
    assert b'name="_save"' not in response.content or page == "accounts_user"


def test_a_user_is_made_with_a_password(admin_client: Client) -> None:
    fields = {"username": "Bob", "email": "Bob@EXAMPLE.com", "display_name": "", "role": "user", "tier": "vip"}
    passwords = {"usable_password": "true", "password1": PASSWORD, "password2": PASSWORD}
    response = admin_client.post(reverse("admin:accounts_user_add"), fields | passwords)
    assert response.status_code == 302, response.context["errors"]
    bob = User.objects.get(username="Bob")
    assert (bob.email, bob.tier, bob.is_superuser) == ("Bob@example.com", "vip", False)
    sign_in(bob)
    assert AuditEvent.objects.filter(action="user.created", target=str(bob.uuid)).count() == 1

    taken = admin_client.post(reverse("admin:accounts_user_add"), fields | passwords | {"username": "BOB"})
    assert taken.status_code == 200
    assert taken.context["errors"]


def test_suspending_ends_what_is_open_and_spares_oneself(admin_client: Client, alice: User) -> None:
    signed_in = sign_in(alice)
    root = User.objects.get(username="root")
    act(admin_client, "user", "suspend", alice, root)

    with pytest.raises(NotSignedIn):
        services.refresh(refresh_token=signed_in.refresh_token, origin=HOME)
    assert not User.objects.get(pk=alice.pk).is_active
    assert User.objects.get(pk=root.pk).is_active
    event = AuditEvent.objects.get(action="user.suspended")
    assert (event.actor_id, event.address) == (root.pk, "127.0.0.1")

    act(admin_client, "user", "restore", alice)
    sign_in(alice)


def test_a_password_set_by_an_operator_ends_all_sessions(admin_client: Client, alice: User) -> None:
    signed_in = sign_in(alice)
    new = {"usable_password": "true", "password1": "a better password", "password2": "a better password", "set-password": "1"}
    response = admin_client.post(reverse("admin:auth_user_password_change", args=[alice.pk]), new)
    assert response.status_code == 302
    with pytest.raises(NotSignedIn):
        services.refresh(refresh_token=signed_in.refresh_token, origin=HOME)
    sign_in(alice, "a better password")


def test_sessions_are_ended_by_whoever_may_change_them(admin_client: Client, operator_client: Client, alice: User) -> None:
    signed_in = sign_in(alice)
    act(operator_client, "session", "end_sessions", Session.objects.get())
    assert Session.objects.get().revoked_at is None
    act(admin_client, "session", "end_sessions", Session.objects.get())
    assert Session.objects.get().revoked_why == "operator"
    with pytest.raises(NotSignedIn):
        services.refresh(refresh_token=signed_in.refresh_token, origin=HOME)


def test_an_operator_makes_nobody_an_admin_and_touches_none(operator_client: Client, alice: User) -> None:
    root = make_user("root", role="admin")
    oscar = User.objects.get(username="oscar")
    for person in (alice, oscar):
        fields = {
            "username": person.username,
            "email": person.email,
            "display_name": "changed",
            "tier": "standard",
            "is_active": "on",
            "role": "admin",
        }
        assert operator_client.post(reverse("admin:accounts_user_change", args=[person.pk]), fields).status_code == 302
        person.refresh_from_db()
        assert (person.display_name, person.role) == ("changed", "user" if person == alice else "operator")

    for address in (
        reverse("admin:accounts_user_change", args=[root.pk]),
        reverse("admin:auth_user_password_change", args=[root.pk]),
    ):
        assert operator_client.post(address, {"display_name": "changed", "password1": "x", "password2": "x"}).status_code == 403
    act(operator_client, "user", "suspend", root)
    act(operator_client, "user", "end_sessions", root)
    assert User.objects.get(pk=root.pk).is_active


def test_nothing_is_deleted_there(admin_client: Client, alice: User) -> None:
    assert admin_client.post(reverse("admin:accounts_user_delete", args=[alice.pk]), {"post": "yes"}).status_code == 403
    event = AuditEvent.objects.create(action="x")
    assert admin_client.post(reverse("admin:core_auditevent_delete", args=[event.pk]), {"post": "yes"}).status_code == 403


def test_its_log_in_page_counts_wrong_passwords_as_the_api_does(db: None) -> None:
    root = make_user("root", role="admin")
    client = Client()

    def log_in(password: str) -> bool:
        response = client.post(reverse("admin:login"), {"username": "ROOT", "password": password, "next": "/admin/"})
        return response.status_code == 302

    assert log_in(PASSWORD)
    assert AuditEvent.objects.filter(action="session.started", outcome="ok", actor_id=root.pk).count() == 1
    client.post(reverse("admin:logout"))
    assert AuditEvent.objects.filter(action="session.ended", actor_id=root.pk).count() == 1
    for _ in range(django_settings.LOCKOUT_FAILURES):
        assert not log_in("wrong password")
    assert not log_in(PASSWORD)


def test_a_mere_user_does_not_come_in(alice: User) -> None:
    client = Client()
    client.force_login(alice)
    assert client.get(reverse("admin:index")).status_code == 302


def test_every_box_has_a_name_that_an_operator_understands(admin_client: Client) -> None:
    boxes = [box["name"] for box in admin_client.get(reverse("admin:index")).context["app_list"]]
    assert sorted(boxes) == sorted(["账户", "权限组", "审计", "提供商", "配额", "对话", "文档"])


@pytest.mark.parametrize("wanted", ["https://evil.example/", "//evil.example", ""])
def test_after_the_log_in_one_is_in_the_admin_site_whatever_the_link_said(db: None, wanted: str) -> None:
    make_user("root", role="admin")
    form = {"username": "root", "password": PASSWORD, "next": wanted}
    response = Client().post(reverse("admin:login"), form)
    assert (response.status_code, response.headers["Location"]) == (302, "/admin/")


def test_the_form_of_a_provider_tells_beside_the_field_that_a_key_is_stored(admin_client: Client) -> None:
    from providers import services as providers_services
    from providers.models import Kind, Provider

    provider = Provider(name="ours", kind=Kind.OPENAI, base_url="https://api.example.com/v1", default_model="m")
    providers_services.set_key(provider=provider, key="sk-0123456789wxyz", actor_id=None)
    page = admin_client.get(reverse("admin:providers_provider_change", args=[provider.pk])).content.decode()
    (row,) = [part for part in page.split('class="form-row') if "field-new_key" in part]
    assert "…wxyz" in row
    assert "0123456789" not in page

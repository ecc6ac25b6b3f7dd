"""`manage.py rotate_keys`: a new key in the ring, and the old one out of it."""

import base64
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from chatplatform.core import secrets
from chatplatform.core.models import AuditEvent
from providers import registry
from providers.models import Provider
from tests.providers.people import KEY, administrator, own, person, shared

pytestmark = pytest.mark.django_db


def ring(*names: str) -> str:
    return ",".join(f"{name}:{base64.b64encode(name.encode().ljust(32, b'.')).decode()}" for name in names)


def rotate(**options: bool) -> str:
    output = StringIO()
    call_command("rotate_keys", stdout=output, stderr=output, **options)
    return output.getvalue()


def test_after_it_the_old_key_may_go(settings: Settings) -> None:
    settings.ENCRYPTION_KEYS = ring("old")
    root, alice = administrator(), person("alice")
    for principal, make in ((root, shared), (alice, own), (alice, own)):
        make(principal, f"p{Provider.objects.count()}")
    shared(root, "keyless", api_key="")
    before = list(Provider.objects.order_by("pk").values("sealed_key", "updated_at"))

    settings.ENCRYPTION_KEYS = ring("new", "old")
    own(alice, "sealed with the new one")
    assert rotate(dry_run=True).startswith("3 would be sealed with the newest key, 1 were already, 0 cannot")
    assert list(Provider.objects.order_by("pk").values("sealed_key", "updated_at"))[:4] == before
    assert rotate().startswith("3 sealed with the newest key, 1 were already, 0 cannot")
    assert rotate().startswith("0 sealed with the newest key, 4 were already, 0 cannot")

    settings.ENCRYPTION_KEYS = ring("new")
    for provider in Provider.objects.exclude(sealed_key=""):
        assert secrets.unseal(provider.sealed_key, bound_to=provider.key_binding) == KEY
    assert registry.open_provider(registry.find_routes(principal=alice)[0])
    assert AuditEvent.objects.filter(action="provider.key_resealed").count() == 3


def test_what_cannot_be_opened_is_named_left_alone_and_the_exit_code_is_1(settings: Settings) -> None:
    settings.ENCRYPTION_KEYS = ring("lost")
    alice = person("alice")
    lost = own(alice, "lost")
    settings.ENCRYPTION_KEYS = ring("new", "old")
    moved, good = own(alice, "moved"), own(alice, "good")
    Provider.objects.filter(pk=moved.pk).update(sealed_key=good.sealed_key)
    settings.ENCRYPTION_KEYS = ring("newest", "new")
    before = {row.pk: row.sealed_key for row in Provider.objects.all()}
    output = StringIO()
    with pytest.raises(CommandError) as refused:
        call_command("rotate_keys", stdout=output, stderr=output)
    assert refused.value.returncode == 1
    assert output.getvalue().splitlines() == [
        f"lost (id {lost.pk}): the key cannot be opened",
        f"moved (id {moved.pk}): the key cannot be opened",
        "1 sealed with the newest key, 0 were already, 2 cannot be opened.",
    ]
    changed = [row.pk for row in Provider.objects.all() if row.sealed_key != before[row.pk]]
    assert changed == [good.pk]

"""Vendors' keys: sealed into their provider's row, and sealed anew when the ring of keys has a newer one."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from django.db import transaction
from django.utils.translation import gettext as _

from chatplatform.core import audit, secrets
from chatplatform.core.errors import InvalidInput
from chatplatform.core.origin import Origin
from providers.models import Provider
from providers.writing import one_at_a_time

LONGEST_KEY = 1_000
SHORTEST_WITH_END = 16
"""Of a shorter key the last four characters would be too much of it."""


def check_key(key: str) -> None:
    """Raises InvalidInput (field `api_key`) for what cannot stand in a header. An empty key is fine: it is no key."""
    if not isinstance(key, str) or len(key) > LONGEST_KEY or any(not "!" <= letter <= "~" for letter in key):
        raise InvalidInput(field="api_key", issue=_("The key has characters that no key has, or is too long."))


def put_key(provider: Provider, key: str) -> None:
    """Seals `key` into the row, not saved; an empty one clears it. Raises InvalidInput."""
    check_key(key)
    provider.sealed_key = secrets.seal(key, bound_to=provider.key_binding) if key else ""
    provider.key_last4 = key[-4:] if len(key) >= SHORTEST_WITH_END else ""


def set_key(*, provider: Provider, key: str, actor_id: int | None = None, origin: Origin | None = None) -> None:
    """Saves the provider with `key` sealed into its row; an empty one clears it. Raises InvalidInput (field `api_key`)."""
    had_key = provider.has_key
    put_key(provider, key)
    with transaction.atomic():
        provider.save()
        if key or had_key:
            action = "provider.key_set" if key else "provider.key_cleared"
            audit.record(action=action, actor_id=actor_id, target=str(provider.uuid), origin=origin)


def forget_key(*, provider: Provider) -> None:
    """For a provider that moves to another address, which its key was not meant for. The caller saves."""
    provider.sealed_key = provider.key_last4 = ""


class Rotated(StrEnum):
    RESEALED = "resealed"
    NEWEST = "newest"
    """Nothing was to do."""
    UNREADABLE = "unreadable"
    """Its key is not in the ring, or the text is damaged. It stays as it is."""


@dataclass(frozen=True, slots=True)
class Rotation:
    provider_id: int
    provider_name: str
    outcome: Rotated


def rotate_keys(*, dry_run: bool = False) -> Iterator[Rotation]:
    """Seals every stored key with the newest key of the ring, a row at a time, and says what became of each.

    A row whose key is replaced at the same moment keeps the new one. Safe to stop and to run again. What the database holds after
    it opens without the older keys of the ring, once nothing is UNREADABLE.
    """
    rows = Provider.objects.exclude(sealed_key="").order_by("pk").values_list("pk", flat=True)
    for provider_id in list(rows):
        if (rotation := _rotate(provider_id, dry_run=dry_run)) is not None:
            yield rotation


def _rotate(provider_id: int, *, dry_run: bool) -> Rotation | None:
    with one_at_a_time():
        provider = Provider.objects.select_for_update().filter(pk=provider_id).exclude(sealed_key="").first()
        if provider is None:  # deleted or cleared since
            return None
        if secrets.is_sealed_with_newest_key(provider.sealed_key):
            return Rotation(provider_id, provider.name, Rotated.NEWEST)
        try:
            resealed = secrets.reseal(provider.sealed_key, bound_to=provider.key_binding)
        except secrets.CannotUnseal:
            return Rotation(provider_id, provider.name, Rotated.UNREADABLE)
        if not dry_run:
            Provider.objects.filter(pk=provider_id).update(sealed_key=resealed)
            audit.record(action="provider.key_resealed", target=str(provider.uuid))
        return Rotation(provider_id, provider.name, Rotated.RESEALED)

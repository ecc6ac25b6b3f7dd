"""Writes. A key goes in and never comes out again but to the vendor."""

from django.db import transaction
from django.utils.translation import gettext as _

from chatplatform.core import audit, secrets
from chatplatform.core.errors import InvalidInput
from chatplatform.core.origin import Origin
from providers.models import Provider


def check_key(key: str) -> None:
    """Raises InvalidInput (field `api_key`) for what cannot stand in a header. An empty key is fine: it is no key."""
    if len(key) > 1_000 or any(not "!" <= letter <= "~" for letter in key):
        raise InvalidInput(field="api_key", issue=_("The key has characters that no key has, or is too long."))


def set_key(*, provider: Provider, key: str, actor_id: int | None = None, origin: Origin | None = None) -> None:
    """Saves the provider with `key` sealed into its row; an empty one clears it. Raises InvalidInput (field `api_key`)."""
    check_key(key)
    had_key = provider.has_key
    provider.sealed_key = secrets.seal(key, bound_to=provider.key_binding) if key else ""
    # Of a short key the last four would be too much of it.
    provider.key_last4 = key[-4:] if len(key) >= 16 else ""
    with transaction.atomic():
        provider.save()
        if key or had_key:
            action = "provider.key_set" if key else "provider.key_cleared"
            audit.record(action=action, actor_id=actor_id, target=str(provider.uuid), origin=origin)


def forget_key(*, provider: Provider) -> None:
    """For a provider that moves to another address, which its key was not meant for. The caller saves."""
    provider.sealed_key = provider.key_last4 = ""

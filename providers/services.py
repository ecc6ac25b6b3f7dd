"""Writes, and the door to all of them: `keys.py` keeps vendors' keys, `handing_out.py` says who may use what, `agents.py` changes
agents, `reloading.py` applies providers.toml.

Errors name fields as clients know them: `api_base_url`, `provider_type`, `config.temperature`. A key goes in and never comes out
again but to the vendor.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.db.models import ProtectedError
from django.utils.translation import gettext as _

from accounts.principal import Principal
from chatplatform.core import audit
from chatplatform.core.errors import Conflict, InvalidInput
from chatplatform.core.origin import Origin
from providers import keys, selectors
from providers.addresses import check_base_url
from providers.agents import update_agent
from providers.catalogue import vendor_of
from providers.config import ADDRESSES, apply_config
from providers.handing_out import distribute, set_preference, undistribute
from providers.keys import check_key, forget_key, rotate_keys, set_key
from providers.models import Agent, Fallback, Kind, Provider, Scope
from providers.reloading import reload_from_file
from providers.writing import clean_name, one_at_a_time, provider_to_manage, refuse

__all__ = [
    "check_key",
    "create_provider",
    "delete_provider",
    "distribute",
    "forget_key",
    "reload_from_file",
    "remove",
    "rotate_keys",
    "set_key",
    "set_preference",
    "undistribute",
    "update_agent",
    "update_provider",
]

MOST_FALLBACKS = 5


def create_provider(
    *,
    principal: Principal,
    name: str,
    kind: str,
    scope: str,
    api_key: str = "",
    base_url: str = "",
    config: Mapping[str, Any] | None = None,
    origin: Origin,
) -> Provider:
    """A new provider: a personal one of her own, or one of the organization, which only administrators make (else NotAllowed).

    Without `base_url` the vendor's well-known address. Raises InvalidInput, and Conflict when she has as many as she may have.
    """
    if scope not in Scope.values:
        raise InvalidInput(field="scope", issue=_("There is no such scope."))
    if scope == Scope.ORGANIZATION and not principal.is_admin:
        refuse(principal=principal, action="provider.created", origin=origin)
    provider = Provider(
        name=clean_name(name),
        kind=_kind(kind, scope),
        scope=scope,
        owner_id=principal.user_id if scope == Scope.PERSONAL else None,
        created_by_id=principal.user_id,
    )
    _put_address(provider, base_url)
    apply_config(provider, config or {})
    keys.put_key(provider, api_key)
    with one_at_a_time():
        if scope == Scope.PERSONAL and principal_has_enough(principal):
            raise Conflict(_("You have as many providers as you may have."))
        provider.save()
        _record("provider.created", provider, principal, origin, {"kind": kind, "scope": scope, "has_key": provider.has_key})
    return provider


def principal_has_enough(principal: Principal) -> bool:
    return Provider.objects.filter(owner_id=principal.user_id).count() >= settings.PERSONAL_PROVIDERS_MAX


def update_provider(*, principal: Principal, provider_id: int, changes: Mapping[str, Any], origin: Origin) -> Provider:
    """Changes what `changes` names: name, api_key, base_url, config, is_active, fallbacks (ids, in the order they are asked).

    Another base URL without the key clears the key, which was not meant for that address. `config` replaces the old one, but the
    model that it does not name stays. Raises ProviderNotFound, NotAllowed, InvalidInput.
    """
    provider_to_manage(principal=principal, provider_id=provider_id, action="provider.changed", origin=origin)
    with one_at_a_time():
        # Once more, since nobody else writes now: it may have been deleted or taken away in between.
        provider = selectors.get_provider(principal=principal, provider_id=provider_id)
        had_key = provider.has_key
        _apply(provider, changes)
        provider.save()
        if "fallbacks" in changes:
            _set_fallbacks(principal, provider, changes["fallbacks"])
        details = {"fields": sorted(changes), "key_cleared": had_key and not provider.has_key}
        _record("provider.changed", provider, principal, origin, details)
    return provider


def _apply(provider: Provider, changes: Mapping[str, Any]) -> None:
    for field in changes:
        if field not in {"name", "api_key", "base_url", "config", "is_active", "fallbacks"}:
            raise InvalidInput(field=field, issue=_("There is no such setting."))
    if "name" in changes:
        provider.name = clean_name(changes["name"])
    if "is_active" in changes:
        if not isinstance(changes["is_active"], bool):
            raise InvalidInput(field="is_active", issue=_("True or false is needed."))
        provider.is_active = changes["is_active"]
    if "config" in changes:
        apply_config(provider, changes["config"])
    if "base_url" in changes:
        before = provider.base_url
        _put_address(provider, changes["base_url"])
        if provider.base_url != before:
            forget_key(provider=provider)
    if "api_key" in changes:
        keys.put_key(provider, changes["api_key"])


def delete_provider(*, principal: Principal, provider_id: int, origin: Origin) -> None:
    """For good, with what was handed out of it. Conversations and usage stay; its agents are switched off.

    Raises ProviderNotFound, NotAllowed.
    """
    provider_to_manage(principal=principal, provider_id=provider_id, action="provider.deleted", origin=origin)
    with one_at_a_time():
        provider = selectors.get_provider(principal=principal, provider_id=provider_id)
        remove(provider)
        _record("provider.deleted", provider, principal, origin, {"name": provider.name, "scope": provider.scope})


def remove(provider: Provider) -> None:
    """Deletes the row. Its agents must not go on with whoever is next: their prompts were for those who had this provider.

    Raises Conflict where something cannot be without it: an embedding model.
    """
    Agent.objects.filter(provider=provider).update(status=Agent.Status.INACTIVE)
    try:
        Provider.objects.filter(pk=provider.pk).delete()
    except ProtectedError as error:
        raise Conflict(_("This provider is still needed for the search in documents.")) from error


def _kind(kind: str, scope: str) -> Kind:
    if kind not in Kind.values or (kind == Kind.LOCAL and scope == Scope.PERSONAL):
        raise InvalidInput(field="provider_type", issue=_("There is no such type of provider."))
    return Kind(kind)


def _put_address(provider: Provider, base_url: Any) -> None:
    """The address, checked, and whose prices apply there. The local model's changes with every start and is kept nowhere."""
    if not isinstance(base_url, str):
        raise InvalidInput(field="api_base_url", issue=_("This is no URL."))
    if provider.kind == Kind.LOCAL:
        return
    url = base_url.strip() or ADDRESSES.get(provider.kind, "")
    if not url:
        raise InvalidInput(field="api_base_url", issue=_("This is needed."))
    provider.base_url = check_base_url(url, trusted=provider.scope == Scope.ORGANIZATION)
    provider.price_vendor = vendor_of(provider.base_url)


def _set_fallbacks(principal: Principal, provider: Provider, wanted: Any) -> None:
    """Whom a provider falls back on must be there for those who use it: the organization's falls back on the organization's."""
    if not isinstance(wanted, Sequence) or isinstance(wanted, str) or not all(type(one) is int for one in wanted):
        raise InvalidInput(field="fallbacks", issue=_("A list of provider ids is needed."))
    if len(wanted) > MOST_FALLBACKS or len(set(wanted)) < len(wanted) or provider.pk in wanted:
        raise InvalidInput(field="fallbacks", issue=_("At most five other providers, each once."))
    allowed = selectors.visible_to(principal).filter(pk__in=wanted)
    if provider.scope == Scope.ORGANIZATION:
        allowed = allowed.filter(scope=Scope.ORGANIZATION)
    missing = [one for one in wanted if one not in set(allowed.values_list("pk", flat=True))]
    if missing:
        issue = _("There are no such providers: %(ids)s.") % {"ids": ", ".join(map(str, missing))}
        raise InvalidInput(field="fallbacks", issue=issue)
    Fallback.objects.filter(provider=provider).delete()
    Fallback.objects.bulk_create(
        Fallback(provider=provider, fallback_id=one, position=position) for position, one in enumerate(wanted)
    )


def _record(action: str, provider: Provider, principal: Principal, origin: Origin, details: Mapping[str, Any]) -> None:
    audit.record(action=action, actor_id=principal.user_id, target=str(provider.uuid), origin=origin, details=details)

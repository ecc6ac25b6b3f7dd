"""Who may use which of the organization's providers, and which provider is somebody's default."""

from collections.abc import Sequence

from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.principal import Principal
from chatplatform.core import audit
from chatplatform.core.errors import InvalidInput, NotFound
from chatplatform.core.origin import Origin
from providers import selectors
from providers.errors import ProviderNotFound
from providers.models import Distribution, Preference, Provider, Scope
from providers.writing import one_at_a_time, refuse

MOST_AT_ONCE = 1_000
_LARGEST_ID = 2**63 - 1


def distribute(*, principal: Principal, provider_id: int, user_ids: Sequence[int], origin: Origin) -> list[Distribution]:
    """Hands an organization's provider to these people, to all of them or to nobody. Who has it already keeps it.

    Returns theirs in the order of `user_ids`. Administrators only. Raises ProviderNotFound, NotAllowed, and InvalidInput (field
    `user_ids`) whose issue names the ids that nobody has.
    """
    provider = _to_hand_out(principal, provider_id, action="provider.distributed", origin=origin)
    wanted = _ids(user_ids)
    with one_at_a_time():
        if not Provider.objects.filter(pk=provider.pk).exists():
            raise ProviderNotFound
        _make_sure_they_exist(wanted)
        fresh = {"distributed_by_id": principal.user_id, "distributed_at": timezone.now()}
        Distribution.objects.filter(provider=provider, user_id__in=wanted, is_active=False).update(is_active=True, **fresh)
        rows = [Distribution(provider=provider, user_id=user_id, **fresh) for user_id in wanted]
        Distribution.objects.bulk_create(rows, ignore_conflicts=True)
        _record("provider.distributed", provider, principal, origin, wanted)
        theirs = Distribution.objects.filter(provider=provider, user_id__in=wanted).select_related("user", "distributed_by")
        by_user = {row.user_id: row for row in theirs}
    return [by_user[user_id] for user_id in wanted]


def undistribute(*, principal: Principal, provider_id: int, user_id: int, origin: Origin) -> None:
    """Takes it back: from her next turn on it does not answer her. Administrators only.

    Raises ProviderNotFound, NotAllowed, and NotFound when she does not have it.
    """
    provider = _to_hand_out(principal, provider_id, action="provider.undistributed", origin=origin)
    with one_at_a_time():
        hers = Distribution.objects.filter(provider=provider, user_id=user_id, is_active=True)
        if not hers.update(is_active=False):
            raise NotFound
        Preference.objects.filter(provider=provider, user_id=user_id).delete()
        _record("provider.undistributed", provider, principal, origin, [user_id])


def set_preference(*, principal: Principal, provider_id: int | None, origin: Origin) -> None:
    """Makes a provider the one that answers her when neither the message nor the conversation says whom; None: whoever is first.

    Raises ProviderNotFound.
    """
    with one_at_a_time():
        if provider_id is None:
            Preference.objects.filter(user_id=principal.user_id).delete()
            target = ""
        else:
            provider = selectors.get_provider(principal=principal, provider_id=provider_id)
            Preference.objects.update_or_create(user_id=principal.user_id, defaults={"provider": provider})
            target = str(provider.uuid)
        audit.record(action="provider.preferred", actor_id=principal.user_id, target=target, origin=origin)


def _to_hand_out(principal: Principal, provider_id: int, *, action: str, origin: Origin) -> Provider:
    provider = selectors.get_provider(principal=principal, provider_id=provider_id)
    if not principal.is_admin:
        refuse(principal=principal, action=action, target=str(provider.uuid), origin=origin)
    if provider.scope != Scope.ORGANIZATION:
        raise InvalidInput(field="provider_id", issue=_("A personal provider is nobody else's."))
    return provider


def _ids(user_ids: Sequence[int]) -> list[int]:
    """Each once."""
    if isinstance(user_ids, str) or not isinstance(user_ids, Sequence) or not all(type(one) is int for one in user_ids):
        raise InvalidInput(field="user_ids", issue=_("A list of user ids is needed."))
    if not 1 <= len(user_ids) <= MOST_AT_ONCE:
        raise InvalidInput(field="user_ids", issue=_("From 1 to 1,000 user ids are needed."))
    return list(dict.fromkeys(user_ids))


def _make_sure_they_exist(user_ids: list[int]) -> None:
    possible = [user_id for user_id in user_ids if 0 < user_id <= _LARGEST_ID]
    # Locked, so that nobody of them is deleted before she has it.
    known = set(User.objects.filter(pk__in=possible).select_for_update(no_key=True).values_list("pk", flat=True))
    if missing := [user_id for user_id in user_ids if user_id not in known]:
        issue = _("There are no such users: %(ids)s.") % {"ids": ", ".join(map(str, missing))}
        raise InvalidInput(field="user_ids", issue=issue)


def _record(action: str, provider: Provider, principal: Principal, origin: Origin, user_ids: list[int]) -> None:
    audit.record(
        action=action,
        actor_id=principal.user_id,
        target=str(provider.uuid),
        origin=origin,
        details={"user_ids": user_ids},
    )

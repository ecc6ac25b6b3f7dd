"""What all writes of this app share: one at a time, refusals that are recorded, and names that are names."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from django.db import connection, transaction
from django.utils.translation import gettext as _

from accounts.principal import Principal
from chatplatform.core import audit
from chatplatform.core.errors import InvalidInput, NotAllowed
from chatplatform.core.origin import Origin
from providers import selectors
from providers.models import CatalogueVersion, Provider

LONGEST_NAME = 100
_LOCK = 0x70726F77


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """A transaction that no other of these runs beside."""
    with transaction.atomic():
        wait_for_other_writers()
        yield


def wait_for_other_writers() -> None:
    """Before the first change of a transaction.

    Every change stamps the one row of `CatalogueVersion` in the end. Whoever locks it first cannot wait, with rows locked, for
    somebody who waits for those rows; and what is counted stays true until it is written.
    """
    with connection.cursor() as cursor:
        # The row alone would do, were it always there: before the first change ever it may not be.
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
    list(CatalogueVersion.objects.select_for_update())


def provider_to_manage(*, principal: Principal, provider_id: int, action: str, origin: Origin) -> Provider:
    """Raises ProviderNotFound and, when she may see it but no more, NotAllowed. Not inside a transaction: that is recorded."""
    provider = selectors.get_provider(principal=principal, provider_id=provider_id)
    if not selectors.may_manage(principal, provider):
        refuse(principal=principal, action=action, target=str(provider.uuid), origin=origin)
    return provider


def refuse(*, principal: Principal, action: str, target: str = "", origin: Origin) -> NoReturn:
    """Records that somebody tried what is not hers to do, and raises NotAllowed."""
    details = {"wanted": action}
    audit.record(
        action="access.refused", actor_id=principal.user_id, target=target, outcome="refused", origin=origin, details=details
    )
    raise NotAllowed


def clean_name(value: Any, *, field: str = "name", longest: int = LONGEST_NAME) -> str:
    """Without blanks around it. Raises InvalidInput."""
    name = value.strip() if isinstance(value, str) else ""
    if not name:
        raise InvalidInput(field=field, issue=_("This is needed."))
    if len(name) > longest or not name.isprintable():
        raise InvalidInput(field=field, issue=_("This is too long, or has characters that no name has."))
    return name

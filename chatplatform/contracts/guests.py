"""Who may come in without credentials, where a contract's clients know none."""

from __future__ import annotations

from collections.abc import Mapping

from django.conf import settings
from django.http.request import split_domain_port

from accounts.guests import guest_principal
from accounts.principal import Principal
from chatplatform.contracts.origins import origin_is_named, origin_is_ours
from chatplatform.core.errors import NotSignedIn
from chatplatform.core.networks import is_within
from chatplatform.core.origin import Origin
from chatplatform.environment import is_on_loopback

_LOOPBACK = ("127.0.0.0/8", "::1", "::ffff:127.0.0.0/104")


def guest_from(headers: Mapping[str, str], origin: Origin) -> Principal:
    """The guest's principal. Blocking. Raises NotSignedIn where `GUEST_ACCESS` does not let this request in."""
    match settings.GUEST_ACCESS:
        case "on":
            admitted = origin_is_ours(headers.get("origin", ""), headers.get("host", ""))
        case "local":
            admitted = _is_local(headers, origin)
        case _:
            admitted = False
    if not admitted:
        raise NotSignedIn
    return guest_principal()


def _is_local(headers: Mapping[str, str], origin: Origin) -> bool:
    """Whether somebody on this machine asks, for herself.

    Not somebody whom a proxy on this machine speaks for; not a page of elsewhere that her browser shows her, even where all
    pages may call (no token has to be shown here, so being her browser would be enough); and not such a page whose own host name
    was made to lead here.
    """
    host = headers.get("host", "")
    domain, _port = split_domain_port(host)
    return (
        is_within(origin.address, _LOOPBACK)
        and "x-forwarded-for" not in headers
        and "forwarded" not in headers
        and (not host or is_on_loopback(domain.strip("[]")))
        and origin_is_named(headers.get("origin", ""), host)
    )

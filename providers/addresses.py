"""Which addresses may be connected to: server-side request forgery is stopped here.

An operator's address is taken as it was written, but for the metadata services of clouds, which hand out the machine's own
credentials. A user's must be https to a public address. `check_base_url` says so when a provider is saved, by what is written;
`judge` has the last word when a socket is about to be opened (`upstream.py`), by the address that a name resolved to: what a
name resolves to while it is saved says nothing about later.
"""

import ipaddress
import re
import socket
from collections.abc import Iterator
from typing import NoReturn

from django.utils.translation import gettext as _
from yarl import URL

from chatplatform.core.errors import InvalidInput

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

LONGEST_URL = 500
_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*")
_LOCAL_SUFFIXES = (".localhost", ".local", ".localdomain", ".internal", ".intranet", ".lan", ".home", ".corp", ".home.arpa")
"""Names that only a private network resolves: https://www.rfc-editor.org/rfc/rfc6761, rfc6762, rfc8375."""

_METADATA = frozenset(
    ipaddress.ip_address(one)
    for one in (
        "169.254.169.254",  # AWS, Azure, Google, Oracle, DigitalOcean, OpenStack
        "169.254.170.2",  # AWS: credentials of a container
        "169.254.170.23",  # AWS: credentials of a pod
        "169.254.0.23",  # Tencent
        "100.100.100.200",  # Alibaba
        "168.63.129.16",  # Azure: the host's wire server
        "192.0.0.192",  # Oracle, older
        "fd00:ec2::254",  # AWS
        "fd00:ec2::23",  # AWS: credentials of a pod
        "fd20:ce::254",  # Google
        "fe80::a9fe:a9fe",  # OpenStack
    )
)
_METADATA_NAMES = frozenset({"metadata", "metadata.google.internal", "metadata.goog", "instance-data", "metadata.tencentyun.com"})

# What `is_global` lets through and should not, measured with Python 3.11.
_NOT_PUBLIC = tuple(
    ipaddress.ip_network(one)
    for one in (
        "100.64.0.0/10",
        "192.0.0.0/24",
        "192.88.99.0/24",
        "198.18.0.0/15",
        "168.63.129.16/32",
        "2001:db8::/32",
        "3fff::/20",
    )
)
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_NAT64_LOCAL = ipaddress.IPv6Network("64:ff9b:1::/48")
_TRANSLATED = ipaddress.IPv6Network("::ffff:0:0:0/96")
_COMPATIBLE = ipaddress.IPv6Network("::/96")

_PORTS_OF_OTHERS = frozenset({1433, 1521, 2049, 2375, 2379, 3306, 3389, 5432, 5672, 5900, 5984, 6379, 9042, 9092, 11211, 27017})
"""Databases, queues and desktops: nobody's model is behind one."""


class AddressRefused(OSError):
    """A socket that may not be opened. One text for every reason: a refusal tells nothing about what is there."""

    def __init__(self) -> None:
        super().__init__("the address is not one that may be connected to")


def check_base_url(url: str, *, trusted: bool) -> str:
    """The URL as it is kept: host in lower case, no slash at its end. `trusted`: an operator wrote it.

    Raises InvalidInput for field `api_base_url`.
    """
    url = url.strip()
    if not url.isprintable() or " " in url or "\\" in url or len(url) > LONGEST_URL:
        _refuse(_("This is no URL."))
    try:
        parsed = URL(url)  # what the HTTP client will read in it, not what another parser would
    except (ValueError, IndexError):  # IndexError: brackets out of order
        _refuse(_("This is no URL."))
    if parsed.scheme not in {"http", "https"} or not parsed.raw_host or "://" not in url:
        _refuse(_("The address must begin with https://."))
    if parsed.raw_user is not None or parsed.raw_password is not None or "@" in parsed.raw_authority:
        _refuse(_("The address must not contain a user name or password."))
    if parsed.raw_query_string or parsed.raw_fragment or "?" in url or "#" in url:
        _refuse(_("The address must not contain a query or a fragment."))
    host = parsed.raw_host.rstrip(".").lower()
    if host in _METADATA_NAMES or any(address in _METADATA for one in _written_address(host) for address in unwrapped(one)):
        _refuse(_("This address may not be used."))
    if not trusted:
        _check_public(parsed, host)
    kept = str(parsed).rstrip("/")
    if len(kept) > LONGEST_URL:  # what is not ASCII is longer when it is written in ASCII
        _refuse(_("This is no URL."))
    return kept


def judge(address: str, *, trusted: bool) -> None:
    """Raises AddressRefused unless a socket to this numeric address may be opened."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        raise AddressRefused from None
    if any(one in _METADATA for one in unwrapped(parsed)):
        raise AddressRefused
    if not trusted and not is_public(parsed):
        raise AddressRefused


def is_public(address: Address) -> bool:
    """Whether an address leads into the internet, for everybody."""
    return not getattr(address, "scope_id", None) and all(_is_public(one) for one in unwrapped(address))


def unwrapped(address: Address) -> tuple[Address, ...]:
    """What an address leads to in the end: the IPv4 addresses inside an IPv6 one, else itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return (address,)
    if address.scope_id:  # the same address through another interface, but not equal to it
        address = ipaddress.IPv6Address(int(address))
    if address.ipv4_mapped is not None:
        return (address.ipv4_mapped,)
    if address.sixtofour is not None:
        return (address.sixtofour,)
    if address.teredo is not None:
        return address.teredo
    low = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    if address in _NAT64_LOCAL:
        # The IPv4 address lies around the 64th bit (RFC 6052), or in the last 32 as in the well-known prefix.
        bits = int(address)
        return low, ipaddress.IPv4Address((bits >> 64 & 0xFFFF) << 16 | bits >> 40 & 0xFFFF), address
    if address in _NAT64 or address in _TRANSLATED:
        return (low,)
    if address in _COMPATIBLE and int(address) > 1:
        return (low,)
    return (address,)


def _is_public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address) and address not in _GLOBAL_UNICAST:
        return False
    if not address.is_global or address.is_multicast or address.is_reserved or address.is_unspecified:
        return False
    return not any(address in network for network in _NOT_PUBLIC if network.version == address.version)


def _check_public(url: URL, host: str) -> None:
    if url.scheme != "https":
        _refuse(_("The address must begin with https://."))
    port = url.port or 443
    if (port < 1024 and port != 443) or port in _PORTS_OF_OTHERS:
        _refuse(_("This port may not be used."))
    written = list(_written_address(host))
    if written:
        # 0x7f.1 and 2130706433 are addresses to the resolver alone: whoever writes one so has something to hide.
        plain = ":" in host or str(written[0]) == host
        if not plain or not all(is_public(address) for address in written):
            _refuse(_("The address must be a public one."))
        return
    last = host.rpartition(".")[2]
    if not _NAME.fullmatch(host) or last.isdigit() or last.startswith("0x"):
        _refuse(_("This is no URL."))
    if "." not in host or host.endswith(_LOCAL_SUFFIXES):
        _refuse(_("The address must be a public one."))


def _written_address(host: str) -> Iterator[Address]:
    """The address that a host is when it is no name, short, octal and hexadecimal forms of IPv4 included."""
    try:
        yield ipaddress.ip_address(host)
    except ValueError:
        try:
            yield ipaddress.IPv4Address(socket.inet_aton(host))
        except (OSError, ValueError):
            return


def _refuse(issue: str) -> NoReturn:
    raise InvalidInput(field="api_base_url", issue=issue)

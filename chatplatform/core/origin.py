"""From where a request comes, as far as it may be believed: whoever builds it has looked at the trusted proxies."""

import ipaddress
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Origin:
    address: str = ""
    """The peer's IP address; empty for commands and tasks."""
    user_agent: str = ""
    request_id: str = ""

    @property
    def network(self) -> str:
        """What counts as one place: an IPv4 address, or the /64 of an IPv6 address, which one household owns whole."""
        try:
            address = ipaddress.ip_address(self.address)
        except ValueError:
            return self.address
        if isinstance(address, ipaddress.IPv6Address):
            if address.ipv4_mapped is not None:
                return str(address.ipv4_mapped)
            return str(ipaddress.ip_network((int(address), 64), strict=False).network_address)
        return str(address)


NOWHERE = Origin()

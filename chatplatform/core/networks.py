"""Addresses and the networks they are in."""

from __future__ import annotations

from functools import cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network


def is_within(address: str, networks: tuple[str, ...]) -> bool:
    """Whether `address` is one of `networks` (`10.0.0.5`, `10.0.0.0/8`) or in one. What is no address is in none."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in _parsed(networks))


@cache
def _parsed(networks: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(ip_network(text, strict=False) for text in networks)

"""Which addresses may be connected to. Pure; asked for every address, on every hop, when connecting."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# ``is_global`` alone passes these (RFC 6890 and the IANA special-purpose registries).
_REFUSED: tuple[Network, ...] = tuple(
    ip_network(each)
    for each in (
        "0.0.0.0/8",  # this network
        "100.64.0.0/10",  # carrier-grade NAT
        "192.0.0.0/24",  # protocol assignments
        "192.88.99.0/24",  # 6to4 relays
        "198.18.0.0/15",  # benchmarks
        "240.0.0.0/4",  # reserved, broadcast
        "::/96",  # IPv4-compatible
        "64:ff9b:1::/48",  # local NAT64
        "100::/64",  # discard
        "2001::/23",  # protocol assignments, Teredo
        "3fff::/20",  # documentation
        "5f00::/16",  # segment routing
        "fec0::/10",  # site-local
    )
)
_NAT64 = ip_network("64:ff9b::/96")
_SIX_TO_FOUR = ip_network("2002::/16")
_TEREDO = ip_network("2001::/32")
_ISATAP = (0x00005EFE, 0x02005EFE)


class AddressRule:
    """Public addresses, and the networks that are allowed besides."""

    def __init__(self, allow_networks: Iterable[str] = ()) -> None:
        self._allowed = tuple(ip_network(each) for each in allow_networks)

    def permits(self, text: str) -> bool:
        """True if a feed may be fetched from this numeric address; a scope id is never public."""
        try:
            address = ip_address(text)
        except ValueError:
            return False
        carried = tuple(embedded(address))
        if self._is_allowed(address) or (carried and all(map(self._is_allowed, carried))):
            return True
        if isinstance(address, IPv6Address) and address.scope_id:
            return False
        return is_public(address)

    def _is_allowed(self, address: Address) -> bool:
        return any(
            address.version == network.version and address in network for network in self._allowed
        )


def is_public(address: Address) -> bool:
    """True for an address of the open internet, and only if every address inside it is one too."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    if mapped is not None:
        return is_public(mapped)
    if any(address.version == each.version and address in each for each in _REFUSED):
        return False
    if address.is_multicast or address.is_unspecified:
        return False
    if not address.is_global:
        return False
    return all(is_public(each) for each in embedded(address))


def embedded(address: Address) -> Iterator[IPv4Address]:
    """IPv4 addresses that an IPv6 address carries: mapped, NAT64, 6to4, Teredo, ISATAP."""
    if isinstance(address, IPv4Address):
        return
    number = int(address)
    if address.ipv4_mapped is not None:
        yield address.ipv4_mapped
    elif address in _NAT64:
        yield IPv4Address(number & 0xFFFFFFFF)
    elif address in _SIX_TO_FOUR:
        yield IPv4Address((number >> 80) & 0xFFFFFFFF)
    elif address in _TEREDO and address.teredo is not None:
        yield from address.teredo
    elif (number >> 32) & 0xFFFFFFFF in _ISATAP:
        yield IPv4Address(number & 0xFFFFFFFF)

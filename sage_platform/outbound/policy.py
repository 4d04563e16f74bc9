"""Which IP addresses may be reached.

The tables are our own: what `ipaddress` calls private has changed between releases of Python.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

from sage_platform.outbound.errors import AddressRefused

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class Reach(IntEnum):
    """How far an address leads; the greater, the worse."""

    PUBLIC = 0
    PRIVATE = 1
    FORBIDDEN = 2


def _networks(*blocks: str) -> tuple[Network, ...]:
    return tuple(ip_network(block) for block in blocks)


# Nobody's settings open these. The metadata services of the clouds hand out the machine's own keys to whoever asks.
METADATA = _networks(
    "169.254.0.0/16",  # link-local (RFC 3927), where most clouds have theirs
    "fe80::/10",  # link-local (RFC 4291 §2.5.6)
    "100.100.100.200/32",  # Alibaba
    "168.63.129.16/32",  # Azure
    "192.0.0.192/32",  # Oracle
    "fd00:ec2::/32",  # AWS: metadata, and the keys of its containers
    "fd20:ce::254/128",  # Google
)
FORBIDDEN = (
    *METADATA,
    *_networks(
        "0.0.0.0/8",  # unspecified; Linux takes it for this machine
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
        "ff00::/8",  # multicast
    ),
)
# What the IANA's registries of special addresses (RFC 6890) do not call globally reachable.
PRIVATE = _networks(
    "10.0.0.0/8",
    "100.64.0.0/10",  # a provider's own (RFC 6598)
    "127.0.0.0/8",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",  # documentation
    "192.88.99.0/24",  # the former relays of 6to4
    "192.168.0.0/16",
    "198.18.0.0/15",  # benchmarks
    "198.51.100.0/24",  # documentation
    "203.0.113.0/24",  # documentation
    "::1/128",
    "64:ff9b:1::/48",  # a network's own translation (RFC 8215)
    "100::/32",  # discard only
    "2001::/23",  # protocol assignments; Teredo is judged before
    "2001:db8::/32",  # documentation
    "3fff::/20",  # documentation
    "5f00::/16",  # segment routing
    "fc00::/7",  # unique local
    "fec0::/10",  # site-local (RFC 3879)
)
GLOBAL_IPV6 = IPv6Network("2000::/3")
# IPv6 forms that stand for the IPv4 address in their last 32 bits.
TAILS = tuple(
    IPv6Network(block)
    for block in (
        "::/96",  # IPv4-compatible (RFC 4291 §2.5.5.1)
        "::ffff:0:0/96",  # IPv4-mapped (RFC 4291 §2.5.5.2)
        "::ffff:0:0:0/96",  # IPv4-translated (RFC 2765)
        "64:ff9b::/96",  # NAT64 (RFC 6052)
    )
)
IPV6_ITSELF = IPv6Network("::/127")  # `::` and `::1` are in the first of them, and stand for nothing else.
LOCAL_NAT64 = IPv6Network("64:ff9b:1::/48")
ISATAP = (b"\x00\x00\x5e\xfe", b"\x02\x00\x5e\xfe")  # RFC 5214 §6.1


def reach(address: Address) -> Reach:
    """How far the address leads by itself, before any setting."""
    if isinstance(address, IPv4Address):
        return _listed(address)
    if spoken := stands_for(address):
        return max(map(_listed, spoken))
    carried = [_listed(each) for each in _isatap(address)]
    if any(each in network for each in _local_translations(address) for network in METADATA):
        carried.append(Reach.FORBIDDEN)
    return max([_listed(address), *carried])


def stands_for(address: Address) -> list[IPv4Address]:
    """The IPv4 addresses that an IPv6 one is nothing but a way to: a translator would lead us to them."""
    if not isinstance(address, IPv6Address) or address in IPV6_ITSELF:
        return []
    if any(address in tail for tail in TAILS):
        return [IPv4Address(address.packed[12:])]
    if address.sixtofour:
        return [address.sixtofour]
    return list(address.teredo or ())  # Its server and its client.


def _isatap(address: IPv6Address) -> Iterator[IPv4Address]:
    if address.packed[8:12] in ISATAP:
        yield IPv4Address(address.packed[12:])


def _local_translations(address: IPv6Address) -> Iterator[IPv4Address]:
    """Where a network's own translator may have the IPv4 address: that depends on its prefix's length (RFC 6052 §2.2)."""
    if address in LOCAL_NAT64:
        packed = address.packed
        yield from map(IPv4Address, (packed[6:8] + packed[9:11], packed[7:8] + packed[9:12], packed[9:13], packed[12:]))


def _listed(address: Address) -> Reach:
    if any(address in network for network in FORBIDDEN):
        return Reach.FORBIDDEN
    if any(address in network for network in PRIVATE):
        return Reach.PRIVATE
    # What the IANA has not given out (RFC 4291 §2.4) leads nowhere that we know.
    return Reach.FORBIDDEN if isinstance(address, IPv6Address) and address not in GLOBAL_IPV6 else Reach.PUBLIC


@dataclass(frozen=True)
class Policy:
    """What the deployment opens. It opens private networks only, never what is forbidden."""

    allow_private: bool
    allowed_networks: Sequence[Network] = ()

    def check(self, address: Address, *, trusted: bool) -> None:
        """Raises AddressRefused. `trusted`: the address comes from the deployment's own settings and may be private."""
        far = reach(address)
        if far is Reach.PUBLIC:
            return
        if far is Reach.FORBIDDEN or not (trusted or self.allow_private or self._allowed(address)):
            raise AddressRefused

    def _allowed(self, address: Address) -> bool:
        return self._in_allowed([address]) or self._in_allowed(stands_for(address))

    def _in_allowed(self, addresses: Sequence[Address]) -> bool:
        return bool(addresses) and all(any(each in network for network in self.allowed_networks) for each in addresses)

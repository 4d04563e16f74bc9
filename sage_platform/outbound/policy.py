"""Which IP addresses may be reached.

The tables are our own: what `ipaddress` calls private has changed between releases of Python.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

from sage_platform.outbound.errors import AddressRefused

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class Reach(IntEnum):
    """Who may reach an address. The greater value is the stricter one, so that `max` judges several addresses together."""

    PUBLIC = 0  # everybody
    PRIVATE = 1  # where the deployment opens it
    FORBIDDEN = 2  # nobody


def _networks(*blocks: str) -> tuple[Network, ...]:
    return tuple(ip_network(block) for block in blocks)


# No setting opens these: the metadata services of clouds hand out the machine's own keys to whoever asks from the machine.
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
# What the IANA's registries of special addresses (RFC 6890) do not call globally reachable. A few addresses within
# 192.0.0.0/24 and 2001::/23 are called so; no web server has them, and they are refused with their block.
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
IPV6_ITSELF = IPv6Network("::/127")  # `::` and `::1` are within ::/96, but stand for no IPv4 address.
LOCAL_NAT64 = IPv6Network("64:ff9b:1::/48")
ISATAP = (b"\x00\x00\x5e\xfe", b"\x02\x00\x5e\xfe")  # RFC 5214 §6.1


def reach(address: Address) -> Reach:
    """Who may reach the address by what it is, before any setting is looked at."""
    if isinstance(address, IPv4Address):
        return _listed(address)
    if spoken := stands_for(address):
        return max(map(_listed, spoken))
    carried = [_listed(each) for each in _isatap(address)]
    if any(each in network for each in _local_translations(address) for network in METADATA):
        carried.append(Reach.FORBIDDEN)
    return max([_listed(address), *carried])


def stands_for(address: Address) -> list[IPv4Address]:
    """The IPv4 addresses that a connection to this IPv6 one would reach or pass, through a translator or a tunnel."""
    if not isinstance(address, IPv6Address) or address in IPV6_ITSELF:
        return []
    if any(address in tail for tail in TAILS):
        return [IPv4Address(address.packed[12:])]
    if address.sixtofour:
        return [address.sixtofour]
    return list(address.teredo or ())  # Its server and its client.


def _isatap(address: IPv6Address) -> Iterator[IPv4Address]:
    """The IPv4 address at the end of an ISATAP one. It is judged beside the IPv6 address, which has a meaning of its own."""
    if address.packed[8:12] in ISATAP:
        yield IPv4Address(address.packed[12:])


def _local_translations(address: IPv6Address) -> Iterator[IPv4Address]:
    """The IPv4 addresses that a network's own translator may read here: the place depends on its prefix's length, which only
    the network knows (RFC 6052 §2.2). Only one of the four is meant; the other three are bytes that mean something else. So
    they are compared with the metadata services alone: compared with all of FORBIDDEN, good addresses would be refused by chance.
    """
    if address in LOCAL_NAT64:
        packed = address.packed
        yield from map(IPv4Address, (packed[6:8] + packed[9:11], packed[7:8] + packed[9:12], packed[9:13], packed[12:]))


def _listed(address: Address) -> Reach:
    if any(address in network for network in FORBIDDEN):
        return Reach.FORBIDDEN
    if any(address in network for network in PRIVATE):
        return Reach.PRIVATE
    # Outside of 2000::/3 the IANA has given nothing out but the blocks above (RFC 4291 §2.4).
    return Reach.FORBIDDEN if isinstance(address, IPv6Address) and address not in GLOBAL_IPV6 else Reach.PUBLIC


# `10.0.0.5:8080`, `10.1.0.0/16:443`, `[fd00::5]:8080`, `[fd00::/8]:443`.
WITH_PORT = re.compile(r"(?:\[(?P<ipv6>[^\[\]]+)\]|(?P<ipv4>[^\[\]:]+)):(?P<port>[0-9]{1,5})", re.ASCII)


@dataclass(frozen=True)
class AllowedNetwork:
    """A private network that the deployment opens: one port of it, or every port when `port` is None."""

    network: Network
    port: int | None = None

    @classmethod
    def parse(cls, text: str) -> "AllowedNetwork":
        """An address or a CIDR block, perhaps with a port; an IPv6 one stands in brackets then. Raises ValueError.

        Without brackets `fd00::5:8080` is an IPv6 address like any other, and opens every port of that.
        """
        parts = WITH_PORT.fullmatch(text)
        if parts is None:
            return cls(ip_network(text))
        port = int(parts["port"])
        if not 1 <= port <= 65535:
            raise ValueError("A port is a number from 1 to 65535.")
        return cls(IPv6Network(parts["ipv6"]) if parts["ipv6"] else IPv4Network(parts["ipv4"]), port)

    def __str__(self) -> str:
        if self.port is None:
            return str(self.network)
        return f"[{self.network}]:{self.port}" if self.network.version == 6 else f"{self.network}:{self.port}"

    def opens(self, address: Address, port: int) -> bool:
        return address in self.network and self.port in {None, port}


def read_allowed_networks(text: str) -> list[AllowedNetwork]:
    """Entries separated by commas. Raises ValueError, whose text says what is expected."""
    try:
        return [AllowedNetwork.parse(entry.strip()) for entry in text.split(",") if entry.strip()]
    except ValueError:
        raise ValueError(
            "IP addresses or CIDR blocks separated by commas, each with or without a port, "
            "such as 10.0.0.5:8080, [fd00::5]:8080 or 10.1.0.0/16"
        ) from None


@dataclass(frozen=True)
class Policy:
    """What the deployment opens. It opens private networks only, never what is forbidden."""

    allow_private: bool
    allowed_networks: Sequence[AllowedNetwork] = ()

    def check(self, address: Address, port: int, *, trusted: bool) -> None:
        """Raises AddressRefused. `trusted`: the address comes from the deployment's own settings and may be private."""
        far = reach(address)
        if far is Reach.PUBLIC:
            return
        if far is Reach.FORBIDDEN or not (trusted or self.allow_private or self._allowed(address, port)):
            raise AddressRefused

    def _allowed(self, address: Address, port: int) -> bool:
        return self._all_open([address], port) or self._all_open(stands_for(address), port)

    def _all_open(self, addresses: Sequence[Address], port: int) -> bool:
        """False where there are none: an address that stands for no other is not opened by that."""
        return bool(addresses) and all(any(each.opens(address, port) for each in self.allowed_networks) for address in addresses)

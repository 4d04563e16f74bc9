"""Each special block of addresses, to its first and last, in each kind of deployment and in each form that leads there."""

from collections.abc import Callable
from functools import partial
from ipaddress import IPv6Address

import pytest

from sage_platform.outbound import AddressRefused
from tests.outbound.blocks import (
    FORBIDDEN,
    IANA_IPV4,
    IANA_IPV6,
    LOOKALIKES,
    MORE_IPV4,
    MORE_IPV6,
    PRIVATE,
    PUBLIC,
    Row,
    edges,
    ways_through_a_local_nat64,
    ways_to,
)
from tests.outbound.doors import DEVELOPMENT, PRODUCTION, Names, door_of, get

CHECKS: dict[str, Callable[[str], None]] = {
    "development": door_of(DEVELOPMENT).check,
    "production": door_of(PRODUCTION).check,
    "production, an address of its own settings": partial(door_of(PRODUCTION).check, trusted=True),
    "production, all networks allowed": door_of(PRODUCTION, "0.0.0.0/0", "::/0").check,
}
REACHED = {
    PUBLIC: list(CHECKS),
    PRIVATE: ["development", "production, an address of its own settings", "production, all networks allowed"],
    FORBIDDEN: [],
}


def reached(address: str) -> list[str]:
    """The deployments whose door lets it through."""
    found: list[str] = []
    for deployment, check in CHECKS.items():
        try:
            check(f"http://[{address}]/" if ":" in address else f"http://{address}/")
        except AddressRefused:
            continue
        found.append(deployment)
    return found


def assert_reached(wanted: dict[str, str]) -> None:
    """`wanted`: how far each address may be reached."""
    assert {address: reached(address) for address in wanted} == {address: REACHED[far] for address, far in wanted.items()}


def rows_id(row: object) -> str:
    return row[0] if isinstance(row, tuple) else ""


@pytest.mark.parametrize("row", [*IANA_IPV4, *MORE_IPV4], ids=rows_id)
def test_the_edges_of_an_ipv4_block_in_each_form(row: Row) -> None:
    block, *verdicts = row
    assert_reached({way: far for number, far in zip(edges(block), verdicts, strict=True) if far for way in ways_to(number)})


@pytest.mark.parametrize("row", [*IANA_IPV6, *MORE_IPV6], ids=rows_id)
def test_the_edges_of_an_ipv6_block(row: Row) -> None:
    block, *verdicts = row
    assert_reached({str(IPv6Address(number)): far for number, far in zip(edges(block), verdicts, strict=True) if far})


def test_the_lists_are_whole() -> None:
    """As many blocks as the registries have, each once."""
    assert (len(IANA_IPV4), len(IANA_IPV6)) == (26, 25)
    blocks = [row[0] for row in (*IANA_IPV4, *MORE_IPV4, *IANA_IPV6, *MORE_IPV6)]
    assert len(set(blocks)) == len(blocks)


@pytest.mark.parametrize(("address", "far"), LOOKALIKES.items())
def test_what_only_looks_like_an_ipv4_address_within_an_ipv6_one(address: str, far: str) -> None:
    assert_reached({address: far})


LOCAL_NAT64 = {
    "169.254.0.0": FORBIDDEN,
    "169.254.169.254": FORBIDDEN,
    "169.254.255.255": FORBIDDEN,
    "100.100.100.200": FORBIDDEN,
    "168.63.129.16": FORBIDDEN,
    "192.0.0.192": FORBIDDEN,
    "169.253.255.255": PRIVATE,
    "169.255.0.0": PRIVATE,
    "100.100.100.199": PRIVATE,
    "168.63.129.17": PRIVATE,
    "10.0.0.1": PRIVATE,
    # A public address too: the translator stands in the deployment's own network.
    "8.8.8.8": PRIVATE,
    # Nobody answers TCP at these. The zeros that fill up every such address would read as 0.0.0.0, were that forbidden here.
    "0.0.0.0": PRIVATE,
    "224.0.0.1": PRIVATE,
    "255.255.255.255": PRIVATE,
}


@pytest.mark.parametrize(("address", "far"), LOCAL_NAT64.items())
def test_an_ipv4_address_behind_a_networks_own_translator(address: str, far: str) -> None:
    assert_reached(dict.fromkeys(ways_through_a_local_nat64(address), far))


ALWAYS_REFUSED = [
    *ways_to(0xA9FEA9FE),  # 169.254.169.254
    *ways_to(0x646464C8),  # 100.100.100.200
    *ways_to(0xA83F8110),  # 168.63.129.16
    *ways_to(0xC00000C0),  # 192.0.0.192
    *ways_to(0),
    *ways_to(0xE0000001),  # 224.0.0.1
    *ways_to(0xFFFFFFFF),
    *ways_through_a_local_nat64("169.254.169.254"),
    *ways_through_a_local_nat64("100.100.100.200"),
    *ways_through_a_local_nat64("168.63.129.16"),
    "fe80::1",
    "fe80::1%eth0",
    "fd00:ec2::254",
    "fd20:ce::254",
    "ff02::1",
]


@pytest.mark.parametrize("address", ALWAYS_REFUSED)
def test_a_name_never_leads_there(address: str) -> None:
    """Neither alone nor behind a good address, whatever the deployment opens."""
    for answers in ([address], ["93.184.216.34", address]):
        names = Names({"evil.example": answers})
        for door in (door_of(DEVELOPMENT, resolver=names), door_of(PRODUCTION, "0.0.0.0/0", "::/0", resolver=names)):
            for trusted in (False, True):
                with pytest.raises(AddressRefused):
                    get(door, "http://evil.example/", trusted=trusted, seconds=2)
        assert names.asked == [("evil.example", 80)] * 4

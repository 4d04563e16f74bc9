"""The special blocks of the address space, and how far the addresses at their edges may be reached.

Written down from the registries and RFCs that are named, and not made from the policy's own tables: so it notices when an entry
there is lost, cut in half or made too wide. The two lists of the IANA are whole, as of October 2025:
https://www.iana.org/assignments/iana-ipv4-special-registry and https://www.iana.org/assignments/iana-ipv6-special-registry

A row is: the block, and what becomes of the address just before it, of its first, of its last, and of the one just after it.
None stands where there is no address, at the ends of the address space.
"""

from ipaddress import IPv4Address, IPv6Address

# PUBLIC: always reached. PRIVATE: only where the deployment opens it. FORBIDDEN: never.
PUBLIC, PRIVATE, FORBIDDEN = "public", "private", "forbidden"

Row = tuple[str, str | None, str, str, str | None]

IANA_IPV4: list[Row] = [
    ("0.0.0.0/8", None, FORBIDDEN, FORBIDDEN, PUBLIC),  # this network
    ("0.0.0.0/32", None, FORBIDDEN, FORBIDDEN, FORBIDDEN),  # this host on this network
    ("10.0.0.0/8", PUBLIC, PRIVATE, PRIVATE, PUBLIC),  # private use
    ("100.64.0.0/10", PUBLIC, PRIVATE, PRIVATE, PUBLIC),  # shared address space
    ("127.0.0.0/8", PUBLIC, PRIVATE, PRIVATE, PUBLIC),  # loopback
    ("169.254.0.0/16", PUBLIC, FORBIDDEN, FORBIDDEN, PUBLIC),  # link-local
    ("172.16.0.0/12", PUBLIC, PRIVATE, PRIVATE, PUBLIC),  # private use
    ("192.0.0.0/24", PUBLIC, PRIVATE, PRIVATE, PUBLIC),  # IETF protocol assignments
    ("192.0.0.0/29", PUBLIC, PRIVATE, PRIVATE, PRIVATE),  # IPv4 service continuity
    ("192.0.0.8/32", PRIVATE, PRIVATE, PRIVATE, PRIVATE),  # IPv4 dummy address
    # The registry calls the next two globally reachable. No web server has them, and so they are refused with their block.
    ("192.0.0.9/32", PRIVATE, PRIVATE, PRIVATE, PRIVATE),  # port control protocol anycast
    ("192.0.0.10/32", PRIVATE, PRIVATE, PRIVATE, PRIVATE),  # TURN anycast
    ("192.0.0.170/32", PRIVATE, PRIVATE, PRIVATE, PRIVATE),  # NAT64/DNS64 discovery
    ("192.0.0.171/32", PRIVATE, PRIVATE, PRIVATE, PRIVATE),  # NAT64/DNS64 discovery
    ("192.0.2.0/24", PUBLIC, PRIVATE, PRIVATE, PUBLIC),  # documentation (TEST-NET-1)
    ("192.31.196.0/24", PUBLIC, PUBLIC, PUBLIC, PUBLIC),  # AS112, globally reachable
    ("192.52.193.0/24", PUBLIC, PUBLIC, PUBLIC, PUBLIC),  # AMT, globally reachable
    ("192.88.99.0/24", PUBLIC, PRIVATE, PRIVATE, PUBLIC),  # former 6to4 relays
    ("192.88.99.2/32", PRIVATE, PRIVATE, PRIVATE, PRIVATE),  # 6a44 relay
    ("192.168.0.0/16", PUBLIC, PRIVATE, PRIVATE, PUBLIC),  # private use
    ("192.175.48.0/24", PUBLIC, PUBLIC, PUBLIC, PUBLIC),  # direct delegation AS112, globally reachable
    ("198.18.0.0/15", PUBLIC, PRIVATE, PRIVATE, PUBLIC),  # benchmarking
    ("198.51.100.0/24", PUBLIC, PRIVATE, PRIVATE, PUBLIC),  # documentation (TEST-NET-2)
    ("203.0.113.0/24", PUBLIC, PRIVATE, PRIVATE, PUBLIC),  # documentation (TEST-NET-3)
    ("240.0.0.0/4", FORBIDDEN, FORBIDDEN, FORBIDDEN, None),  # reserved
    ("255.255.255.255/32", FORBIDDEN, FORBIDDEN, FORBIDDEN, None),  # limited broadcast
]
MORE_IPV4: list[Row] = [
    ("224.0.0.0/4", PUBLIC, FORBIDDEN, FORBIDDEN, FORBIDDEN),  # multicast (RFC 5771)
    # Metadata services of clouds.
    ("169.254.169.254/32", FORBIDDEN, FORBIDDEN, FORBIDDEN, FORBIDDEN),  # AWS, Google, Azure and most others
    ("100.100.100.200/32", PRIVATE, FORBIDDEN, FORBIDDEN, PRIVATE),  # Alibaba
    ("168.63.129.16/32", PUBLIC, FORBIDDEN, FORBIDDEN, PUBLIC),  # Azure
    ("192.0.0.192/32", PRIVATE, FORBIDDEN, FORBIDDEN, PRIVATE),  # Oracle
]

# The edges of a block that carries IPv4 addresses are 0.0.0.0 and 255.255.255.255, and so they are forbidden. Outside of 2000::/3
# nothing has been given out but for the blocks here, and so an address beside them is forbidden as well.
IANA_IPV6: list[Row] = [
    ("::1/128", FORBIDDEN, PRIVATE, PRIVATE, FORBIDDEN),  # loopback
    ("::/128", None, FORBIDDEN, FORBIDDEN, PRIVATE),  # unspecified
    ("::ffff:0:0/96", FORBIDDEN, FORBIDDEN, FORBIDDEN, FORBIDDEN),  # IPv4-mapped
    ("64:ff9b::/96", FORBIDDEN, FORBIDDEN, FORBIDDEN, FORBIDDEN),  # NAT64
    ("64:ff9b:1::/48", FORBIDDEN, PRIVATE, PRIVATE, FORBIDDEN),  # a network's own NAT64
    ("100::/64", FORBIDDEN, PRIVATE, PRIVATE, PRIVATE),  # discard only
    ("100:0:0:1::/64", PRIVATE, PRIVATE, PRIVATE, PRIVATE),  # dummy prefix
    ("2001::/23", PUBLIC, FORBIDDEN, PRIVATE, PUBLIC),  # IETF protocol assignments; the first is Teredo's
    ("2001::/32", PUBLIC, FORBIDDEN, FORBIDDEN, PRIVATE),  # Teredo
    # Some within 2001::/23 are called globally reachable. No web server has them, and so they are refused with their block.
    ("2001:1::1/128", PRIVATE, PRIVATE, PRIVATE, PRIVATE),  # port control protocol anycast
    ("2001:1::2/128", PRIVATE, PRIVATE, PRIVATE, PRIVATE),  # TURN anycast
    ("2001:1::3/128", PRIVATE, PRIVATE, PRIVATE, PRIVATE),  # DNS-SD service registration anycast
    ("2001:2::/48", PRIVATE, PRIVATE, PRIVATE, PRIVATE),  # benchmarking
    ("2001:3::/32", PRIVATE, PRIVATE, PRIVATE, PRIVATE),  # AMT
    ("2001:4:112::/48", PRIVATE, PRIVATE, PRIVATE, PRIVATE),  # AS112
    ("2001:10::/28", PRIVATE, PRIVATE, PRIVATE, PRIVATE),  # former ORCHID
    ("2001:20::/28", PRIVATE, PRIVATE, PRIVATE, PRIVATE),  # ORCHIDv2
    ("2001:30::/28", PRIVATE, PRIVATE, PRIVATE, PRIVATE),  # drones' remote identification
    ("2001:db8::/32", PUBLIC, PRIVATE, PRIVATE, PUBLIC),  # documentation
    ("2002::/16", PUBLIC, FORBIDDEN, FORBIDDEN, PUBLIC),  # 6to4
    ("2620:4f:8000::/48", PUBLIC, PUBLIC, PUBLIC, PUBLIC),  # direct delegation AS112, globally reachable
    ("3fff::/20", PUBLIC, PRIVATE, PRIVATE, PUBLIC),  # documentation
    ("5f00::/16", FORBIDDEN, PRIVATE, PRIVATE, FORBIDDEN),  # segment routing
    ("fc00::/7", FORBIDDEN, PRIVATE, PRIVATE, FORBIDDEN),  # unique local
    ("fe80::/10", FORBIDDEN, FORBIDDEN, FORBIDDEN, PRIVATE),  # link-local
]
MORE_IPV6: list[Row] = [
    ("::/96", None, FORBIDDEN, FORBIDDEN, FORBIDDEN),  # IPv4-compatible (RFC 4291 §2.5.5.1)
    ("::ffff:0:0:0/96", FORBIDDEN, FORBIDDEN, FORBIDDEN, FORBIDDEN),  # IPv4-translated (RFC 2765)
    ("100::/32", FORBIDDEN, PRIVATE, PRIVATE, FORBIDDEN),  # both of the 100:: blocks, and what may join them
    ("2000::/3", FORBIDDEN, PUBLIC, PUBLIC, FORBIDDEN),  # all that has been given out (RFC 4291 §2.4)
    ("fec0::/10", FORBIDDEN, PRIVATE, PRIVATE, FORBIDDEN),  # site-local (RFC 3879)
    ("ff00::/8", PRIVATE, FORBIDDEN, FORBIDDEN, None),  # multicast (RFC 4291 §2.7)
    # Metadata services of clouds.
    ("fd00:ec2::/32", PRIVATE, FORBIDDEN, FORBIDDEN, PRIVATE),  # AWS
    ("fd00:ec2::254/128", FORBIDDEN, FORBIDDEN, FORBIDDEN, FORBIDDEN),  # AWS
    ("fd20:ce::254/128", PRIVATE, FORBIDDEN, FORBIDDEN, PRIVATE),  # Google
]

# They look like one of the forms that carry an IPv4 address, and are none: 10.0.0.1 and 8.8.8.8 in them mean nothing.
LOOKALIKES = {
    "::1:808:808": FORBIDDEN,
    "::fffe:808:808": FORBIDDEN,
    "::1:ffff:808:808": FORBIDDEN,
    "::fffe:0:808:808": FORBIDDEN,
    "::ffff:1:808:808": FORBIDDEN,
    "::1:0:808:808": FORBIDDEN,
    "64:ff9a::808:808": FORBIDDEN,
    "64:ff9b::1:808:808": FORBIDDEN,
    "64:ff9b:0:1::808:808": FORBIDDEN,
    "64:ff9b:2::808:808": FORBIDDEN,
    "2003:a00:1::": PUBLIC,
    "2606:4700::5eff:a00:1": PUBLIC,
    "2606:4700::100:5efe:a00:1": PUBLIC,
    "2606:4700:0:0:5efe:a00:1:0": PUBLIC,
}


def edges(block: str) -> tuple[int, int, int, int]:
    """The numbers of the four addresses that a row tells of."""
    text, _slash, prefix = block.partition("/")
    width, first = (128, int(IPv6Address(text))) if ":" in text else (32, int(IPv4Address(text)))
    size = 1 << (width - int(prefix))
    return first - 1, first, first + size - 1, first + size


def ipv6(*parts: bytes) -> str:
    return str(IPv6Address(b"".join(parts)))


def ways_to(number: int) -> list[str]:
    """The IPv4 address, and the IPv6 ones that lead to it and are judged like it."""
    address = IPv4Address(number)
    it = address.packed
    inverted = bytes(byte ^ 0xFF for byte in it)
    forms = {
        "IPv4-mapped": ipv6(bytes(10), b"\xff\xff", it),
        "IPv4-compatible": ipv6(bytes(12), it),
        "IPv4-translated": ipv6(bytes(8), b"\xff\xff\0\0", it),
        "NAT64": ipv6(b"\x00\x64\xff\x9b", bytes(8), it),
        "6to4": ipv6(b"\x20\x02", it, bytes(10)),
        "6to4 with a network and a host": ipv6(b"\x20\x02", it, b"\x12\x34", bytes(7), b"\x01"),
        # The other end of the tunnel is 8.8.8.8, which is public.
        "Teredo's server": ipv6(b"\x20\x01\0\0", it, bytes(4), b"\xf7\xf7\xf7\xf7"),
        "Teredo's client": ipv6(b"\x20\x01\0\0", b"\x08\x08\x08\x08", bytes(4), inverted),
        "ISATAP": ipv6(b"\x26\x06\x47\x00", bytes(6), b"\x5e\xfe", it),
        "ISATAP of a global address": ipv6(b"\x26\x06\x47\x00", bytes(4), b"\x02\0\x5e\xfe", it),
    }
    if number == 1:
        del forms["IPv4-compatible"]  # That is ::1, and stands for nothing else.
    return [str(address), *forms.values()]


def ways_through_a_local_nat64(address: str) -> list[str]:
    """Where a translator behind 64:ff9b:1::/48 has it when its prefix is of 48, 56, 64 or 96 bits (RFC 6052 §2.2)."""
    it = IPv4Address(address).packed
    prefix = b"\x00\x64\xff\x9b\x00\x01"
    return [
        ipv6(prefix, it[:2], b"\0", it[2:], bytes(5)),
        ipv6(prefix, b"\0", it[:1], b"\0", it[1:], bytes(4)),
        ipv6(prefix, bytes(3), it, bytes(3)),
        ipv6(prefix, bytes(6), it),
    ]

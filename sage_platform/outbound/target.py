"""Reads an address into its parts, or refuses it where programs could read it in different ways.

What a person types is read as browsers read it (WHATWG URL). Refused is what only an attacker would type: user names, escapes
and zones in the host, backslashes, control characters. The host is kept in one spelling, so that what is checked, connected to,
verified by TLS and sent as Host is the same.
"""

import re
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import SplitResult, urlsplit

import idna

from sage_platform.outbound.errors import MalformedAddress
from sage_platform.outbound.policy import Address

LONGEST = 8192
LONGEST_HOST = 253
DEFAULT_PORTS = {"http": 80, "https": 443}
# A space, a control character, or a backslash, which browsers take for a slash and others do not.
UNWANTED = re.compile(r"[\x00-\x20\x7f-\xa0\\\ud800-\udfff]")
AUTHORITY = re.compile(r"(?:\[(?P<ipv6>[0-9a-fA-F:.]+)\]|(?P<name>[^\[\]:@%]+))(?::(?P<port>[0-9]{1,5}))?", re.ASCII)
LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
NUMBER = re.compile(r"0x[0-9a-f]{1,16}|[0-9]{1,16}", re.ASCII)
# What browsers take for one: `0x` is zero for them, and leading zeros may be many.
LIKE_A_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+", re.ASCII)
LOOPBACK = IPv4Address("127.0.0.1")


@dataclass(frozen=True)
class Target:
    """Where a request goes. `host` is an ASCII name in small letters without a trailing dot, or an IP address."""

    scheme: str
    host: str
    port: int
    path: str = field(repr=False)
    literal: Address | None = None

    @property
    def origin(self) -> tuple[str, str, int]:
        return self.scheme, self.host, self.port

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.path}"

    @property
    def known_address(self) -> Address | None:
        """The IP address that can be told without asking a resolver (RFC 6761 §6.3 for localhost)."""
        if self.literal is None and (self.host == "localhost" or self.host.endswith(".localhost")):
            return LOOPBACK
        return self.literal


def parse(url: str) -> Target:
    """Raises MalformedAddress. The fragment is dropped."""
    if len(url) > LONGEST or UNWANTED.search(url):
        raise MalformedAddress
    try:
        parts = urlsplit(url)
    except ValueError:
        raise MalformedAddress from None
    authority = AUTHORITY.fullmatch(parts.netloc)
    if parts.scheme not in DEFAULT_PORTS or authority is None:
        raise MalformedAddress
    port = int(authority["port"] or DEFAULT_PORTS[parts.scheme])
    if not 1 <= port <= 65535:
        raise MalformedAddress
    literal: Address | None = _ipv6(authority["ipv6"]) if authority["ipv6"] else None
    host = "" if literal else _plain_name(authority["name"])
    literal = literal or _ipv4(host)
    return Target(parts.scheme, str(literal or host), port, _path(parts), literal)


def _path(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _ipv6(text: str) -> IPv6Address:
    try:
        return IPv6Address(text)
    except ValueError:
        raise MalformedAddress from None


def _plain_name(text: str) -> str:
    """The name as DNS and certificates have it. Full-width digits, ideographic dots and the like become the plain ones."""
    name = text.lower()
    if not name.isascii():
        if len(name) > LONGEST_HOST:
            raise MalformedAddress
        try:
            name = idna.encode(name, uts46=True).decode("ascii")
        except UnicodeError:
            raise MalformedAddress from None
    name = name.removesuffix(".")
    if len(name) > LONGEST_HOST or not all(LABEL.fullmatch(label) for label in name.split(".")):
        raise MalformedAddress
    return name


def _ipv4(name: str) -> IPv4Address | None:
    """The IPv4 address in any spelling that resolvers take (127.1, 0x7f000001, 0177.0.0.1), or None where it is a name.

    A name never ends in a number, so whatever does is an address or nothing.
    """
    labels = name.split(".")
    if not LIKE_A_NUMBER.fullmatch(labels[-1]):
        return None
    numbers = [_number(label) for label in labels]
    *front, last = numbers
    if len(numbers) > 4 or any(number > 255 for number in front) or last >= 256 ** (5 - len(numbers)):
        raise MalformedAddress
    return IPv4Address(sum(number << 8 * (3 - place) for place, number in enumerate(front)) + last)


def _number(label: str) -> int:
    if not NUMBER.fullmatch(label):
        raise MalformedAddress
    base = 16 if label.startswith("0x") else 8 if label.startswith("0") else 10
    try:
        return int(label, base)
    except ValueError:
        raise MalformedAddress from None

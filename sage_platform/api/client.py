"""Where a request comes from. A forwarded address counts only from a proxy that the deployment trusts."""

import re
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any

from django.conf import settings
from django.http import HttpRequest

Address = IPv4Address | IPv6Address


# An address as proxies write it (RFC 7239 §6): perhaps with a port, in quotes, and an IPv6 one in brackets and with a zone.
WRITTEN = re.compile(
    r"""(?P<quote>"?)(?:\[(?P<bracketed>[0-9A-Fa-f:.]+)(?:%[\w.-]+)?\](?::\d{1,5})?|(?P<ipv4>[0-9.]+)(?::\d{1,5})?"""
    r"""|(?P<ipv6>[0-9A-Fa-f:.]+)(?:%[\w.-]+)?)(?P=quote)\Z"""
)


def parse_address(text: str) -> Address | None:
    """An IP address in any form in which proxies write one. An IPv4 address that IPv6 carries (RFC 4291 §2.5.5.2) is that one."""
    written = WRITTEN.match(text.strip())
    if written is None:
        return None
    try:
        address = ip_address(written["bracketed"] or written["ipv4"] or written["ipv6"])
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def peer_address(request: HttpRequest) -> Address | None:
    """The socket's peer, which no header can change."""
    return parse_address(str(request.META.get("REMOTE_ADDR", "")))


def comes_through_trusted_proxy(request: HttpRequest) -> bool:
    peer = peer_address(request)
    return peer is not None and _trusted(peer)


def came_by_https(request: HttpRequest) -> bool:
    """Whether the person's browser spoke TLS, as a trusted proxy tells. Of several proxies the first one's word counts."""
    told = request.META.get("HTTP_X_FORWARDED_PROTO")
    return told is not None and told.partition(",")[0].strip().lower() == "https" and comes_through_trusted_proxy(request)


def client_address(request: HttpRequest) -> Address | None:
    """The caller's address: the nearest one in X-Forwarded-For that is no trusted proxy, or the socket's."""
    return _address_in(request.META)


def _address_in(environ: Mapping[str, Any]) -> Address | None:
    address = parse_address(str(environ.get("REMOTE_ADDR", "")))
    if address is None or not _trusted(address):
        return address
    for hop in reversed(environ.get("HTTP_X_FORWARDED_FOR", "").split(",")):
        forwarded = parse_address(hop)
        if forwarded is None:
            break  # What stands before an unreadable hop is anybody's invention.
        address = forwarded
        if not _trusted(address):
            break
    return address


def client_key(request: HttpRequest) -> str:
    """The address that limits count by: IPv6 by its /64, since one subscriber holds at least that much."""
    return client_key_in(request.META)


def client_key_in(environ: Mapping[str, Any]) -> str:
    """As `client_key`, in front of Django."""
    address = _address_in(environ)
    if isinstance(address, IPv6Address):
        return str(IPv6Network((address, 64), strict=False))
    return str(address or "unknown")


def _trusted(address: Address) -> bool:
    return any(address in network for network in settings.SAGE_TRUSTED_PROXIES)

"""Where a request comes from. A forwarded address counts only from a proxy that the deployment trusts."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from django.conf import settings
from django.http import HttpRequest

Address = IPv4Address | IPv6Address


def parse_address(text: str) -> Address | None:
    """An IP address. An IPv4 address that is written as an IPv6 one (RFC 4291 §2.5.5.2) becomes the IPv4 address."""
    try:
        address = ip_address(text.strip().strip("[]"))
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def peer_address(request: HttpRequest) -> Address | None:
    """The socket's peer, which no header can change."""
    return parse_address(str(request.META.get("REMOTE_ADDR", "")))


def comes_through_trusted_proxy(request: HttpRequest) -> bool:
    peer = peer_address(request)
    return peer is not None and _trusted(peer)


def client_address(request: HttpRequest) -> Address | None:
    """The caller's address: the nearest one in X-Forwarded-For that is no trusted proxy, or the socket's."""
    address = peer_address(request)
    if address is None or not _trusted(address):
        return address
    for hop in reversed(request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")):
        forwarded = parse_address(hop)
        if forwarded is None:
            break  # No proxy of ours wrote this hop, so whatever is left of it may be made up.
        address = forwarded
        if not _trusted(address):
            break
    return address


def client_key(request: HttpRequest) -> str:
    """The address that limits count by: IPv6 by its /64, since one subscriber holds at least that much."""
    address = client_address(request)
    if isinstance(address, IPv6Address):
        return str(IPv6Network((address, 64), strict=False))
    return str(address or "unknown")


def _trusted(address: Address) -> bool:
    return any(address in network for network in settings.SAGE_TRUSTED_PROXIES)

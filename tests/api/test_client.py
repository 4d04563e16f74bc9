"""Where a request comes from: what limits count by, and what a caller may not make up."""

from ipaddress import ip_network
from typing import Any

import pytest
from django.http import HttpRequest
from django.test import Client, RequestFactory
from pytest_django import Settings

from sage_platform.api.client import client_key, comes_through_trusted_proxy

PROXIES = ["10.0.0.1/32", "192.168.0.0/16", "fd00::/8"]


def request_from(peer: str, forwarded: str | None = None) -> HttpRequest:
    extra: dict[str, Any] = {"REMOTE_ADDR": peer}
    if forwarded is not None:
        extra["HTTP_X_FORWARDED_FOR"] = forwarded
    return RequestFactory().get("/", **extra)


# (the socket's peer, X-Forwarded-For, what counts)
CASES = [
    ("203.0.113.9", None, "203.0.113.9"),
    # Nobody but a trusted proxy may forward an address.
    ("203.0.113.9", "198.51.100.7", "203.0.113.9"),
    ("10.0.0.2", "198.51.100.7", "10.0.0.2"),
    ("10.0.0.1", "198.51.100.7", "198.51.100.7"),
    ("10.0.0.1", None, "10.0.0.1"),
    ("10.0.0.1", "", "10.0.0.1"),
    # The client's own invention stands to the left of what the proxy saw.
    ("10.0.0.1", "1.1.1.1, 198.51.100.7", "198.51.100.7"),
    ("10.0.0.1", "10.0.0.1, 1.1.1.1, 198.51.100.7", "198.51.100.7"),
    ("10.0.0.1", "1.1.1.1,198.51.100.7,192.168.3.4", "198.51.100.7"),
    ("10.0.0.1", "192.168.3.4, 10.0.0.1", "192.168.3.4"),
    # What is left of an unreadable hop does not count.
    ("10.0.0.1", "1.1.1.1, garbage", "10.0.0.1"),
    ("10.0.0.1", "1.1.1.1, garbage, 192.168.3.4", "192.168.3.4"),
    ("10.0.0.1", "1.1.1.1, ", "10.0.0.1"),
    ("10.0.0.1", "1.1.1.1, 1.2.3.4.5", "10.0.0.1"),
    ("10.0.0.1", "1.1.1.1, 010.1.1.1", "10.0.0.1"),
    ("10.0.0.1", "1.1.1.1, <script>", "10.0.0.1"),
    ("10.0.0.1", "2130706433", "10.0.0.1"),
    # IPv6 counts by /64.
    ("2001:db8:1:2:3:4:5:6", None, "2001:db8:1:2::/64"),
    ("2001:db8:1:2:ffff::1", None, "2001:db8:1:2::/64"),
    ("2001:db8:1:3::1", None, "2001:db8:1:3::/64"),
    ("fd00::1", "2001:db8:1:2::9", "2001:db8:1:2::/64"),
    ("fd00::1", "[2001:db8:1:2::9]", "2001:db8:1:2::/64"),
    # An IPv4 address that is written as an IPv6 one is the IPv4 address: as a peer, as a proxy, and forwarded.
    ("::ffff:203.0.113.9", None, "203.0.113.9"),
    ("::ffff:203.0.113.9", "198.51.100.7", "203.0.113.9"),
    ("::ffff:10.0.0.1", "198.51.100.7", "198.51.100.7"),
    ("10.0.0.1", "::ffff:198.51.100.7", "198.51.100.7"),
    # No address at all, as when the proxy is connected by a Unix socket.
    ("", None, "unknown"),
    ("", "198.51.100.7", "unknown"),
    ("garbage", "198.51.100.7", "unknown"),
]


@pytest.mark.parametrize(("peer", "forwarded", "expected"), CASES)
def test_what_counts_as_the_client(peer: str, forwarded: str | None, expected: str, settings: Settings) -> None:
    settings.SAGE_TRUSTED_PROXIES = [ip_network(proxy) for proxy in PROXIES]
    assert client_key(request_from(peer, forwarded)) == expected


@pytest.mark.parametrize("peer", ["203.0.113.9", "10.0.0.1", "127.0.0.1", "::1"])
def test_nobody_is_trusted_unless_told(peer: str, settings: Settings) -> None:
    settings.SAGE_TRUSTED_PROXIES = []
    assert client_key(request_from(peer, "198.51.100.7")) in {peer, "::/64"}
    assert not comes_through_trusted_proxy(request_from(peer))


@pytest.mark.parametrize(
    ("peer", "proto", "scheme"),
    [
        ("10.0.0.1", "https", "https"),
        ("10.0.0.1", "http", "http"),
        ("203.0.113.9", "https", "http"),
        ("10.0.0.1", "HTTPS, http", "http"),
    ],
)
@pytest.mark.django_db
def test_the_forwarded_scheme_counts_only_from_a_trusted_proxy(
    peer: str, proto: str, scheme: str, settings: Settings, client: Client
) -> None:
    """The cross-site rule shows it: an Origin is the request's own only if the scheme is the same."""
    settings.SAGE_TRUSTED_PROXIES = [ip_network(proxy) for proxy in PROXIES]
    settings.ALLOWED_HOSTS = ["sage.example"]
    headers = {"X-Forwarded-Proto": proto, "Host": "sage.example", "Origin": "https://sage.example"}
    body = {"username_or_email": "nobody", "password": "wrong horse"}
    answer = client.post("/api/auth/login", body, content_type="application/json", headers=headers, REMOTE_ADDR=peer)
    assert answer.status_code == (200 if scheme == "https" else 403)

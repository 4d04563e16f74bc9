"""TLS: the certificate must be for the name that was asked for, although the connection goes to an address."""

import socket
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from threading import Barrier

import pytest

from sage_platform.outbound import AddressRefused, AnswerTooLarge, ConnectionFailed, Deadline, Door, RedirectRefused, TimedOut
from sage_platform.outbound.connection import read_tls, system_tls
from tests.outbound.authority import Authority
from tests.outbound.doors import DEVELOPMENT, PRODUCTION, Names, door_of, get
from tests.outbound.servers import Behaviour, Server, answer, redirects, says, serving

UNVERIFIED = "The server's certificate could not be verified."
INSECURE = "No encrypted connection to the server could be made."
NAMES = {"vendor.example": ["127.0.0.1"], "other.example": ["127.0.0.1"], "localhost": ["127.0.0.1"]}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def known(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The machine knows the authority: it is where OpenSSL looks, so that what verifies is what a deployment has."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
    read_tls.cache_clear()
    yield
    read_tls.cache_clear()


@pytest.fixture
def door(known: None) -> Door:
    return door_of(DEVELOPMENT, resolver=Names(NAMES))


@contextmanager
def secured(tls: ssl.SSLContext, behave: Behaviour | None = None) -> Iterator[tuple[Server, list[str | None]]]:
    """The server, and the names that clients asked it for in their greeting (RFC 6066 §3)."""
    greeted: list[str | None] = []
    tls.sni_callback = lambda _socket, name, _context: greeted.append(name)
    with serving(behave or says(answer()), tls=tls) as server:
        yield server, greeted


@pytest.mark.parametrize("host", ["vendor.example", "VENDOR.example.", "ｖｅｎｄｏｒ.example"])
def test_the_name_is_greeted_with_verified_and_sent(host: str, door: Door, authority: Authority) -> None:
    with secured(authority.server("vendor.example")) as (server, greeted):
        assert get(door, f"https://{host}:{server.port}/x").content == b"hello"
        assert greeted == ["vendor.example"]
        assert server.received[0].headers["host"] == f"vendor.example:{server.port}"


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433"])
def test_an_address_is_verified_as_an_address(host: str, door: Door, authority: Authority) -> None:
    with secured(authority.server("127.0.0.1")) as (server, greeted):
        assert get(door, f"https://{host}:{server.port}/x").content == b"hello"
        assert greeted == [None]


WRONG = [
    (["other.example"], "vendor.example"),
    (["vendor.example.evil.example"], "vendor.example"),
    (["*.vendor.example"], "vendor.example"),
    # The address that was connected to is not the name that was asked for.
    (["127.0.0.1"], "vendor.example"),
    (["vendor.example"], "127.0.0.1"),
    (["localhost"], "127.0.0.1"),
    (["127.0.0.2"], "127.0.0.1"),
]


@pytest.mark.parametrize(("hosts", "asked"), WRONG)
def test_a_certificate_for_another_host(hosts: list[str], asked: str, door: Door, authority: Authority) -> None:
    with secured(authority.server(*hosts)) as (server, _greeted):
        with pytest.raises(ConnectionFailed) as caught:
            get(door, f"https://{asked}:{server.port}/", headers={"Authorization": "Bearer s3cret"})
        assert server.connections == 1
        assert server.received == []  # The key was not sent.
    assert str(caught.value) == UNVERIFIED
    assert caught.value.__context__ is None


def test_a_certificate_that_has_run_out(door: Door, authority: Authority) -> None:
    with secured(authority.server("vendor.example", valid_for=timedelta(days=-1))) as (server, _greeted):
        with pytest.raises(ConnectionFailed) as caught:
            get(door, f"https://vendor.example:{server.port}/")
        assert server.received == []
    assert str(caught.value) == UNVERIFIED


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_an_authority_that_nobody_knows(variable: str, authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does the environment make it known by the ways of Requests."""
    monkeypatch.setenv(variable, str(authority.path))
    with secured(authority.server("vendor.example")) as (server, _greeted):
        for trusted in (False, True):
            with pytest.raises(ConnectionFailed) as caught:
                get(door_of(DEVELOPMENT, resolver=Names(NAMES)), f"https://vendor.example:{server.port}/", trusted=trusted)
            assert str(caught.value) == UNVERIFIED
        assert server.received == []


def test_the_authorities_of_requests_count_beside_the_machines(known: None) -> None:
    """Its bundle has more than a hundred; the file of the machine has the tests' own alone."""
    assert system_tls().cert_store_stats()["x509_ca"] > 100


def test_calls_at_the_same_time_read_the_authorities_once() -> None:
    read_tls.cache_clear()
    start = Barrier(8)

    def ask(_number: int) -> ssl.SSLContext:
        start.wait()
        return system_tls()

    with ThreadPoolExecutor(8) as pool:
        contexts = list(pool.map(ask, range(8)))
    assert all(context is contexts[0] for context in contexts)


def test_a_server_that_speaks_http_where_tls_was_asked_for(door: Door) -> None:
    with serving(says(answer()), reads=False) as server, pytest.raises(ConnectionFailed) as caught:
        get(door, f"https://127.0.0.1:{server.port}/")
    assert str(caught.value) == INSECURE


def test_an_old_version_of_tls(door: Door, authority: Authority) -> None:
    context = authority.server("vendor.example")
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with secured(context) as (server, _greeted):
        with pytest.raises(ConnectionFailed) as caught:
            get(door, f"https://vendor.example:{server.port}/")
        assert server.received == []
    assert str(caught.value) == INSECURE


def floods(connection: socket.socket, server: Server) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while not server.ended.is_set():
        connection.sendall(bytes(65536))


def drips_over_tls(connection: socket.socket, server: Server) -> None:
    connection.sendall(answer(b"", length=5000))
    while not server.ended.wait(0.02):
        connection.sendall(b"x")


def test_the_limit_holds_over_tls(door: Door, authority: Authority) -> None:
    with secured(authority.server("vendor.example"), floods) as (server, _greeted), pytest.raises(AnswerTooLarge):
        get(door, f"https://vendor.example:{server.port}/")


def test_the_deadline_holds_over_tls(door: Door, authority: Authority) -> None:
    with secured(authority.server("vendor.example"), drips_over_tls) as (server, _greeted), pytest.raises(TimedOut):
        get(door, f"https://vendor.example:{server.port}/", seconds=0.3)


def test_a_body_is_sent_whole_over_tls(door: Door, authority: Authority) -> None:
    text = "x" * 3_000_000
    with secured(authority.server("vendor.example")) as (server, _greeted):
        url = f"https://vendor.example:{server.port}/"
        door.request("POST", url, json=text, deadline=Deadline.after(10), max_bytes=99)
        assert server.received[0].body == f'"{text}"'.encode()


def test_no_redirect_leads_out_of_tls(door: Door, authority: Authority) -> None:
    with serving() as plain, secured(authority.server("vendor.example"), redirects(plain.url)) as (server, _greeted):
        with pytest.raises(RedirectRefused) as caught:
            get(door, f"https://vendor.example:{server.port}/", max_redirects=3)
        assert plain.connections == 0
    assert str(caught.value) == "The server redirected to an address without encryption."


def test_a_redirect_into_tls_is_verified_too(door: Door, authority: Authority) -> None:
    with secured(authority.server("vendor.example")) as (server, _greeted):
        with serving(redirects(f"https://vendor.example:{server.port}/there")) as plain:
            assert get(door, plain.url, max_redirects=1).content == b"hello"
        with serving(redirects(f"https://other.example:{server.port}/there")) as plain, pytest.raises(ConnectionFailed) as caught:
            get(door, plain.url, max_redirects=1)
    assert str(caught.value) == UNVERIFIED


def test_the_policy_comes_before_tls(known: None, authority: Authority) -> None:
    with secured(authority.server("vendor.example")) as (server, greeted):
        production = door_of(PRODUCTION, resolver=Names(NAMES))
        with pytest.raises(AddressRefused):
            get(production, f"https://vendor.example:{server.port}/")
        assert (server.connections, greeted) == (0, [])

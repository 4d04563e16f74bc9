"""Where an address leads, however it is spelled."""

from collections.abc import Callable, Iterator
from functools import partial
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sage_platform.outbound import AddressRefused, Deadline, Door, MalformedAddress, OutboundError
from sage_platform.outbound.target import parse
from tests.outbound.doors import DEVELOPMENT, PRODUCTION, Names, door_of, get
from tests.outbound.servers import Server, serving
from tests.outbound.spellings import LOOPBACK, LOOPBACK_IPV6, MALFORMED, OK, REFUSED, TABLE

ERRORS: dict[str, type[OutboundError]] = {REFUSED: AddressRefused, MALFORMED: MalformedAddress}
CASES = [(deployment, host, row[place]) for place, deployment in enumerate([DEVELOPMENT, PRODUCTION]) for host, *row in TABLE]


@pytest.fixture(scope="module")
def local() -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.fixture(scope="module")
def local_ipv6() -> Iterator[Server]:
    with serving(host="::1") as server:
        yield server


def test_the_table_is_long_and_has_each_spelling_once() -> None:
    assert len(TABLE) >= 60
    assert len({host for host, *_ in TABLE}) == len(TABLE)


@pytest.mark.parametrize(("deployment", "host", "expected"), CASES)
def test_what_becomes_of_a_spelling(deployment: str, host: str, expected: str, local: Server) -> None:
    """Told without a resolver, by the check and by a request alike; a refused one connects to nothing."""
    names = Names({"localhost": ["127.0.0.1"]})
    door = door_of(deployment, resolver=names)
    before = local.connections
    calls: list[Callable[[], object]] = [
        partial(door.check, f"{scheme}://{host}{rest}") for scheme, rest in (("http", ""), ("https", ":8080/v1?x=1#y"))
    ]
    if deployment == DEVELOPMENT:
        # An address of the deployment's own settings may be private in production, and no more than that.
        calls.append(partial(door_of(PRODUCTION, resolver=names).check, f"http://{host}/", trusted=True))
    if expected != OK:
        calls.append(partial(get, door, f"http://{host}:{local.port}/"))
    for call in calls:
        if expected == OK:
            call()
        else:
            with pytest.raises(ERRORS[expected]) as caught:
                call()
            assert type(caught.value) is ERRORS[expected]
    assert names.asked == []
    assert local.connections == before


@pytest.mark.parametrize("host", LOOPBACK)
def test_every_spelling_of_loopback_is_the_same_server(host: str, local: Server) -> None:
    assert get(door_of(DEVELOPMENT), f"http://{host}:{local.port}/x").content == b"hello"
    # The Host header has the one spelling that was checked.
    name = (
        "[::ffff:7f00:1]" if host.startswith("[") else "127.0.0.1" if "1" in host or "①" in host or "１" in host else "localhost"
    )
    assert local.received[-1].headers["host"] == f"{name}:{local.port}"


@pytest.mark.parametrize("host", LOOPBACK_IPV6)
def test_every_spelling_of_ipv6_loopback_is_the_same_server(host: str, local_ipv6: Server) -> None:
    assert get(door_of(DEVELOPMENT), f"http://{host}:{local_ipv6.port}/x").content == b"hello"
    assert local_ipv6.received[-1].headers["host"] == f"[::1]:{local_ipv6.port}"


WHOLE_ADDRESSES = [
    "",
    "/v1",
    "vendor.example",
    "vendor.example/v1",
    "//vendor.example/v1",
    "http:",
    "http://",
    "http:///v1",
    "http:vendor.example",
    "http:/vendor.example",
    "https://:443/",
    "http://vendor.example:",
    "http://vendor.example:0/",
    "http://vendor.example:65536/",
    "http://vendor.example:99999999/",
    "http://vendor.example:-1/",
    "http://vendor.example:+80/",
    "http://vendor.example: 80/",
    "http://vendor.example:８０/",
    "http://vendor.example:8_0/",
    "http://vendor.example:80:80/",
    "http://vendor.example:http/",
    "http://vendor.example\\@127.0.0.1/",
    "http:\\\\vendor.example/",
    "http://vendor.example/a b",
    "http://vendor.example/a\tb",
    "http://vendor.example/a\nb",
    "http://vendor.example/a\r\nHost: x",
    "http://vendor.example/a\x00b",
    "http://vendor.example/a\x7fb",
    "http://vendor.example/\ud800",
    " http://vendor.example/",
    "http://vendor.example/ ",
    "\nhttp://vendor.example/",
    "ht\ntp://vendor.example/",
    "ftp://vendor.example/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_x",
    "data:text/plain,x",
    "javascript:alert(1)",
    "unix:///run/x.sock",
    "http+unix://x/",
    "ws://vendor.example/",
    "http://vendor.example／@127.0.0.1/",
    "http://vendor.example/" + "a" * 8192,
]


@pytest.mark.parametrize("url", WHOLE_ADDRESSES)
@pytest.mark.parametrize("deployment", [DEVELOPMENT, PRODUCTION])
def test_what_is_no_address(url: str, deployment: str) -> None:
    names = Names({"vendor.example": ["127.0.0.1"]})
    door = door_of(deployment, resolver=names)
    with pytest.raises(MalformedAddress):
        door.check(url)
    with pytest.raises(MalformedAddress):
        get(door, url)
    assert names.asked == []


SENT = [
    ("", "/"),
    ("/", "/"),
    ("/#x", "/"),
    ("?a=1#x", "/?a=1"),
    ("/v1/models?limit=1&b=%20", "/v1/models?limit=1&b=%20"),
    ("/ü?ü=ü", "/%C3%BC?%C3%BC=%C3%BC"),
    ("//169.254.169.254/x", "//169.254.169.254/x"),
    ("/http://169.254.169.254/", "/http://169.254.169.254/"),
    ("/@169.254.169.254", "/@169.254.169.254"),
]


@pytest.mark.parametrize(("asked", "sent"), SENT)
def test_the_path_is_sent_and_the_fragment_is_not(asked: str, sent: str, local: Server) -> None:
    get(door_of(DEVELOPMENT), f"http://127.0.0.1:{local.port}{asked}")
    assert local.received[-1].path == sent


# -- Refused and let through --------------------------------------------------------------------------------------------


def test_an_address_of_the_deployment_itself_is_reached(local: Server) -> None:
    assert get(door_of(PRODUCTION), f"http://127.0.0.1:{local.port}/", trusted=True).content == b"hello"
    assert get(door_of(PRODUCTION), f"http://localhost:{local.port}/", trusted=True).content == b"hello"


def test_a_refusal_names_no_address() -> None:
    door = door_of(PRODUCTION, resolver=Names({"inside.example": ["10.20.30.40"]}))
    with pytest.raises(AddressRefused) as caught:
        get(door, "http://inside.example/")
    assert str(caught.value) == "This address is not allowed."
    assert repr(caught.value) == "AddressRefused('This address is not allowed.')"
    assert caught.value.__context__ is None


# -- Whatever is typed ----------------------------------------------------------------------------------------------------


ODD_HOSTS = st.from_regex(r"https?://[0-9a-fx.\[\]:@%]{1,40}(/.*)?", fullmatch=True)


@given(st.one_of(st.text(), st.text().map("http://{}".format), ODD_HOSTS))
def test_any_text_is_an_address_or_none(text: str) -> None:
    """Nothing but the one error comes out, and what is an address is the same address when it is read again."""
    try:
        target = parse(text)
    except MalformedAddress:
        return
    assert parse(target.url) == target
    assert target.host.isascii()


@given(st.ip_addresses(v=4), st.booleans())
def test_an_ipv4_address_is_judged_alike_in_every_form(address: IPv4Address, allow_private: bool) -> None:
    door = Door(allow_private=allow_private)
    number = int(address)
    high, low = f"{number >> 16:x}", f"{number & 0xFFFF:x}"
    forms = [str(number), hex(number), f"0{number:o}", f"[::ffff:{address}]", f"[64:ff9b::{address}]", f"[2002:{high}:{low}::]"]

    def verdict(host: str) -> bool:
        try:
            door.check(f"http://{host}/")
        except AddressRefused:
            return False
        return True

    assert {verdict(form) for form in forms} == {verdict(str(address))}


def test_a_deadline_that_has_passed_still_says_what_is_wrong_with_the_address() -> None:
    with pytest.raises(AddressRefused):
        door_of(PRODUCTION).request("GET", "http://10.0.0.1/", deadline=Deadline.after(0), max_bytes=1)

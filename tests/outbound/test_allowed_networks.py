"""What SAGE_OUTBOUND_ALLOWED_NETWORKS opens of the private networks in production: networks, and single ports of them."""

from collections.abc import Iterator

import pytest

from sage_platform.outbound import AddressRefused, RedirectRefused
from tests.outbound.doors import DEVELOPMENT, PRODUCTION, Names, door_of, get
from tests.outbound.servers import Server, redirects, serving
from tests.outbound.spellings import OK, REFUSED


@pytest.fixture
def local() -> Iterator[Server]:
    with serving() as server:
        yield server


OPENED = [
    (["127.0.0.0/8"], "http://127.0.0.1/", OK),
    (["127.0.0.1"], "http://127.0.0.1/", OK),
    (["127.0.0.0/8"], "http://0x7f.1/", OK),
    (["127.0.0.0/8"], "http://localhost/", OK),
    (["127.0.0.0/8"], "http://[::ffff:127.0.0.1]/", OK),
    (["127.0.0.0/8"], "http://[64:ff9b::7f00:1]/", OK),
    (["127.0.0.0/8"], "http://[::1]/", REFUSED),
    (["::1"], "http://[::1]/", OK),
    (["::1"], "http://127.0.0.1/", REFUSED),
    (["10.0.0.0/8", "fd00::/8"], "http://10.255.0.1/", OK),
    (["10.0.0.0/8", "fd00::/8"], "http://[fd12::1]/", OK),
    (["10.0.0.0/8", "fd00::/8"], "http://11.0.0.1/", OK),
    (["10.0.0.0/8", "fd00::/8"], "http://127.0.0.1/", REFUSED),
    (["10.0.0.0/8"], "http://[2002:a00:1::1]/", OK),
    # Both ends of a Teredo tunnel, and the whole address of an ISATAP one.
    (["10.0.0.0/8"], "http://[2001:0:808:808:0:0:f5ff:fffe]/", REFUSED),
    (["10.0.0.0/8"], "http://[2606:4700::5efe:a00:1]/", REFUSED),
    # What is forbidden stays so.
    (["169.254.0.0/16"], "http://169.254.169.254/", REFUSED),
    (["0.0.0.0/0", "::/0"], "http://169.254.169.254/", REFUSED),
    (["0.0.0.0/0", "::/0"], "http://[fd00:ec2::254]/", REFUSED),
    (["0.0.0.0/0", "::/0"], "http://100.100.100.200/", REFUSED),
    (["0.0.0.0/0", "::/0"], "http://168.63.129.16/", REFUSED),
    (["0.0.0.0/0", "::/0"], "http://[::ffff:169.254.169.254]/", REFUSED),
    (["0.0.0.0/0", "::/0"], "http://[64:ff9b:1:a9fe:a9:fe00::]/", REFUSED),
    (["0.0.0.0/0", "::/0"], "http://0.0.0.0/", REFUSED),
    (["0.0.0.0/0", "::/0"], "http://[ff02::1]/", REFUSED),
    (["0.0.0.0/0", "::/0"], "http://192.168.0.1/", OK),
    (["0.0.0.0/0", "::/0"], "http://[fec0::1]/", OK),
]

PORTS = [
    (["10.0.0.5:8080"], "http://10.0.0.5:8080/", OK),
    (["10.0.0.5:8080"], "https://10.0.0.5:8080/", OK),
    (["10.0.0.5:8080"], "http://10.0.0.5/", REFUSED),
    (["10.0.0.5:8080"], "http://10.0.0.5:8081/", REFUSED),
    (["10.0.0.5:8080"], "http://10.0.0.5:808/", REFUSED),
    (["10.0.0.5:8080"], "http://10.0.0.4:8080/", REFUSED),
    (["10.0.0.5:8080"], "http://10.0.0.6:8080/", REFUSED),
    # The port that an address without one means.
    (["10.0.0.5:80"], "http://10.0.0.5/", OK),
    (["10.0.0.5:80"], "https://10.0.0.5/", REFUSED),
    (["10.0.0.5:443"], "https://10.0.0.5/", OK),
    (["10.0.0.5:443"], "http://10.0.0.5/", REFUSED),
    (["10.0.0.5:1"], "http://10.0.0.5:1/", OK),
    (["10.0.0.5:65535"], "http://10.0.0.5:65535/", OK),
    (["10.1.0.0/16:443"], "https://10.1.255.255/", OK),
    (["10.1.0.0/16:443"], "http://10.1.0.0:443/", OK),
    (["10.1.0.0/16:443"], "https://10.1.0.1:444/", REFUSED),
    (["10.1.0.0/16:443"], "https://10.2.0.0/", REFUSED),
    (["[fd00::5]:8080"], "http://[fd00::5]:8080/", OK),
    (["[fd00::5]:8080"], "http://[fd00:0::0:5]:8080/", OK),
    (["[fd00::5]:8080"], "http://[fd00::5]/", REFUSED),
    (["[fd00::5]:8080"], "http://[fd00::5:8080]:8080/", REFUSED),
    (["[fd00::5]:8080"], "http://[fd00::6]:8080/", REFUSED),
    (["[fd00::/8]:443"], "https://[fdff::1]/", OK),
    (["[fd00::/8]:443"], "http://[fdff::1]/", REFUSED),
    # The bare form is an address, and opens every port of that one.
    (["fd00::5:8080"], "http://[fd00::5:8080]/", OK),
    (["fd00::5:8080"], "http://[fd00::5]:8080/", REFUSED),
    # Several entries: each counts for itself.
    (["10.0.0.5:80", "10.0.0.6:81"], "http://10.0.0.5:80/", OK),
    (["10.0.0.5:80", "10.0.0.6:81"], "http://10.0.0.6:81/", OK),
    (["10.0.0.5:80", "10.0.0.6:81"], "http://10.0.0.5:81/", REFUSED),
    (["10.0.0.5:80", "10.0.0.6:81"], "http://10.0.0.6:80/", REFUSED),
    (["10.0.0.5:80", "10.0.0.5:81"], "http://10.0.0.5:81/", OK),
    (["10.0.0.5:80", "10.0.0.0/24"], "http://10.0.0.5:81/", OK),
    # Other spellings of the address have its port.
    (["127.0.0.1:8080"], "http://localhost:8080/", OK),
    (["127.0.0.1:8080"], "http://localhost:8081/", REFUSED),
    (["127.0.0.1:8080"], "http://0x7f.1:8080/", OK),
    (["127.0.0.1:8080"], "http://0x7f.1:8081/", REFUSED),
    (["10.0.0.5:8080"], "http://[::ffff:10.0.0.5]:8080/", OK),
    (["10.0.0.5:8080"], "http://[::ffff:10.0.0.5]:8081/", REFUSED),
    (["10.0.0.5:8080"], "http://[64:ff9b::a00:5]:8080/", OK),
    (["10.0.0.5:8080"], "http://[64:ff9b::a00:5]:8081/", REFUSED),
    (["10.0.0.5:8080"], "http://[2002:a00:5::1]:8080/", OK),
    (["10.0.0.5:8080"], "http://[2002:a00:5::1]:8081/", REFUSED),
    # An entry takes nothing away from what is open without it.
    (["10.0.0.5:8080"], "http://93.184.216.34:8081/", OK),
    (["93.184.216.34:8080"], "http://93.184.216.34:8081/", OK),
    # What is forbidden stays so.
    (["169.254.169.254:80"], "http://169.254.169.254/", REFUSED),
    (["0.0.0.0/0:80", "[::/0]:80"], "http://169.254.169.254/", REFUSED),
    (["0.0.0.0/0:80", "[::/0]:80"], "http://[fd00:ec2::254]/", REFUSED),
    (["0.0.0.0/0:80", "[::/0]:80"], "http://192.168.0.1/", OK),
    (["0.0.0.0/0:80", "[::/0]:80"], "http://192.168.0.1:81/", REFUSED),
    (["0.0.0.0/0:80", "[::/0]:80"], "http://[fec0::1]/", OK),
    (["0.0.0.0/0:80", "[::/0]:80"], "http://[fec0::1]:81/", REFUSED),
]


@pytest.mark.parametrize(("networks", "url", "expected"), [*OPENED, *PORTS])
def test_the_allowed_networks_in_production(networks: list[str], url: str, expected: str) -> None:
    door = door_of(PRODUCTION, *networks)
    if expected == OK:
        door.check(url)
    else:
        with pytest.raises(AddressRefused):
            door.check(url)


def test_an_allowed_port_closes_nothing_where_private_networks_are_open() -> None:
    door_of(DEVELOPMENT, "10.0.0.5:8080").check("http://10.0.0.5:8081/")
    door_of(PRODUCTION, "10.0.0.5:8080").check("http://10.0.0.5:8081/", trusted=True)


def test_a_request_reaches_the_allowed_port_alone(local: Server) -> None:
    with serving() as other:
        door = door_of(PRODUCTION, f"127.0.0.1:{local.port}")
        assert get(door, local.url).content == b"hello"
        with pytest.raises(AddressRefused):
            get(door, other.url)
        assert (local.connections, other.connections) == (1, 0)


def test_a_name_leads_to_the_allowed_port_alone(local: Server) -> None:
    with serving() as other:
        door = door_of(PRODUCTION, f"127.0.0.1:{local.port}", resolver=Names({"inside.example": ["127.0.0.1"]}))
        assert get(door, f"http://inside.example:{local.port}/").content == b"hello"
        with pytest.raises(AddressRefused):
            get(door, f"http://inside.example:{other.port}/")
        assert (local.connections, other.connections) == (1, 0)


def test_a_redirect_is_judged_by_its_own_port(local: Server) -> None:
    with serving() as closed, serving(redirects(local.url)) as near, serving(redirects(closed.url)) as far:
        door = door_of(PRODUCTION, *(f"127.0.0.1:{server.port}" for server in (local, near, far)))
        assert get(door, near.url, max_redirects=1).content == b"hello"
        with pytest.raises(RedirectRefused):
            get(door, far.url, max_redirects=1)
        assert (local.connections, far.connections, closed.connections) == (1, 1, 0)

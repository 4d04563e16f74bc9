"""The two settings of the door, as a process of its own reads them, and the door that they make. (Their defaults are tested
with those of the others.)"""

from pathlib import Path

import pytest
from pytest_django import Settings

from sage_platform.outbound import AddressRefused, AllowedNetwork, door, read_allowed_networks
from tests.test_settings import PRODUCTION, read, start

NAMES = ("SAGE_OUTBOUND_ALLOW_PRIVATE", "SAGE_OUTBOUND_ALLOWED_NETWORKS")


def test_the_operator_decides(tmp_path: Path) -> None:
    networks = "10.0.0.1, 10.1.0.0/16 ,fd00::/8,10.0.0.5:8080, 10.2.0.0/16:443,[fd00::5]:1,[fd00::/8]:65535,fd00::5:8080,"
    opened = {"SAGE_OUTBOUND_ALLOW_PRIVATE": "true", "SAGE_OUTBOUND_ALLOWED_NETWORKS": networks}
    assert read(tmp_path, *NAMES, **PRODUCTION, **opened) == {
        "SAGE_OUTBOUND_ALLOW_PRIVATE": True,
        "SAGE_OUTBOUND_ALLOWED_NETWORKS": [
            "10.0.0.1/32",
            "10.1.0.0/16",
            "fd00::/8",
            "10.0.0.5/32:8080",
            "10.2.0.0/16:443",
            "[fd00::5/128]:1",
            "[fd00::/8]:65535",
            "fd00::5:8080/128",  # An address: only brackets tell where a port begins.
        ],
    }
    assert read(tmp_path, NAMES[0], SAGE_OUTBOUND_ALLOW_PRIVATE="false") == {NAMES[0]: False}


NETWORKS = (
    "IP addresses or CIDR blocks separated by commas, each with or without a port, "
    "such as 10.0.0.5:8080, [fd00::5]:8080 or 10.1.0.0/16"
)
WRONG = [
    ("SAGE_OUTBOUND_ALLOW_PRIVATE", "perhaps", "true or false"),
    ("SAGE_OUTBOUND_ALLOWED_NETWORKS", "intranet.example", NETWORKS),
    ("SAGE_OUTBOUND_ALLOWED_NETWORKS", "10.0.0.1,10.0.0.5:port", NETWORKS),
]


@pytest.mark.parametrize(("name", "value", "expected"), WRONG)
def test_a_wrong_value_stops_the_start(name: str, value: str, expected: str, tmp_path: Path) -> None:
    done = start(tmp_path, **{name: value})
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"{name}: expected {expected}.\n"


MALFORMED = [
    "intranet.example",
    "intranet.example:80",
    "10.0.0.256",
    "10.0.0.5/16",
    "10.0.0.0/33:80",
    "10.0.0.5/16:80",
    "10.0.0.5:",
    "10.0.0.5:0",
    "10.0.0.5:65536",
    "10.0.0.5:080808",
    "10.0.0.5:-1",
    "10.0.0.5:+80",
    "10.0.0.5: 80",
    "10.0.0.5:８０",
    "10.0.0.5:80:80",
    "10.0.0.5:80/16",
    "10.0.0.5:80-90",
    "10.0.0.5:*",
    "http://10.0.0.5:80",
    "[10.0.0.5]:80",
    "[fd00::5]",
    "[fd00::5]:",
    "[fd00::5]:0",
    "[fd00::5]:65536",
    "[fd00::5]/128:80",
    "[fd00::5/8]:80",
    "[fd00::5:80",
    "[[fd00::5]]:80",
    "[]:80",
    "fd00::5]:80",
    "fd00::/8:80",
    ":80",
    "10.0.0.1;10.0.0.2",
    "10.0.0.1 10.0.0.2",
]


@pytest.mark.parametrize("entry", MALFORMED)
def test_what_is_no_network(entry: str) -> None:
    """Among good ones too: half a list that is silently taken would leave a server shut, or another one open."""
    for text in (entry, f"10.0.0.1,{entry}", f"{entry},10.0.0.1"):
        with pytest.raises(ValueError, match=r"^IP addresses or CIDR blocks") as caught:
            read_allowed_networks(text)
        assert str(caught.value) == NETWORKS


def test_the_door_is_as_the_settings_say(settings: Settings) -> None:
    """Read at each call, so that it is the deployment's and nobody's memory."""
    settings.SAGE_OUTBOUND_ALLOW_PRIVATE = True
    settings.SAGE_OUTBOUND_ALLOWED_NETWORKS = []
    door().check("http://127.0.0.1/")
    settings.SAGE_OUTBOUND_ALLOW_PRIVATE = False
    with pytest.raises(AddressRefused):
        door().check("http://127.0.0.1/")
    settings.SAGE_OUTBOUND_ALLOWED_NETWORKS = [AllowedNetwork.parse("127.0.0.0/8")]
    door().check("http://127.0.0.1/")
    with pytest.raises(AddressRefused):
        door().check("http://10.0.0.1/")
    with pytest.raises(AddressRefused):
        door().check("http://169.254.169.254/", trusted=True)

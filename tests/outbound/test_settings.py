"""The two settings of the door, as a process of its own reads them, and the door that they make."""

from ipaddress import ip_network
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from pytest_django import Settings

from sage_platform.outbound import AddressRefused, door
from tests import test_settings
from tests.test_settings import read, start

PRODUCTION = {"SAGE_ENCRYPTION_KEYS": Fernet.generate_key().decode()} | test_settings.PRODUCTION
NAMES = ("SAGE_OUTBOUND_ALLOW_PRIVATE", "SAGE_OUTBOUND_ALLOWED_NETWORKS")


def test_private_networks_are_open_in_development(tmp_path: Path) -> None:
    assert read(tmp_path, *NAMES) == {"SAGE_OUTBOUND_ALLOW_PRIVATE": True, "SAGE_OUTBOUND_ALLOWED_NETWORKS": []}


def test_private_networks_are_closed_in_production(tmp_path: Path) -> None:
    assert read(tmp_path, *NAMES, **PRODUCTION) == {"SAGE_OUTBOUND_ALLOW_PRIVATE": False, "SAGE_OUTBOUND_ALLOWED_NETWORKS": []}


def test_the_operator_decides(tmp_path: Path) -> None:
    opened = {"SAGE_OUTBOUND_ALLOW_PRIVATE": "true", "SAGE_OUTBOUND_ALLOWED_NETWORKS": "10.0.0.1, 10.1.0.0/16 ,fd00::/8"}
    assert read(tmp_path, *NAMES, **PRODUCTION, **opened) == {
        "SAGE_OUTBOUND_ALLOW_PRIVATE": True,
        "SAGE_OUTBOUND_ALLOWED_NETWORKS": ["10.0.0.1/32", "10.1.0.0/16", "fd00::/8"],
    }
    assert read(tmp_path, NAMES[0], SAGE_OUTBOUND_ALLOW_PRIVATE="false") == {NAMES[0]: False}


WRONG = [
    ("SAGE_OUTBOUND_ALLOW_PRIVATE", "perhaps", "true or false"),
    ("SAGE_OUTBOUND_ALLOWED_NETWORKS", "intranet.example", "IP addresses or CIDR blocks separated by commas"),
]


@pytest.mark.parametrize(("name", "value", "expected"), WRONG)
def test_a_wrong_value_stops_the_start(name: str, value: str, expected: str, tmp_path: Path) -> None:
    done = start(tmp_path, **{name: value})
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"{name}: expected {expected}.\n"


def test_the_door_is_as_the_settings_say(settings: Settings) -> None:
    """Read at each call, so that it is the deployment's and nobody's memory."""
    settings.SAGE_OUTBOUND_ALLOW_PRIVATE = True
    settings.SAGE_OUTBOUND_ALLOWED_NETWORKS = []
    door().check("http://127.0.0.1/")
    settings.SAGE_OUTBOUND_ALLOW_PRIVATE = False
    with pytest.raises(AddressRefused):
        door().check("http://127.0.0.1/")
    settings.SAGE_OUTBOUND_ALLOWED_NETWORKS = [ip_network("127.0.0.0/8")]
    door().check("http://127.0.0.1/")
    with pytest.raises(AddressRefused):
        door().check("http://10.0.0.1/")
    with pytest.raises(AddressRefused):
        door().check("http://169.254.169.254/", trusted=True)

"""What tests of the provider routes may ask for: a vendor on loopback, and its addresses."""

import socket
from collections.abc import Callable, Iterator

import pytest
from pytest_django import Settings

from tests.providers.sentences import SLOW
from tests.vendor import Vendor, scripted_vendor


@pytest.fixture
def vendor(settings: Settings) -> Iterator[Vendor]:
    """A good vendor on loopback, which development lets us reach."""
    settings.SAGE_OUTBOUND_ALLOW_PRIVATE = True
    with scripted_vendor() as made:
        yield made


@pytest.fixture
def misbehave(vendor: Vendor, settings: Settings) -> Callable[[str], None]:
    """Let the vendor behave so; where only the deadline ends it, the deadline is soon."""

    def choose(behaviour: str) -> None:
        settings.SAGE_PROBE_TIMEOUT = 0.7 if behaviour in SLOW else 10
        vendor.behave(behaviour)

    return choose


@pytest.fixture
def dead_address() -> Iterator[str]:
    """Where nobody listens, and nobody can begin to while the test runs."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}/v1"

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from providers.probing import Endpoint
from tests.vendor import Vendor, scripted_vendor

KEY = "sk-proj-Qx7Lw2Zt9Vb4Nm6Rk8Hd3"


@pytest.fixture
def vendor(settings: Settings) -> Iterator[Vendor]:
    """A good vendor on loopback, which development lets us reach."""
    settings.SAGE_OUTBOUND_ALLOW_PRIVATE = True
    with scripted_vendor() as made:
        yield made


@pytest.fixture
def endpoint(vendor: Vendor) -> Endpoint:
    return Endpoint(vendor.base_url, KEY, "scripted-large")

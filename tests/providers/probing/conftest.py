import pytest

from providers.probing import Endpoint
from tests.vendor import Vendor

KEY = "sk-proj-Qx7Lw2Zt9Vb4Nm6Rk8Hd3"


@pytest.fixture
def endpoint(vendor: Vendor) -> Endpoint:
    return Endpoint(vendor.base_url, KEY, "scripted-large")

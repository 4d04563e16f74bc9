import pytest

from providers.keys import ApiKey
from providers.probing import ModelEndpoint
from tests.vendor import Vendor

KEY = "sk-proj-Qx7Lw2Zt9Vb4Nm6Rk8Hd3"


@pytest.fixture
def target(vendor: Vendor) -> ModelEndpoint:
    return ModelEndpoint(vendor.base_url, ApiKey(KEY), "scripted-large")

"""The served platforms and the browser that the end-to-end tests share."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.e2e.served import Platform, served

if TYPE_CHECKING:
    # Most of these tests are quicker without them.
    from playwright.sync_api import Browser

    from tests.collector import Collector


@pytest.fixture(scope="session")
def platform() -> Iterator[Platform]:
    """Two workers behind a proxy on this machine, which lets a test choose the address it comes from."""
    with served(workers=2, SAGE_TRUSTED_PROXIES="127.0.0.1") as running:
        yield running


@pytest.fixture(scope="module")
def collector() -> "Iterator[Collector]":
    from tests.collector import collecting

    with collecting() as running:
        yield running


@pytest.fixture(scope="module")
def chromium() -> "Iterator[Browser]":
    from tests.e2e.chromium import launched

    with launched() as browser:
        yield browser

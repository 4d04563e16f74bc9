"""The served platforms that the end-to-end tests share."""

from collections.abc import Iterator

import pytest

from tests.e2e.served import Platform, served


@pytest.fixture(scope="session")
def platform() -> Iterator[Platform]:
    """Two workers behind a proxy on this machine, which lets a test choose the address it comes from."""
    with served(workers=2, SAGE_TRUSTED_PROXIES="127.0.0.1") as running:
        yield running

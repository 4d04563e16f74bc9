"""What the walks through the operations ask for."""

from collections.abc import Callable

import pytest
from django.db import OperationalError

from tests.accounts.conftest import open_registration
from tests.oauth2.conftest import key_pair, lage, program, signing_keys
from tests.providers.conftest import dead_address, vendor
from tests.uploads.conftest import bucket, media

__all__ = ["bucket", "dead_address", "key_pair", "lage", "media", "open_registration", "program", "signing_keys", "vendor"]
# Of a driver whose server is gone: the answer is 503.
GONE = "server closed the connection unexpectedly"


@pytest.fixture
def breaking(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """The function of this name finds that the database is gone."""

    def gone(*_args: object, **_kwargs: object) -> None:
        raise OperationalError(GONE)

    return lambda name: monkeypatch.setattr(name, gone)

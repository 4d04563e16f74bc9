"""The connection to PostgreSQL: a server that does not answer holds nobody for ever."""

import os
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from django.conf import settings

from sage_platform.databases.patience import DatabaseSilentError, ImpatientConnection

pytestmark = pytest.mark.postgres


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImpatientConnection, "answer_seconds", 0.5)


def test_a_request_is_told_and_the_connection_is_not_used_again() -> None:
    def ask() -> tuple[float, bool]:
        with ImpatientConnection.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
            began = time.monotonic()
            with pytest.raises(DatabaseSilentError, match=r"^no answer within 0\.5 seconds$"):
                connection.execute("SELECT pg_sleep(5)")
            took = time.monotonic() - began
            with pytest.raises(psycopg.OperationalError, match="closed"):
                connection.execute("SELECT 1")
            return took, connection.closed

    with ThreadPoolExecutor(1) as pool:
        took, closed = pool.submit(ask).result()
    assert 0.4 < took < 2.0
    assert closed


def test_a_command_may_wait() -> None:
    with ImpatientConnection.connect(os.environ["DATABASE_URL"]) as connection:
        connection.execute("SELECT pg_sleep(1)")


def test_the_platform_connects_this_way() -> None:
    options = settings.DATABASES["default"]["OPTIONS"]
    assert options["connect_timeout"] == 3
    assert options["pool"]["connection_class"] is ImpatientConnection

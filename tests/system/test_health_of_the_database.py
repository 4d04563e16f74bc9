"""GET /api/health: a database that answers and yet is of no use."""

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection, connections, transaction

from sage_platform import schema_state
from system import views
from system.health import Health
from system.models import SystemSettings
from tests.people import Caller, envelope

pytestmark = pytest.mark.django_db
sqlite_only = pytest.mark.skipif("connection.vendor != 'sqlite'")


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "health", Health())


def told(anyone: Caller, caplog: pytest.LogCaptureFixture) -> tuple[int, str, list[str]]:
    """The status, what is said of the database, and the kinds of errors in the log."""
    response = anyone.get("/api/health")
    checks = envelope(response)["data"]["checks"]
    assert {checks[name]["status"] for name in checks if name != "database"} == {"healthy"}
    errors = [record.__dict__["facts"]["error"] for record in caplog.records]
    return response.status_code, checks["database"]["status"], errors


def test_pending_migrations(anyone: Caller, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    known = schema_state._known() | {("system", "9999_of_a_newer_version")}
    monkeypatch.setattr(schema_state, "_known", lambda: known)
    assert told(anyone, caplog) == (503, "unhealthy", ["NotMigratedError"])


def test_migrations_of_a_newer_version_do_no_harm(
    anyone: Caller, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = schema_state._known() - {("system", "0001_initial")}
    monkeypatch.setattr(schema_state, "_known", lambda: known)
    assert told(anyone, caplog) == (200, "healthy", [])


@sqlite_only
def test_no_tables(anyone: Caller, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(connections.databases["default"], "NAME", str(tmp_path / "empty.sqlite3"))
    assert told(anyone, caplog) == (503, "unhealthy", ["NotMigratedError"])


@pytest.mark.django_db(transaction=True)  # Else the test itself would hold the lock of writers.
@sqlite_only
def test_a_database_that_is_only_read(anyone: Caller, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    options = connections.databases["default"]["OPTIONS"]
    monkeypatch.setitem(options, "init_command", options["init_command"] + "PRAGMA query_only=ON;")
    assert told(anyone, caplog) == (503, "unhealthy", ["OperationalError"])


@pytest.fixture
def no_room() -> Iterator[None]:
    """No file can grow, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@sqlite_only
def test_a_full_disk(anyone: Caller, caplog: pytest.LogCaptureFixture, no_room: None) -> None:
    response = anyone.get("/api/health")
    found = {name: check["status"] for name, check in envelope(response)["data"]["checks"].items()}
    assert (response.status_code, found) == (503, {"cache": "healthy", "database": "unhealthy", "storage": "unhealthy"})
    assert [record.__dict__["facts"]["error"] for record in caplog.records] == ["OSError", "OSError"]


@pytest.mark.django_db(transaction=True)
def test_another_s_write_is_waited_for_only_shortly_and_nothing_is_left(anyone: Caller, caplog: pytest.LogCaptureFixture) -> None:
    SystemSettings.objects.create(pk=1, allow_registration=True)
    with transaction.atomic():  # On SQLite it holds the lock of writers from its start.
        assert told(anyone, caplog) == (200, "healthy", [])
    assert SystemSettings.objects.filter(pk=1).values_list("allow_registration", flat=True).get() is True
    if connection.vendor == "sqlite":
        folder = Path(connection.settings_dict["NAME"]).parent
        assert {path.name.partition(".sqlite3")[2] for path in folder.iterdir()} <= {"", "-wal", "-shm"}

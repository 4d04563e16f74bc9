"""A change is seen by the other workers of the machine at their next read, by other machines within a second."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.db import IntegrityError, transaction
from pytest_django import DjangoAssertNumQueries, Settings

from sage_platform import configuration
from sage_platform.cache import PausingRedis
from scripts.with_services import spare_port
from system import current
from system.current import CurrentSettings
from system.models import SystemSettings
from system.services import update_settings

pytestmark = pytest.mark.django_db(transaction=True)

OTHER_PROCESS = """
import os
os.environ["DJANGO_SETTINGS_MODULE"] = "sage_platform.settings"
import django
django.setup()
from system.current import current_settings
current_settings.announce()
"""


def test_a_new_deployment_starts_closed() -> None:
    assert CurrentSettings().get().allow_registration is False


def test_a_warm_read_asks_nothing(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    worker = CurrentSettings()
    worker.get()
    with django_assert_num_queries(0):
        for _ in range(10):
            worker.get()


def test_another_worker_sees_a_change_at_its_next_read() -> None:
    worker = CurrentSettings()
    for value in (True, False, True):
        update_settings(allow_registration=value, actor=None)
        assert worker.get().allow_registration is value


def test_a_change_while_the_row_is_read_is_seen_at_the_next_read(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = CurrentSettings()
    real = SystemSettings.objects.filter
    changes = [False, True]

    def read_then_changed(**query: object) -> object:
        row = real(**query).first()
        update_settings(allow_registration=changes.pop(), actor=None)
        return SimpleNamespace(first=lambda: row)

    for value in (True, False):
        monkeypatch.setattr(SystemSettings.objects, "filter", read_then_changed)
        worker.forget()
        assert worker.get().allow_registration is not value
        monkeypatch.setattr(SystemSettings.objects, "filter", real)
        assert worker.get().allow_registration is value


def test_the_writer_s_own_worker_sees_it_where_no_stamp_can_be_written(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a warm cache, and at the same moment."""
    monkeypatch.setattr("system.current.time.monotonic", lambda: 1000.0)
    (tmp_path / "file").write_text("")
    settings.SAGE_DATA_DIR = tmp_path / "file" / "data"
    settings.REDIS_URL = ""
    for value in (False, True, False):
        update_settings(allow_registration=value, actor=None)
        assert current.current_settings.get().allow_registration is value


def test_another_process_is_heard(data_dir: Path, settings: Settings) -> None:
    """The row is written here and announced there, so that nothing but the stamp can tell."""
    worker = CurrentSettings()
    assert worker.get().allow_registration is False
    SystemSettings.objects.update_or_create(pk=1, defaults={"allow_registration": True})
    assert worker.get().allow_registration is False
    environment = {"SAGE_DATA_DIR": str(data_dir), "REDIS_URL": settings.REDIS_URL, "PYTHONPATH": "."}
    subprocess.run([sys.executable, "-c", OTHER_PROCESS], env=environment, check=True, timeout=60)
    assert worker.get().allow_registration is True


def test_without_a_stamp_a_change_is_seen_within_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("system.current.time.monotonic", lambda: now[0])
    worker = CurrentSettings()
    assert worker.get().allow_registration is False
    SystemSettings.objects.update_or_create(pk=1, defaults={"allow_registration": True})
    assert worker.get().allow_registration is False
    now[0] += 1.0
    assert worker.get().allow_registration is True


def test_a_change_that_is_rolled_back_is_not_announced(data_dir: Path) -> None:
    worker = CurrentSettings()
    worker.get()
    with transaction.atomic():
        update_settings(allow_registration=True, actor=None)
        transaction.set_rollback(True)
    assert list(data_dir.iterdir()) == []
    assert worker.get().allow_registration is False


def test_a_data_folder_that_is_not_there_yet(settings: Settings, tmp_path: Path) -> None:
    """With PostgreSQL and a secret from the environment nothing else has made it."""
    settings.SAGE_DATA_DIR = tmp_path / "not" / "made"
    worker = CurrentSettings()
    assert worker.get().allow_registration is False
    update_settings(allow_registration=True, actor=None)
    assert worker.get().allow_registration is True


def test_a_data_folder_that_cannot_be_written(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The change is kept and counts here at once; the other workers see it within the second."""
    blocked = tmp_path / "file"
    blocked.write_text("")
    settings.SAGE_DATA_DIR = blocked / "data"
    now = [1000.0]
    monkeypatch.setattr("system.current.time.monotonic", lambda: now[0])
    other = CurrentSettings()
    assert other.get().allow_registration is False
    update_settings(allow_registration=True, actor=None)
    assert current.current_settings.get().allow_registration is True
    now[0] += 1.0
    assert other.get().allow_registration is True


def test_while_redis_is_away_every_read_is_of_the_row(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PausingRedis, "away_until", None)
    settings.REDIS_URL = f"redis://127.0.0.1:{spare_port()}/0"
    settings.CACHES = {"default": configuration.cache("REDIS_URL", settings.REDIS_URL)}
    other = CurrentSettings()
    for value in (True, False, True):
        update_settings(allow_registration=value, actor=None)
        assert other.get().allow_registration is value


def test_no_drafts_are_left_behind(data_dir: Path, settings: Settings) -> None:
    for value in (True, False, True):
        update_settings(allow_registration=value, actor=None)
    # With Redis the stamp is there, and nothing is written here.
    assert [path.name for path in data_dir.iterdir()] == ([] if settings.REDIS_URL else ["system-settings-stamp"])


def test_there_is_one_row_at_most() -> None:
    SystemSettings.objects.create(pk=1)
    with pytest.raises(IntegrityError):
        SystemSettings.objects.create(pk=2)
    assert SystemSettings.objects.count() == 1

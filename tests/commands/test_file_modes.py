"""No file of ours is ever readable by others, in whatever folder and under whatever umask it was made."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from sage_platform import backups
from tests.e2e.served import Platform, prepared

pytestmark = [pytest.mark.served, pytest.mark.xdist_group(__name__)]


@pytest.fixture
def wide_umask() -> Iterator[None]:
    """What services and shells usually have."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def open_files(folder: Path) -> dict[str, str]:
    """Those under a folder that somebody else may read or write, with their modes."""
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*") if path.is_file()}
    return {path.name: oct(mode) for path, mode in modes.items() if mode & 0o077}


def save_a_setting(platform: Platform) -> None:
    """It writes the stamp, and on SQLite the side files."""
    answer = platform.admin().post("/api/system/update_settings", {"allow_registration": True})
    assert answer.json()["code"] == 200, answer.text


def test_files_are_their_owner_s_alone(wide_umask: None) -> None:
    with prepared() as platform:
        platform.data.mkdir(mode=0o755)
        assert platform.manage("bootstrap").returncode == 0
        platform.start()
        save_a_setting(platform)
        assert {path.name for path in platform.data.iterdir()} >= {"admin_password", "encryption_key", "secret_key"}
        assert open_files(platform.data) == {}
        platform.stop()

        for command in ("bootstrap", "serve"):
            for path in platform.data.iterdir():
                path.chmod(0o644)
            if command == "bootstrap":
                assert platform.manage("bootstrap").returncode == 0
            else:
                platform.start()
            assert open_files(platform.data) == {}
            assert stat.S_IMODE(platform.data.stat().st_mode) == 0o755, "the folder is the operator's"


@pytest.mark.django_db(transaction=True)
def test_a_backup_is_its_owner_s_alone_whoever_writes_it(wide_umask: None, tmp_path: Path) -> None:
    """A command has a narrow umask. Another caller may not, and the keys are in the folder."""
    backups.write(tmp_path / "backup", with_keys=False)
    assert stat.S_IMODE((tmp_path / "backup").stat().st_mode) == 0o700

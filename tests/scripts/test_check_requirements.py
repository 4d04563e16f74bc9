"""scripts/check_requirements.py: a requirement that nobody pinned is found, also one of another Python than this."""

import shutil
from pathlib import Path

import pytest

from scripts.check_requirements import FILES, ROOT, problems


@pytest.fixture
def files(tmp_path: Path) -> Path:
    for name in FILES:
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, old
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_our_own_files() -> None:
    assert problems(ROOT) == []


def test_a_requirement_of_some_pythons_alone(files: Path) -> None:
    change(files / "requirements.txt", "\nasync-timeout==", "\n# async-timeout==")
    assert problems(files) == [
        f"async-timeout is needed on Python {python}, and no line pins it" for python in ("3.11.0", "3.11.2")
    ]


def test_one_that_is_pinned_for_the_tests_alone(files: Path) -> None:
    change(files / "requirements.txt", "\nidna==", "\n# idna==")
    change(files / "requirements-dev.txt", "\niniconfig==", "\nidna==3.20\niniconfig==")
    found = problems(files)
    assert found
    assert {line.partition(" on ")[0] for line in found} == {"idna is needed"}


def test_one_that_is_installed_otherwise(files: Path) -> None:
    change(files / "requirements-dev.txt", "\npolib==1.2.0", "\npolib==1.1.0")
    change(files / "requirements-dev.txt", "\nimport-linter==", "\n# import-linter==")
    found = problems(files)
    assert [line.partition(" ")[0] for line in found if "is installed" in line] == ["import-linter", "polib"]
    assert "polib 1.2.0 is installed, and the files say ==1.1.0" in found


def test_one_that_is_not_pinned(files: Path) -> None:
    change(files / "requirements.txt", "\nrich==15.0.0 ", "\nrich>=15 ")
    assert "rich is not pinned to one version" in problems(files)

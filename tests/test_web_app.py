"""SAGE_WEB_ROOT: what of a folder is served, and what of it stops the start. That it is served well is shown in tests/e2e."""

import os
from itertools import takewhile
from pathlib import Path
from tempfile import gettempdir

import pytest
from django.http import HttpResponse
from django.test import RequestFactory
from pytest_django import Settings

from sage_platform import configuration
from sage_platform.web_app import StaticFilesMiddleware
from tests.environment import NAME, check_refused
from tests.nobody import as_nobody


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "dist"
    folder.mkdir()
    (folder / "index.html").write_text("<!doctype html><title>App</title>")
    return folder


@pytest.mark.django_db  # At the end of a response Django looks after the connection to the database.
def test_links_that_lead_nowhere_or_out_are_passed_over(root: Path, settings: Settings) -> None:
    outside = root.parent / "outside"
    outside.mkdir()
    (outside / "secret.txt").write_text("outside")
    (root / "assets").mkdir()
    (root / "assets" / "app.js").write_text("app")
    (root / "dangling.txt").symlink_to(root / "nothing.txt")
    (root / "through-a-file.txt").symlink_to(root / "index.html" / "x")
    (root / "round.txt").symlink_to(root / "round.txt")
    (root / "out.txt").symlink_to(outside / "secret.txt")
    (root / "out").symlink_to(outside)
    (root / "app.js.gz").symlink_to(outside / "secret.txt")
    (root / "again").symlink_to(root / "assets")
    (root / "assets" / "up").symlink_to(root)
    (root / "app.js").symlink_to("assets/app.js")
    (root / ".git").mkdir()
    (root / ".git" / "config").write_text("hidden")
    os.mkfifo(root / "pipe")
    settings.SAGE_WEB_ROOT = root
    # Not the whole stack: the routes are made once, by the settings at that time, and all other tests need theirs.
    serve = StaticFilesMiddleware(lambda request: HttpResponse(status=404))

    def status(path: str) -> int:
        response = serve(RequestFactory().get(f"/sage/{path}", headers={"Accept-Encoding": "gzip"}))
        response.close()
        return int(response.status_code)

    paths = ["app.js", "assets/app.js", "again/app.js"]
    assert {path: status(path) for path in paths} == dict.fromkeys(paths, 200)
    none = [
        "dangling.txt",
        "through-a-file.txt",
        "round.txt",
        "out.txt",
        "out/secret.txt",
        "app.js.gz",
        "assets/up/app.js",
        ".git/config",
        "pipe",
    ]
    assert {path: status(path) for path in none} == dict.fromkeys(none, 404)


def read(value: Path, monkeypatch: pytest.MonkeyPatch) -> Path | None:
    monkeypatch.setenv(NAME, str(value))
    return configuration.web_root(NAME)


def test_the_setting(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "dangling.txt").symlink_to(root / "nothing.txt")
    assert read(root, monkeypatch) == root
    (root.parent / "current").symlink_to(root)
    assert read(root.parent / "current", monkeypatch) == root.parent / "current"
    monkeypatch.setenv(NAME, "")
    assert configuration.web_root(NAME) is None


@pytest.mark.parametrize("where", [".", "nothing", "dist/index.html", "linked"])
def test_a_folder_without_an_index(where: str, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root.parent / "linked").mkdir()
    (root.parent / "linked" / "index.html").symlink_to(root / "index.html")
    monkeypatch.setenv(NAME, str(root.parent / where))
    check_refused(lambda: configuration.web_root(NAME), "a folder that holds index.html")


@pytest.mark.parametrize("closed", ["dist", "dist/assets", "dist/assets/app.js"])
def test_what_cannot_be_read_stops_the_start(closed: str, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "assets").mkdir()
    (root / "assets" / "app.js").write_text("app")
    for path in takewhile(lambda path: path.stat().st_uid == os.getuid() and path != Path(gettempdir()), root.parents):
        path.chmod(0o755)  # pytest's own are closed to others.
    monkeypatch.setenv(NAME, str(root))
    with as_nobody():
        assert configuration.web_root(NAME) == root
    (root.parent / closed).chmod(0)
    try:
        with as_nobody():
            check_refused(lambda: configuration.web_root(NAME), "a folder of which everything can be read")
    finally:
        (root.parent / closed).chmod(0o755)

"""GET and POST /files: the page of one's own files, and what the account page says of them."""

from pathlib import Path

import pytest
from django.utils.html import escape
from pytest_django import DjangoAssertNumQueries, Settings

from sage_platform.api import seams
from tests.people import Caller
from tests.uploads.sending import files_in, stored
from uploads.models import Upload

pytestmark = pytest.mark.django_db


def page(caller: Caller, address: str = "/files") -> str:
    response = caller.get(address)
    assert response.status_code == 200
    return response.content.decode()


def test_logged_out(anyone: Caller) -> None:
    response = anyone.get("/files")
    assert (response.status_code, response.headers["Location"]) == (302, "/sage/login?next=%2Ffiles")


def test_one_s_own_files_newest_first(as_alice: Caller, as_bob: Caller) -> None:
    first, second = stored(as_alice, b"x" * 2048, "first <b>.txt"), stored(as_alice, b"y", "second.txt")
    stranger = stored(as_bob, b"z", "stranger.txt")
    text = page(as_alice)
    assert text.index("second.txt") < text.index(escape("first <b>.txt"))
    for file in (first, second):
        assert f'href="/files/{file["id"]}/' in text
    assert "2.0\xa0KB" in text
    assert "stranger" not in text
    assert stranger["id"] not in text


def test_how_much_room_is_used(as_alice: Caller, as_admin: Caller, settings: Settings) -> None:
    settings.SAGE_UPLOAD_QUOTA_BYTES = 10 * 1024
    for caller in (as_alice, as_admin):
        stored(caller, b"x" * 2048)
    assert "2.0\xa0KB of 10.0\xa0KB used." in page(as_alice)
    assert "2.0\xa0KB used." in page(as_admin)


def test_no_files(as_alice: Caller) -> None:
    assert "You have stored no files." in page(as_alice)
    assert "You have stored no files." in page(as_alice, "/sage/")


def test_the_account_page_says_how_many(as_alice: Caller, as_bob: Caller) -> None:
    stored(as_bob, b"x")
    stored(as_alice, b"x" * 1024)
    assert "1 file, 1.0\xa0KB." in page(as_alice, "/sage/")
    stored(as_alice, b"x" * 1024)
    assert "2 files, 2.0\xa0KB." in page(as_alice, "/sage/")


def test_deleting_a_file(as_alice: Caller, media: Path) -> None:
    kept, gone = stored(as_alice, b"kept", "kept.txt"), stored(as_alice, b"gone", "gone.txt", path="a/b")
    response = as_alice.form("/files?page=1", {"upload": gone["id"]})
    assert (response.status_code, response.headers["Location"]) == (302, "/files?page=1")
    text = page(as_alice)
    assert "gone.txt is deleted." in text
    assert kept["id"] in text
    assert gone["id"] not in text
    assert files_in(media) == {f"users/alice/{kept['id']}": b"kept"}
    assert not (media / "users/alice/a").exists()
    assert Upload.objects.get().public_id == kept["id"]


@pytest.mark.parametrize("named", ["{id}", "", "0" * 32, "ä", "\0", "x" * 10_000])
def test_only_one_s_own(named: str, as_alice: Caller, as_bob: Caller, media: Path) -> None:
    told = stored(as_alice, b"x")
    assert as_bob.form("/files", {"upload": named.format(id=told["id"])}).status_code == 302
    assert list(files_in(media)) == [f"users/alice/{told['id']}"]
    assert "is deleted" not in page(as_bob)


def test_a_file_that_was_deleted_in_another_window(as_alice: Caller) -> None:
    told = stored(as_alice, b"x")
    for _window in range(2):
        assert as_alice.form("/files", {"upload": told["id"]}).status_code == 302
    shown = page(as_alice)
    assert (shown.count("is deleted."), shown.count("This file is gone.")) == (1, 1)
    assert "This file is gone." not in page(as_alice)


def test_a_file_that_a_release_uses(as_admin: Caller, media: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = stored(as_admin, b"x", path="bundle/1/a.exe")
    monkeypatch.setattr(seams, "object_references", seams.Registry("kind of reference to objects"))
    seams.object_references.register("test", lambda key: key == "bundle/1/a.exe")
    as_admin.form("/files", {"upload": told["id"]})
    assert "A release uses this file, so it can be neither replaced nor deleted." in page(as_admin)
    assert files_in(media) == {"bundle/1/a.exe": b"x"}
    assert Upload.objects.stored().count() == 1


def test_pages_of_fifty(as_alice: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("uploads.pages.EACH_PAGE", 2)
    for number in range(5):
        stored(as_alice, b"x", f"file{number}.txt")
    assert [number for number in range(5) if f"file{number}.txt" in page(as_alice, "/files?page=2")] == [1, 2]
    assert 'href="?page=3"' in page(as_alice, "/files?page=2")
    assert 'href="?page=1"' in page(as_alice, "/files?page=2")
    assert "file0.txt" in page(as_alice, "/files?page=99")


@pytest.mark.parametrize("files", [1, 3])
def test_queries(files: int, as_alice: Caller, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    for _number in range(files):
        stored(as_alice, b"x")
    page(as_alice)
    with django_assert_num_queries(4):  # Who asks; the sum, the count, the rows.
        page(as_alice)

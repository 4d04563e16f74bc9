"""manage.py check_uploads"""

import fcntl
import os
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from sage_platform.accounts.models import User
from tests.conftest import make_user
from tests.people import Caller, signed_in
from tests.uploads.conftest import media
from tests.uploads.rows import left
from tests.uploads.sending import files_in, stored
from uploads.models import State, Upload

__all__ = ["media"]
pytestmark = pytest.mark.django_db
TWO_HOURS = 2 * 3600


def told(*options: str) -> list[str]:
    out = StringIO()
    call_command("check_uploads", *options, stdout=out, stderr=StringIO())
    return out.getvalue().splitlines()


def put(media: Path, key: str, content: bytes = b"x", *, age: float = 0) -> Path:
    path = media / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (path.stat().st_mtime - age,) * 2)
    return path


def test_nothing_to_clear(as_alice: Caller, media: Path) -> None:
    kept = stored(as_alice, b"Hello")
    assert told() == ["0 cleared."]
    assert list(files_in(media)) == [f"users/alice/{kept['id']}"]


@pytest.mark.parametrize("user_id", [".", "..", "..."])
def test_files_of_a_user_whose_id_is_dots(user_id: str, hashed: str, media: Path) -> None:
    """An identity proxy may name one so in `X-Sage-Internal-UserId`."""
    kept = stored(signed_in(make_user(user_id, hashed)), b"Hello", path="users/alice")
    name = user_id.replace(".", "%2E")
    assert told("--now") == ["0 cleared."]
    assert files_in(media) == {f"users/{name}/users/alice/{kept['id']}": b"Hello"}


def test_nothing_was_ever_stored(media: Path) -> None:
    assert told() == ["0 cleared."]


def test_drafts_of_a_killed_process(media: Path) -> None:
    put(media, ".incoming/old", age=TWO_HOURS)
    put(media, ".incoming/new")
    with put(media, ".incoming/under-way", age=TWO_HOURS).open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # As its writer does.
        assert told() == ["draft of nobody: old", "1 cleared."]
        assert list(files_in(media)) == [".incoming/new", ".incoming/under-way"]
        assert told("--now") == ["draft of nobody: new", "1 cleared."]


@pytest.mark.parametrize("state", [State.RECEIVING, State.PENDING, State.DELETING])
def test_a_row_whose_process_was_killed(state: State, alice: User, as_alice: Caller, media: Path) -> None:
    kept = stored(as_alice, b"Hello")
    row = left(state, owner=alice)
    if state != State.RECEIVING:
        put(media, row.key)
    under_way = left(state, owner=alice, minutes=1)
    if state != State.RECEIVING:
        put(media, under_way.key)
    assert told("--dry-run") == [f"upload that was broken off: upload {row.pk}", "1 to clear."]
    assert told() == [f"upload that was broken off: upload {row.pk}", "1 cleared."]
    assert told() == ["0 cleared."]
    expected = {f"users/alice/{kept['id']}"} | ({under_way.key} - {""})
    assert set(files_in(media)) == expected
    assert told("--now") == [f"upload that was broken off: upload {under_way.pk}", "1 cleared."]
    assert list(files_in(media)) == [f"users/alice/{kept['id']}"]
    assert Upload.objects.get().public_id == kept["id"]


def test_an_object_of_nobody(as_alice: Caller, media: Path) -> None:
    stored(as_alice, b"Hello")
    old, new = "users/alice/a/" + "1" * 32, "users/alice/" + "2" * 32
    put(media, old, age=TWO_HOURS)
    put(media, new)
    assert told("--dry-run") == [f"object of nobody: {old}", "1 to clear."]
    assert told() == [f"object of nobody: {old}", "1 cleared."]
    assert not (media / "users/alice/a").exists()
    assert told("--now") == [f"object of nobody: {new}", "1 cleared."]


def test_what_is_not_ours_is_left(media: Path) -> None:
    """A media root that was set to a folder with something else in it must not be emptied."""
    for key in ("letter.txt", "users/alice/letter.txt", "bundle/1.0/app.exe", "photos/" + "1" * 32):
        put(media, key, age=TWO_HOURS)
    assert told("--now") == ["0 cleared."]
    assert len(files_in(media)) == 4


@pytest.mark.parametrize("arrived", [True, False])
def test_a_bundle_that_was_being_replaced(arrived: bool, admin: User, as_admin: Caller, media: Path) -> None:
    """Killed before the new object was in the place of the former one, or after: either is whole, and one of them stays."""
    former = stored(as_admin, b"former", path="bundle/1.0/a.exe")
    row = left(State.PENDING, owner=admin, key="bundle/1.0/a.exe", content=b"later!")
    if arrived:
        put(media, "bundle/1.0/a.exe", b"later!")
    assert told() == [f"upload that was broken off: upload {row.pk}", "1 cleared."]
    kept = Upload.objects.get()
    assert (kept.public_id, kept.state) == (row.public_id if arrived else former["id"], "stored")
    assert files_in(media) == {"bundle/1.0/a.exe": b"later!" if arrived else b"former"}
    assert told("--now") == ["0 cleared."]


def test_an_object_that_is_gone(as_alice: Caller, media: Path) -> None:
    """It is told and not cleared: perhaps the wrong folder is mounted, and the rows are all that is left."""
    gone, other, kept = (stored(as_alice, content) for content in (b"1", b"2", b"3"))
    (media / f"users/alice/{gone['id']}").unlink()
    (media / f"users/alice/{other['id']}").write_bytes(b"longer")
    out = StringIO()
    with pytest.raises(CommandError, match=r"^Of 2 the object is gone or another one\. Put the store back from a backup\.$"):
        call_command("check_uploads", stdout=out, stderr=StringIO())
    first, second, _kept = Upload.objects.order_by("pk").values_list("pk", flat=True)
    assert out.getvalue().splitlines() == [
        f"upload whose object has another size: upload {second}",
        f"upload whose object is gone: upload {first}",
        "0 cleared.",
    ]
    assert Upload.objects.stored().count() == 3
    assert {kept["id"], other["id"], gone["id"]} == set(Upload.objects.values_list("public_id", flat=True))

"""POST /api/oss/upload"""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from prometheus_client import REGISTRY
from pytest_django import Settings

from sage_platform.accounts.models import User
from sage_platform.api import seams
from sage_platform.api.gate import Places
from tests.answers import assert_logged_out, assert_refused, success
from tests.api.test_bodies import refused_with
from tests.people import Caller, envelope, signed_in
from tests.racing import at_once
from tests.uploads.sending import END, TYPE, files_in, part, send, stored, sum_of
from uploads.models import Upload
from uploads.services import uploading

pytestmark = pytest.mark.django_db
ORIGIN = "http://127.0.0.1:8000"
IN_USE = "A release uses this file, so it can be neither replaced nor deleted."
COLUMNS = ("owner_id", "name", "size", "content_type", "sha256", "state", "store", "key", "source", "came_from", "lease_until")
NO_ROOM = "There is no room left for this file. Delete some that you no longer need."


def the_row() -> dict[str, Any]:
    row: dict[str, Any] = Upload.objects.values(*COLUMNS).get()
    return row


def nothing_is_left(media: Path) -> bool:
    return not Upload.objects.exists() and (not media.exists() or not files_in(media))


def test_a_file(as_alice: Caller, media: Path) -> None:
    response = send(as_alice, part("file", b"Hello\n", "notes.txt"))
    row = Upload.objects.get()
    assert envelope(response) == success(
        {
            "url": f"{ORIGIN}/files/{row.public_id}/notes.txt",
            "id": row.public_id,
            "filename": "notes.txt",
            "size": 6,
            "content_type": "text/plain",
            "sha256": "66a045b452102c59d840ec097d59d9467e13a3f34f6494e539ffd32c1bb35f18",
        }
    )
    assert len(row.public_id) == 32
    assert the_row() == {
        "owner_id": "alice",
        "name": "notes.txt",
        "size": 6,
        "content_type": "text/plain",
        "sha256": "66a045b452102c59d840ec097d59d9467e13a3f34f6494e539ffd32c1bb35f18",
        "state": "stored",
        "store": "disk",
        "key": f"users/alice/{row.public_id}",
        "source": "upload",
        "came_from": "127.0.0.1",
        "lease_until": None,
    }
    assert files_in(media) == {f"users/alice/{row.public_id}": b"Hello\n"}
    assert {path.stat().st_mode & 0o077 for path in media.rglob("*")} == {0}


def test_by_a_token(alice: User) -> None:
    assert stored(signed_in(alice, token=True), b"Hello\n")["size"] == 6


def test_a_folder(as_alice: Caller, media: Path) -> None:
    told = stored(as_alice, b"x", path="projects/2026 – März")
    assert list(files_in(media)) == [f"users/alice/projects/2026 – März/{told['id']}"]
    assert told["url"] == f"{ORIGIN}/files/{told['id']}/a.txt"


def test_a_folder_named_like_one_s_own_file(as_alice: Caller, media: Path) -> None:
    """On a disk there can be no folder where that file is."""
    first = stored(as_alice, b"first")
    second = stored(as_alice, b"second", path=first["id"])
    third = stored(as_alice, b"third", path=f"{first['id']}/{second['id']}")
    assert files_in(media) == {
        f"users/alice/{first['id']}": b"first",
        f"users/alice/{first['id']}%/{second['id']}": b"second",
        f"users/alice/{first['id']}%/{second['id']}%/{third['id']}": b"third",
    }


@pytest.mark.parametrize("where", ["before", "after"])
def test_the_folder_may_come_before_or_after_the_file(where: str, as_alice: Caller, media: Path) -> None:
    parts = [part("path", b"a/b"), part("file", b"x", "a.txt"), part("ignored", b"y")]
    told = envelope(send(as_alice, *(parts if where == "before" else reversed(parts))))["data"]
    assert list(files_in(media)) == [f"users/alice/a/b/{told['id']}"]


def test_two_of_one_name_are_two_files(as_alice: Caller, media: Path) -> None:
    first, second = stored(as_alice, b"first"), stored(as_alice, b"second")
    assert first["id"] != second["id"]
    assert sorted(files_in(media).values()) == [b"first", b"second"]


def test_an_address_without_the_origin(as_alice: Caller, as_admin: Caller, settings: Settings) -> None:
    settings.SAGE_UPLOAD_URL_STYLE = "path"
    told = stored(as_alice, b"x", "ä b.txt")
    assert told["url"] == f"/files/{told['id']}/%C3%A4%20b.txt"
    bundle = stored(as_admin, b"x", "app.exe", path="bundle/1.2.0/app.exe")
    assert bundle["url"] == f"{ORIGIN}/files/{bundle['id']}/app.exe"


# -- Release bundles -----------------------------------------------------------------------------------------------------


def test_a_bundle_of_an_administrator_s_has_the_exact_key(as_admin: Caller, media: Path) -> None:
    stored(as_admin, b"x", "whatever.exe", path="bundle/1.2.0/app.exe")
    assert files_in(media) == {"bundle/1.2.0/app.exe": b"x"}


def test_a_bundle_is_replaced(as_admin: Caller, media: Path) -> None:
    former = stored(as_admin, b"first", "a.exe", path="bundle/1.2.0/a.exe")
    later = stored(as_admin, b"second", "a.exe", path="bundle/1.2.0/a.exe")
    assert files_in(media) == {"bundle/1.2.0/a.exe": b"second"}
    assert former["id"] != later["id"]
    assert (the_row()["sha256"], the_row()["state"]) == (sum_of(b"second"), "stored")


def test_a_plain_user_s_bundle_is_a_folder_of_theirs(as_admin: Caller, as_alice: Caller, media: Path) -> None:
    stored(as_admin, b"good", "a.exe", path="bundle/1.2.0/a.exe")
    told = stored(as_alice, b"evil", "a.exe", path="bundle/1.2.0/a.exe")
    assert files_in(media) == {"bundle/1.2.0/a.exe": b"good", f"users/alice/bundle/1.2.0/a.exe/{told['id']}": b"evil"}


def test_a_bundle_that_a_release_refers_to(as_admin: Caller, media: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stored(as_admin, b"first", "a.exe", path="bundle/1.2.0/a.exe")
    monkeypatch.setattr(seams, "object_references", seams.Registry("kind of reference to objects"))
    seams.object_references.register("test", lambda key: key == "bundle/1.2.0/a.exe")
    response = send(as_admin, part("path", b"bundle/1.2.0/a.exe"), part("file", b"second", "a.exe"))
    assert_refused(response, 400, IN_USE)
    assert files_in(media) == {"bundle/1.2.0/a.exe": b"first"}
    assert the_row()["sha256"] == sum_of(b"first")
    stored(as_admin, b"other", "b.exe", path="bundle/1.2.0/b.exe")


@pytest.mark.parametrize("path", ["bundle/1.2.0", "bundle/1.2.0/a/b.exe", "bundle/../a.exe", "bundle//a.exe"])
def test_a_bundle_s_path_has_three_parts(path: str, as_admin: Caller, media: Path) -> None:
    response = send(as_admin, part("path", path.encode()), part("file", b"x", "a.exe"))
    assert response.status_code == 422
    assert [error["field"] for error in envelope(response)["data"]["errors"]] == ["path"]
    assert nothing_is_left(media)


# -- Refusals ------------------------------------------------------------------------------------------------------------


def test_logged_out(anyone: Caller, media: Path) -> None:
    assert_logged_out(send(anyone, part("file", b"x", "a.txt")))
    assert nothing_is_left(media)


@pytest.mark.parametrize("path", ["..", "a/../b", "/etc", "a//b", "a\\b", "a/./b", "a\0b", "a\nb", "x" * 256, "a/", "\u202etxt"])
def test_a_path_that_is_none(path: str, as_alice: Caller, media: Path) -> None:
    response = send(as_alice, part("path", path.encode()), part("file", b"x", "a.txt"))
    assert response.status_code == 422
    assert [error["field"] for error in envelope(response)["data"]["errors"]] == ["path"]
    assert nothing_is_left(media)


@pytest.mark.parametrize(
    ("parts", "field"),
    [
        ([], "file"),
        ([part("text", b"x")], "file"),
        ([part("file", b"no name")], "file"),
        ([part("file", b"", "empty.txt")], "file"),
        ([part("file", b"x", "a.txt"), part("file", b"y", "b.txt")], "file"),
        ([part("file", b"x", "a.txt"), part("path", b"x" * 4097)], "path"),
        ([part("file", b"x", "a.txt"), *[part(f"text{number}", b"") for number in range(8)]], "body"),
        ([part("file", b"x", "a.txt"), *[part(f"text{number}", b"") for number in range(2_000)]], "body"),
    ],
)
def test_a_form_that_is_not_taken(parts: list[bytes], field: str, as_alice: Caller, media: Path) -> None:
    response = send(as_alice, *parts)
    assert response.status_code == 422, response.content
    assert [error["field"] for error in envelope(response)["data"]["errors"]] == [field]
    assert nothing_is_left(media)


@pytest.mark.parametrize("end", [b"", b"--edge\r\n", b"--edg", b"--other--\r\n"])
def test_a_form_without_its_end(end: bytes, as_alice: Caller, media: Path) -> None:
    response = send(as_alice, part("file", b"x" * 1000, "a.txt"), end=end)
    assert (response.status_code, envelope(response)) == (422, refused_with("The body is no multipart form that can be read."))
    assert nothing_is_left(media)


def test_a_file_that_is_too_large(as_alice: Caller, media: Path, settings: Settings) -> None:
    settings.SAGE_UPLOAD_MAX_BYTES = 2000
    assert stored(as_alice, b"x" * 2000)["size"] == 2000
    message = "The request body is too large."
    response = send(as_alice, part("file", b"x" * 2001, "a.txt"))
    assert (response.status_code, envelope(response)) == (413, {"code": 413, "message": message, "data": None})
    huge = as_alice.client.post("/api/oss/upload", content_type=TYPE, CONTENT_LENGTH=str(2000 + 65537))
    assert huge.status_code == 413
    assert [len(content) for content in files_in(media).values()] == [2000]
    assert Upload.objects.count() == 1


def test_every_place_is_taken(as_alice: Caller, media: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line in the log, as at every other door that is shut, and no upload that failed."""
    places = Places(1)
    monkeypatch.setattr(uploading, "places", places)
    leave = places.take("elsewhere", cause="full")
    failed = {"category": "uploads", "name": "upload", "status": "error"}
    before = REGISTRY.get_sample_value("sage_server_operations_total", failed)
    response = send(as_alice, part("file", b"x", "a.txt"))
    told = {"code": 503, "message": "The service is temporarily unavailable. Please try again shortly.", "data": None}
    assert (response.status_code, envelope(response), response.headers["Retry-After"]) == (503, told, "5")
    assert REGISTRY.get_sample_value("sage_server_operations_total", failed) == before
    assert nothing_is_left(media)
    leave()
    stored(as_alice, b"x")


# -- Room ----------------------------------------------------------------------------------------------------------------


def test_room_for_one_person(as_alice: Caller, as_bob: Caller, as_admin: Caller, media: Path, settings: Settings) -> None:
    settings.SAGE_UPLOAD_QUOTA_BYTES = 1000
    body = len(part("file", b"", "a.txt") + END)
    stored(as_alice, b"x" * (900 - body))
    assert_refused(send(as_alice, part("file", b"x" * 200, "a.txt")), 400, NO_ROOM)
    assert Upload.objects.for_user(as_alice.user).count() == 1
    stored(as_bob, b"x" * 200)
    stored(as_admin, b"x" * 5000)
    # What counts in the end is the file, not the form around it.
    stored(as_alice, b"x" * (1000 - (900 - body) - body))
    assert Upload.objects.for_user(as_alice.user).bytes() == 1000 - body


def test_deleting_makes_room(as_alice: Caller, settings: Settings) -> None:
    settings.SAGE_UPLOAD_QUOTA_BYTES = 1000
    first = stored(as_alice, b"x" * 700)
    assert_refused(send(as_alice, part("file", b"x" * 700, "a.txt")), 400, NO_ROOM)
    assert as_alice.form("/files", {"upload": first["id"]}).status_code == 302
    stored(as_alice, b"x" * 700)


def test_what_a_killed_process_reserved_runs_out(as_alice: Caller, settings: Settings) -> None:
    settings.SAGE_UPLOAD_QUOTA_BYTES = 1000
    now = timezone.now()
    row = Upload.objects.create(owner=as_alice.user, size=900, store="disk", source="upload", created_at=now, lease_until=now)
    stored(as_alice, b"x")
    Upload.objects.filter(pk=row.pk).update(lease_until=now + timedelta(minutes=1))
    assert_refused(send(as_alice, part("file", b"x", "a.txt")), 400, NO_ROOM)


def test_so_many_files_each(as_alice: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("uploads.services.uploading.MOST_EACH", 2)
    stored(as_alice, b"1")
    stored(as_alice, b"2")
    message = "You have too many files. Delete some that you no longer need."
    assert_refused(send(as_alice, part("file", b"3", "a.txt")), 400, message)


@pytest.mark.django_db(transaction=True)
def test_room_holds_when_many_ask_at_once(as_alice: Caller, media: Path, settings: Settings) -> None:
    settings.SAGE_UPLOAD_QUOTA_BYTES = 3000

    def upload(_number: int) -> int:
        code: int = envelope(send(as_alice, part("file", b"x" * 800, "a.txt")))["code"]
        return code

    assert sorted(at_once(8, upload)) == [200] * 3 + [400] * 5
    assert len(files_in(media)) == 3
    assert Upload.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_two_replace_one_bundle_at_once(as_admin: Caller, media: Path) -> None:
    stored(as_admin, b"former", "a.exe", path="bundle/1/a.exe")

    def upload(number: int) -> dict[str, Any]:
        return envelope(send(as_admin, part("path", b"bundle/1/a.exe"), part("file", f"{number}".encode() * 100_000, "a.exe")))

    answers = at_once(4, upload)
    told = [answer["data"] for answer in answers if answer["code"] == 200]
    refused = {answer["message"] for answer in answers if answer["code"] != 200}
    assert refused <= {"Another upload to this path is under way. Try again when it has ended."}
    assert told
    (content,) = files_in(media).values()
    assert the_row()["sha256"] == sum_of(content)
    assert Upload.objects.get().public_id in {each["id"] for each in told}

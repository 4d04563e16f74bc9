"""POST /api/oss/upload, the page and the command, with the files in a bucket."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from pytest_django import Settings

from sage_platform.accounts.models import User
from tests import faulty_s3
from tests.people import Caller, envelope
from tests.uploads.on_s3 import S3Bucket, use_s3
from tests.uploads.rows import left
from tests.uploads.sending import files_in, part, send, stored
from uploads.models import State, Upload
from uploads.stores import s3_client

pytestmark = [pytest.mark.django_db, pytest.mark.s3]
FAULTS = {"refuses": faulty_s3.saying(503, "SlowDown"), "hangs": faulty_s3.hang, "breaks": faulty_s3.close}
AWAY = "The service is temporarily unavailable. Please try again shortly."


@pytest.fixture(autouse=True)
def _data(settings: Settings, tmp_path: Path) -> None:
    settings.SAGE_DATA_DIR = tmp_path / "data"


def test_a_file(as_alice: Caller, bucket: S3Bucket, media: Path, settings: Settings) -> None:
    told = stored(as_alice, "grüße".encode(), "ä.txt", path="a b/ü")
    key = f"users/alice/a b/ü/{told['id']}"
    assert bucket.objects() == {key: "grüße".encode()}
    assert bucket.headers(key) == ("text/plain; charset=utf-8", "inline; filename=\"_.txt\"; filename*=UTF-8''%C3%A4.txt")
    assert Upload.objects.get().store == "s3"
    assert not media.exists()
    assert files_in(settings.SAGE_DATA_DIR) == {}


def test_what_a_browser_would_run_is_an_attachment(as_alice: Caller, bucket: S3Bucket) -> None:
    told = stored(as_alice, b"<html><script>alert(1)</script>", "cat.png")
    assert bucket.headers(f"users/alice/{told['id']}") == ("text/html", 'attachment; filename="cat.png"')


def test_a_bundle_is_replaced(as_admin: Caller, bucket: S3Bucket) -> None:
    for content in (b"first", b"second"):
        stored(as_admin, content, "a.exe", path="bundle/1.2.0/a.exe")
    assert bucket.objects() == {"bundle/1.2.0/a.exe": b"second"}
    assert Upload.objects.count() == 1


def test_deleting(as_alice: Caller, bucket: S3Bucket) -> None:
    kept, gone = stored(as_alice, b"kept"), stored(as_alice, b"gone")
    as_alice.form("/files", {"upload": gone["id"]})
    assert bucket.objects() == {f"users/alice/{kept['id']}": b"kept"}


@pytest.mark.parametrize("state", [State.PENDING, State.DELETING])
def test_what_a_kill_left(state: State, alice: User, as_alice: Caller, bucket: S3Bucket) -> None:
    kept = stored(as_alice, b"kept")
    row = left(state, owner=alice)
    Upload.objects.filter(pk=row.pk).update(store="s3")
    bucket.put(row.key, b"x")
    begun = bucket.server.client.create_multipart_upload(Bucket=bucket.name, Key=row.key)
    bucket.server.client.upload_part(
        Bucket=bucket.name, Key=row.key, UploadId=begun["UploadId"], PartNumber=1, Body=b"x" * 5 * 1024**2
    )
    out = StringIO()
    call_command("check_uploads", stdout=out, stderr=StringIO())
    assert out.getvalue().splitlines() == [f"upload that was broken off: upload {row.pk}", "1 cleared."]
    assert bucket.objects() == {f"users/alice/{kept['id']}": b"kept"}
    assert "Uploads" not in bucket.server.client.list_multipart_uploads(Bucket=bucket.name)


def test_objects_and_parts_of_nobody(as_alice: Caller, bucket: S3Bucket) -> None:
    kept, orphan, parts = stored(as_alice, b"kept"), "users/alice/" + "1" * 32, "users/alice/" + "2" * 32
    coming = left(State.PENDING, owner=as_alice.user, minutes=10)
    Upload.objects.filter(pk=coming.pk).update(store="s3")
    bucket.put(orphan, b"x")
    bucket.put("somebody/else's", b"x")
    for key in (parts, coming.key, "somebody/else's"):
        # This server tells a date long past for each.
        bucket.server.client.create_multipart_upload(Bucket=bucket.name, Key=key)
    out = StringIO()
    call_command("check_uploads", stdout=out, stderr=StringIO())
    assert out.getvalue().splitlines() == [f"unfinished parts of nobody: s3: {parts}", "1 cleared."]
    out = StringIO()
    call_command("check_uploads", "--now", stdout=out, stderr=StringIO())
    told = [f"upload that was broken off: upload {coming.pk}", f"object of nobody: {orphan}", "2 cleared."]
    assert out.getvalue().splitlines() == told
    assert set(bucket.objects()) == {f"users/alice/{kept['id']}", "somebody/else's"}
    left_open = bucket.server.client.list_multipart_uploads(Bucket=bucket.name)["Uploads"]
    assert [each["Key"] for each in left_open] == ["somebody/else's"]


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Less than the usual seconds, and one attempt."""
    monkeypatch.setattr(s3_client, "READ_SECONDS", 1.5)
    monkeypatch.setattr(s3_client, "ATTEMPTS", 1)
    s3_client._connections.cache_clear()


@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize("fault", FAULTS)
def test_a_store_that_fails(fault: str, as_alice: Caller, bucket: S3Bucket, settings: Settings) -> None:
    with faulty_s3.faulty_s3(bucket.server) as front:
        use_s3(settings, front.server, bucket.name)
        kept = stored(as_alice, b"kept")
        front.behave = FAULTS[fault]
        response = send(as_alice, part("file", b"x" * 100_000, "a.txt"))
        told = {"code": 503, "message": AWAY, "data": None}
        assert (response.status_code, envelope(response), response.headers["Retry-After"]) == (503, told, "5")
        assert Upload.objects.get().public_id == kept["id"]
        assert files_in(settings.SAGE_DATA_DIR) == {}
        # A file that cannot be deleted now counts as deleted, and is deleted when the store is back.
        assert as_alice.form("/files", {"upload": kept["id"]}).status_code == 302
        assert "You have stored no files." in as_alice.get("/files").content.decode()
        assert Upload.objects.get().state == "deleting"
        front.behave = faulty_s3.good
        call_command("check_uploads", "--now", stdout=StringIO(), stderr=StringIO())
    assert not Upload.objects.exists()
    assert bucket.objects() == {}

"""manage.py move_uploads"""

from collections.abc import Callable
from datetime import timedelta
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from sage_platform import alone
from sage_platform.accounts.models import User
from sage_platform.api.errors import Refusal
from tests import faulty_s3
from tests.object_store import ObjectServer
from tests.uploads.conftest import media
from tests.uploads.sending import sum_of
from uploads import stores
from uploads.models import CLAIMED, State, Upload, new_public_id
from uploads.services import at_work, deleting, uploading
from uploads.services.uploaders import Uploader
from uploads.stores import ObjectStore
from uploads.stores.disk import DiskStore
from uploads.stores.s3 import S3Store

__all__ = ["media"]
pytestmark = [pytest.mark.django_db, pytest.mark.s3]
BUNDLE = "bundle/1.0.0/sage.zip"
NAME = 'a "b" 文件 👩.txt'
DISPOSITION = "inline; filename=\"a _b_ __ _.txt\"; filename*=UTF-8''a%20%22b%22%20%E6%96%87%E4%BB%B6%20%F0%9F%91%A9.txt"
OTHER = {"disk": "s3", "s3": "disk"}


@pytest.fixture(autouse=True)
def bucket(media: Path, object_server: ObjectServer, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """Both stores, empty, and nobody to wait for."""
    name = object_server.new_bucket()
    use(settings, object_server, name)
    settings.SAGE_DATA_DIR = tmp_path
    for store in (DiskStore, S3Store):
        monkeypatch.setattr(store, "readers_stay", timedelta(0))
    return name


def use(settings: Settings, server: ObjectServer, bucket: str) -> None:
    s3 = {"s3": {"BACKEND": "uploads.stores.s3.S3Store", "OPTIONS": server.options(bucket)}}
    settings.STORAGES = settings.STORAGES | s3
    settings.OBJECT_STORES = {name: settings.STORAGES[name] for name in ("disk", "s3")}


def move(*options: str) -> list[str]:
    out = StringIO()
    call_command("move_uploads", *options, stdout=out, stderr=StringIO())
    return out.getvalue().splitlines()


def refusal(*options: str) -> tuple[list[str], str]:
    out = StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("move_uploads", *options, stdout=out, stderr=StringIO())
    return out.getvalue().splitlines(), str(caught.value)


def kept(store: str, content: bytes, *, owner: User | None = None, key: str = "", tmp: Path) -> Upload:
    """A file as the upload service leaves it."""
    public_id = new_public_id()
    key = key or f"users/alice/a folder/{public_id}"
    draft = tmp / public_id
    draft.write_bytes(content)
    stores.store_named(store).keep(draft, key, content_type="text/plain", disposition=DISPOSITION)
    draft.unlink(missing_ok=True)
    row: Upload = Upload.objects.create(
        public_id=public_id,
        owner=owner,
        name=NAME,
        size=len(content),
        content_type="text/plain",
        sha256=sum_of(content),
        state=State.STORED,
        store=store,
        key=key,
        source="upload",
        created_at=timezone.now(),
    )
    return row


def objects() -> dict[str, dict[str, bytes]]:
    """All that is in both stores."""

    def read(store: ObjectStore, key: str) -> bytes:
        with store.open_object(key) as file:
            return file.read()

    both = {name: stores.store_named(name) for name in ("disk", "s3")}
    return {name: {found.key: read(store, found.key) for found in store.objects()} for name, store in both.items()}


def rows() -> list[tuple[str, str, str]]:
    return sorted(Upload.objects.values_list("key", "store", "state"))


@pytest.mark.parametrize("source", ["disk", "s3"])
def test_files_are_moved(source: str, settings: Settings, object_server: ObjectServer, bucket: str, tmp_path: Path) -> None:
    target = OTHER[source]
    settings.SAGE_UPLOAD_STORE = target
    contents = [b"", b"x", b"Hello" * 1000, bytes(17 * 1024**2)]
    moved = [kept(source, content, tmp=tmp_path) for content in contents]
    bundle = kept(source, b"a bundle", key=BUNDLE, tmp=tmp_path)
    there = kept(target, b"there already", tmp=tmp_path)
    before = list(Upload.objects.order_by("pk").values())
    assert move("--to", target, "--dry-run") == [f"5 would be moved to {target}, 17.0 MB."]
    assert list(Upload.objects.order_by("pk").values()) == before
    assert len(objects()[source]) == 5

    assert move("--to", target) == [f"5 moved to {target}."]
    assert list(Upload.objects.order_by("pk").values()) == [row | {"store": target} for row in before]
    expected = {row.key: content for row, content in zip(moved, contents, strict=True)}
    assert objects() == {source: {}, target: expected | {bundle.key: b"a bundle", there.key: b"there already"}}
    if target == "s3":
        head = object_server.client.head_object(Bucket=bucket, Key=moved[2].key)
        assert (head["ContentType"], head["ContentDisposition"]) == ("text/plain; charset=utf-8", DISPOSITION)
    assert not list((tmp_path / "media").glob("users/*/*/*" if target == "s3" else ".incoming/*"))
    assert move("--to", target) == [f"0 moved to {target}."]


def test_new_files_still_go_to_the_former_store(settings: Settings, tmp_path: Path) -> None:
    settings.SAGE_UPLOAD_STORE = "disk"
    kept("disk", b"x", tmp=tmp_path)
    assert move("--to", "s3") == [
        "1 moved to s3.",
        "New files go to disk: set SAGE_UPLOAD_STORE=s3, restart, and run this again.",
    ]


def test_there_is_one_store_alone(settings: Settings) -> None:
    settings.OBJECT_STORES = {"disk": settings.STORAGES["disk"]}
    assert refusal("--to", "s3") == ([], "There is one store alone: set SAGE_S3_ENDPOINT, and what belongs to it.")
    assert refusal("--to", "disk")[1].startswith("There is one store alone")


def test_one_move_at_a_time(tmp_path: Path, settings: Settings) -> None:
    """On PostgreSQL also from another machine, which has a data folder of its own."""
    settings.SAGE_UPLOAD_STORE = "s3"
    row = kept("disk", b"x", tmp=tmp_path)
    with alone.only_one(alone.MOVE, waits=False), alone.only_one(alone.BOOTSTRAP, waits=False):
        if connection.vendor == "postgresql":
            settings.SAGE_DATA_DIR = tmp_path / "another machine"
        assert refusal("--to", "s3") == ([], "Another run of this command is under way.")
        assert rows() == [(row.key, "disk", "stored")]
    assert move("--to", "s3") == ["1 moved to s3."]


def test_what_is_not_whole_is_told_and_left(settings: Settings, tmp_path: Path) -> None:
    settings.SAGE_UPLOAD_STORE = "s3"
    gone, longer, other, good = (kept("disk", content, tmp=tmp_path) for content in (b"gone", b"longer", b"other", b"good"))
    disk = stores.store_named("disk")
    assert isinstance(disk, DiskStore)
    disk.place_of(gone.key).unlink()
    disk.place_of(longer.key).write_bytes(b"longer by some")
    disk.place_of(other.key).write_bytes(b"OTHER")
    said, why = refusal("--to", "s3")
    assert said == [
        f"upload {gone.pk}: its object is gone",
        f"upload {longer.pk}: its object is not what was uploaded",
        f"upload {other.pk}: its object is not what was uploaded",
        "1 moved to s3.",
    ]
    assert why == "3 could not be moved. What is above says why; nothing of them was changed."
    assert objects() == {"disk": {longer.key: b"longer by some", other.key: b"OTHER"}, "s3": {good.key: b"good"}}
    assert dict(Upload.objects.values_list("key", "store")) == {
        gone.key: "disk",
        longer.key: "disk",
        other.key: "disk",
        good.key: "s3",
    }


def test_a_store_that_stops_answering(settings: Settings, object_server: ObjectServer, bucket: str, tmp_path: Path) -> None:
    settings.SAGE_UPLOAD_STORE = "s3"
    files = [kept("disk", b"%d" % number, tmp=tmp_path) for number in range(5)]
    with faulty_s3.faulty_s3(object_server) as front:
        use(settings, front.server, bucket)
        puts: list[str] = []

        def third(asked: faulty_s3.Asked) -> None:
            puts.extend([asked.path] if asked.method == "PUT" else [])
            (faulty_s3.saying(403, "AccessDenied") if len(puts) > 2 else faulty_s3.good)(asked)

        front.behave = third
        assert refusal("--to", "s3") == (
            [],
            "A store does not answer (S3: HTTP 403 AccessDenied). Run it again when it does.",
        )
        assert [store for _key, store in Upload.objects.order_by("pk").values_list("key", "store")] == ["s3"] * 2 + ["disk"] * 3
        assert set(objects_of("disk")) == {row.key for row in files}
        front.behave = faulty_s3.good
        assert move("--to", "s3") == ["3 moved to s3."]
    assert objects() == {"disk": {}, "s3": {row.key: b"%d" % number for number, row in enumerate(files)}}


def objects_of(store: str) -> list[str]:
    return [found.key for found in stores.store_named(store).objects()]


def test_a_store_that_gives_back_something_else(settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings.SAGE_UPLOAD_STORE = "s3"
    row = kept("disk", b"Hello", tmp=tmp_path)
    with monkeypatch.context() as once:
        once.setattr(S3Store, "open_object", lambda self, key: BytesIO(b"Hallo"))
        said, _why = refusal("--to", "s3")
    assert said == [f"upload {row.pk}: the other store does not give back what it was given", "0 moved to s3."]
    assert rows() == [(row.key, "disk", "stored")]
    assert objects() == {"disk": {row.key: b"Hello"}, "s3": {}}


# -- While others work on the same files ------------------------------------------------------------------------------------


def meanwhile(monkeypatch: pytest.MonkeyPatch, store: type, method: str, do: Callable[[str], Any]) -> list[Any]:
    """At the first call of this method of the store somebody does this; what came of it."""
    real = getattr(store, method)
    done: list[Any] = []

    def then(self: Any, *arguments: Any, **options: Any) -> Any:
        if not done:
            done.append("begun")
            done[:] = [do(next(argument for argument in arguments if isinstance(argument, str)))]
        return real(self, *arguments, **options)

    monkeypatch.setattr(store, method, then)
    return done


def delete(key: str) -> None:
    deleting.delete(Upload.objects.stored().get(key=key), actor=None)


@pytest.mark.parametrize("method", ["keep", "open_object"])
def test_a_file_that_is_deleted_while_it_is_being_copied(
    method: str, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Before its copy is there, and after."""
    settings.SAGE_UPLOAD_STORE = "s3"
    kept("disk", b"deleted", tmp=tmp_path)
    other = kept("disk", b"stays", tmp=tmp_path)
    done = meanwhile(monkeypatch, S3Store, method, delete)
    assert move("--to", "s3") == ["1 moved to s3."]
    assert done == [None]
    assert rows() == [(other.key, "s3", "stored")]
    assert objects() == {"disk": {}, "s3": {other.key: b"stays"}}


def test_a_file_that_is_deleted_before_it_is_read(settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings.SAGE_UPLOAD_STORE = "s3"
    kept("disk", b"deleted", tmp=tmp_path)
    meanwhile(monkeypatch, DiskStore, "open_object", delete)
    assert move("--to", "s3") == ["0 moved to s3."]
    assert rows() == []
    assert objects() == {"disk": {}, "s3": {}}


def test_a_file_that_is_deleted_when_it_has_been_moved(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Its former object goes as well."""
    settings.SAGE_UPLOAD_STORE = "s3"
    first, second = (kept("disk", content, tmp=tmp_path) for content in (b"first", b"second"))
    real = S3Store.keep

    def keep(self: S3Store, draft: Path, key: str, **options: str) -> None:
        if key == second.key:
            delete(first.key)
        real(self, draft, key, **options)

    monkeypatch.setattr(S3Store, "keep", keep)
    assert move("--to", "s3") == ["2 moved to s3."]
    assert objects() == {"disk": {}, "s3": {second.key: b"second"}}


def replaced(store: str, content: bytes, tmp: Path) -> Callable[[str], str]:
    """An administrator uploads another file to the same path of a bundle."""

    def replace(key: str) -> str:
        draft_path = tmp / "replacement"
        row = uploading.reserve(Uploader(User.objects.get(pk="admin")), len(content), source=Upload.Source.UPLOAD, came_from="")
        Upload.objects.filter(pk=row.pk).update(store=store)
        row.refresh_from_db()
        from uploads import drafts

        draft_path.write_bytes(content)
        with drafts.begin(most_bytes=99) as draft:
            draft.write(content)
            draft.finish()
            try:
                uploading.keep(row, draft, Uploader(User.objects.get(pk="admin")), name="sage.zip", path=key)
            except Refusal as refusal:
                at_work.give_up(row)
                return str(refusal.detail)
        return "stored"

    return replace


@pytest.mark.parametrize("source", ["disk", "s3"])
def test_a_bundle_cannot_be_replaced_while_it_is_being_copied(
    source: str, settings: Settings, admin: User, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Else the copy of the former one would come over the new one."""
    target = OTHER[source]
    settings.SAGE_UPLOAD_STORE = target
    kept(source, b"former", key=BUNDLE, tmp=tmp_path)
    kind = {"disk": DiskStore, "s3": S3Store}[source]
    done = meanwhile(monkeypatch, kind, "open_object", replaced(target, b"later", tmp_path))
    assert move("--to", target) == [f"1 moved to {target}."]
    assert done == ["Another upload to this path is under way. Try again when it has ended."]
    assert rows() == [(BUNDLE, target, "stored")]
    assert objects() == {source: {}, target: {BUNDLE: b"former"}}
    assert replaced(target, b"later", tmp_path)(BUNDLE) == "stored"
    assert objects() == {source: {}, target: {BUNDLE: b"later"}}
    assert rows() == [(BUNDLE, target, "stored")]


def test_a_bundle_that_is_being_replaced_is_left_for_the_next_run(settings: Settings, admin: User, tmp_path: Path) -> None:
    settings.SAGE_UPLOAD_STORE = "s3"
    bundle = kept("disk", b"former", key=BUNDLE, tmp=tmp_path)
    under_way = Upload.objects.create(
        key=BUNDLE,
        size=5,
        sha256=sum_of(b"later"),
        state=State.PENDING,
        store="s3",
        source="upload",
        created_at=timezone.now(),
        lease_until=timezone.now() + timedelta(minutes=10),
    )
    said, why = refusal("--to", "s3")
    assert said == [f"upload {bundle.pk}: another upload to its path is under way", "0 moved to s3."]
    assert why == "1 could not be moved. What is above says why; nothing of them was changed."
    assert objects() == {"disk": {BUNDLE: b"former"}, "s3": {}}
    under_way.delete()
    assert move("--to", "s3") == ["1 moved to s3."]


def test_a_bundle_that_was_replaced_in_the_former_store_stays_there(
    settings: Settings, admin: User, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Moved, and then stored anew where new files still go, before the former object is deleted: this is no former one."""
    settings.SAGE_UPLOAD_STORE = "disk"
    kept("disk", b"former", key=BUNDLE, tmp=tmp_path)
    last = kept("disk", b"x", tmp=tmp_path)
    real = S3Store.keep

    def keep(self: S3Store, draft: Path, key: str, **options: str) -> None:
        if key == last.key:
            assert replaced("disk", b"later", tmp_path)(BUNDLE) == "stored"
        real(self, draft, key, **options)

    monkeypatch.setattr(S3Store, "keep", keep)
    assert move("--to", "s3")[0] == "2 moved to s3."
    assert sorted(rows()) == sorted([(BUNDLE, "disk", "stored"), (last.key, "s3", "stored")])
    assert objects() == {"disk": {BUNDLE: b"later"}, "s3": {last.key: b"x"}}


def test_a_run_ends_where_new_files_go_on_coming(settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings.SAGE_UPLOAD_STORE = "s3"
    kept("disk", b"0", tmp=tmp_path)
    real = S3Store.keep

    def keep(self: S3Store, draft: Path, key: str, **options: str) -> None:
        kept("disk", b"1", tmp=tmp_path)
        real(self, draft, key, **options)

    monkeypatch.setattr(S3Store, "keep", keep)
    assert move("--to", "s3") == ["1 moved to s3.", "1 came meanwhile: run this again."]
    assert sorted(store for _key, store, _state in rows()) == ["disk", "s3"]


# -- The former objects -----------------------------------------------------------------------------------------------------


def test_the_former_objects_stay_while_somebody_may_come_for_them(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An address that was handed out just before opens the object for as long as it says."""
    settings.SAGE_UPLOAD_STORE = "disk"
    row = kept("s3", b"Hello", tmp=tmp_path)
    monkeypatch.setattr(S3Store, "readers_stay", timedelta(seconds=610))
    now = [0.0]
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        assert objects() == {"disk": {row.key: b"Hello"}, "s3": {row.key: b"Hello"}}
        slept.append(seconds)
        now[0] += 300

    monkeypatch.setattr("uploads.services.moving.time.monotonic", lambda: now[0])
    monkeypatch.setattr("uploads.management.commands.move_uploads.time.sleep", sleep)
    assert move("--to", "disk") == ["1 moved to disk."]
    assert len(slept) == 3
    assert objects() == {"disk": {row.key: b"Hello"}, "s3": {}}


def test_what_a_run_before_left_is_deleted(settings: Settings, tmp_path: Path) -> None:
    """It was killed after it had changed the row."""
    settings.SAGE_UPLOAD_STORE = "s3"
    for key in ("", BUNDLE):
        row = kept("disk", b"Hello", key=key, tmp=tmp_path)
        (tmp_path / "copy").write_bytes(b"Hello")
        stores.store_named("s3").keep(tmp_path / "copy", row.key, content_type="text/plain", disposition="inline")
        Upload.objects.filter(pk=row.pk).update(store="s3")
    assert move("--to", "s3") == ["0 moved to s3."]
    assert {name: len(found) for name, found in objects().items()} == {"disk": 0, "s3": 2}


@pytest.mark.parametrize("key", ["", BUNDLE])
def test_parts_that_a_run_before_left_are_ended(
    key: str, settings: Settings, object_server: ObjectServer, bucket: str, tmp_path: Path
) -> None:
    settings.SAGE_UPLOAD_STORE = "s3"
    row = kept("disk", b"Hello", key=key, tmp=tmp_path)
    object_server.client.create_multipart_upload(Bucket=bucket, Key=row.key)
    assert move("--to", "s3") == ["1 moved to s3."]
    assert list(stores.store_named("s3").unfinished()) == []
    assert objects() == {"disk": {}, "s3": {row.key: b"Hello"}}


def test_the_last_object_of_a_file_is_never_deleted(settings: Settings, tmp_path: Path) -> None:
    """Though the row says that there is another one: somebody emptied the bucket."""
    settings.SAGE_UPLOAD_STORE = "s3"
    row = kept("disk", b"Hello", tmp=tmp_path)
    Upload.objects.filter(pk=row.pk).update(store="s3")
    move("--to", "s3")
    assert objects() == {"disk": {row.key: b"Hello"}, "s3": {}}


@pytest.mark.parametrize("arrived", [True, False])
def test_check_uploads_leaves_former_objects_to_the_move(arrived: bool, tmp_path: Path) -> None:
    """Somebody may still come for one, and where the other store has lost the file it is the last that there is of it."""
    row = kept("disk", b"Hello", tmp=tmp_path)
    if arrived:
        (tmp_path / "copy").write_bytes(b"Hello")
        stores.store_named("s3").keep(tmp_path / "copy", row.key, content_type="text/plain", disposition="inline")
    Upload.objects.filter(pk=row.pk).update(store="s3")
    before = objects()
    out = StringIO()
    try:
        call_command("check_uploads", "--now", stdout=out, stderr=StringIO())
    except CommandError:
        assert not arrived
    told = [] if arrived else [f"upload whose object is gone: upload {row.pk}"]
    assert out.getvalue().splitlines() == [*told, "0 cleared."]
    assert objects() == before


@pytest.mark.parametrize("checked", [True, False])
def test_the_claim_of_a_killed_run_is_cleared_and_the_bundle_stays(checked: bool, settings: Settings, tmp_path: Path) -> None:
    """By `check_uploads` once it has run out, and by the next run at once."""
    bundle = kept("disk", b"former", key=BUNDLE, tmp=tmp_path)
    Upload.objects.create(
        key=BUNDLE,
        size=0,
        sha256=CLAIMED,
        state=State.PENDING,
        store="s3",
        source="upload",
        created_at=timezone.now(),
        lease_until=timezone.now() + timedelta(minutes=-1 if checked else 9),
    )
    if checked:
        out = StringIO()
        call_command("check_uploads", stdout=out, stderr=StringIO())
        assert list(Upload.objects.values_list("public_id", "store", "state")) == [(bundle.public_id, "disk", "stored")]
        assert objects() == {"disk": {BUNDLE: b"former"}, "s3": {}}
    settings.SAGE_UPLOAD_STORE = "s3"
    assert move("--to", "s3") == ["1 moved to s3."]
    assert list(Upload.objects.values_list("public_id", "store", "state")) == [(bundle.public_id, "s3", "stored")]

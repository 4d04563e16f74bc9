"""What a process left at a bundle's key, or comes back to when its time has run out, does no harm to who came after it."""

from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from sage_platform.accounts.models import User
from sage_platform.api import seams
from tests.answers import assert_refused
from tests.people import Caller
from tests.uploads.rows import left
from tests.uploads.sending import files_in, part, send, stored, sum_of
from uploads.models import State, Upload
from uploads.stores import StoreUnavailable
from uploads.stores.disk import DiskStore

pytestmark = pytest.mark.django_db
KEY = "bundle/1.2.0/a.exe"
TAKEN = "Another upload to this path is under way. Try again when it has ended."
TOO_LATE = "The file took too long to arrive. Please send it again."


def send_bundle(caller: Caller, content: bytes) -> Any:
    return send(caller, part("path", KEY.encode()), part("file", content, "a.exe"))


def put(media: Path, content: bytes) -> None:
    (media / KEY).parent.mkdir(parents=True, exist_ok=True)
    (media / KEY).write_bytes(content)


def the_only_file(media: Path) -> tuple[str, str, bytes]:
    row = Upload.objects.get()
    (content,) = files_in(media).values()
    assert row.sha256 == sum_of(content)
    return row.public_id, row.state, content


# -- What a killed process left -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("object_there", [True, False])
@pytest.mark.parametrize("state", [State.PENDING, State.DELETING])
def test_the_next_upload_clears_it(state: State, object_there: bool, admin: User, as_admin: Caller, media: Path) -> None:
    left(state, owner=admin, key=KEY)
    if object_there:
        put(media, b"left")
    told = stored(as_admin, b"next", "a.exe", path=KEY)
    assert the_only_file(media) == (told["id"], "stored", b"next")


@pytest.mark.parametrize("arrived", [True, False])
def test_the_next_upload_clears_a_replacement(arrived: bool, admin: User, as_admin: Caller, media: Path) -> None:
    stored(as_admin, b"former", "a.exe", path=KEY)
    left(State.PENDING, owner=admin, key=KEY, content=b"later")
    if arrived:
        put(media, b"later")
    told = stored(as_admin, b"next", "a.exe", path=KEY)
    assert the_only_file(media) == (told["id"], "stored", b"next")


def test_who_deletes_the_file_clears_it(admin: User, as_admin: Caller, media: Path) -> None:
    former = stored(as_admin, b"former", "a.exe", path=KEY)
    left(State.PENDING, owner=admin, key=KEY, content=b"later")
    as_admin.form("/files", {"upload": former["id"]})
    assert files_in(media) == {}
    assert not Upload.objects.exists()


def test_who_is_alive_is_not_disturbed(admin: User, as_admin: Caller, media: Path) -> None:
    row = left(State.PENDING, owner=admin, key=KEY, minutes=1)
    put(media, b"coming")
    assert_refused(send_bundle(as_admin, b"next"), 400, TAKEN)
    assert files_in(media) == {KEY: b"coming"}
    assert Upload.objects.get().pk == row.pk


def test_a_release_that_needs_the_former_file_keeps_it(
    admin: User, as_admin: Caller, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    former = stored(as_admin, b"former", "a.exe", path=KEY)
    left(State.PENDING, owner=admin, key=KEY, content=b"later")
    monkeypatch.setattr(seams, "object_references", seams.Registry("kind of reference to objects"))
    seams.object_references.register("test", lambda key: key == KEY)
    message = "A release uses this file, so it can be neither replaced nor deleted."
    assert_refused(send_bundle(as_admin, b"next"), 400, message)
    assert the_only_file(media) == (former["id"], "stored", b"former")


# -- Who wakes up when their time has run out -----------------------------------------------------------------------------


@pytest.fixture
def around_keep(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Has something happen before, or after, the next file is brought into its store."""
    keep = DiskStore.keep

    def set_up(*, before: Callable[[], object] | None = None, after: Callable[[], object] | None = None) -> None:
        def keep_once(self: DiskStore, *args: Any, **kwargs: Any) -> None:
            monkeypatch.setattr(DiskStore, "keep", keep)
            if before:
                before()
            self.keep(*args, **kwargs)
            if after:
                after()

        monkeypatch.setattr(DiskStore, "keep", keep_once)

    return set_up


def time_runs_out() -> None:
    Upload.objects.exclude(state=State.STORED).update(lease_until=timezone.now() - timedelta(seconds=1))


def cleared() -> None:
    time_runs_out()
    call_command("check_uploads", stdout=StringIO(), stderr=StringIO())


def test_another_has_stored_a_bundle_meanwhile(as_admin: Caller, media: Path, around_keep: Callable[..., None]) -> None:
    newer: list[str] = []

    def another_comes() -> None:
        time_runs_out()
        newer.append(stored(as_admin, b"newer", "a.exe", path=KEY)["id"])

    around_keep(after=another_comes)
    assert_refused(send_bundle(as_admin, b"late"), 400, TOO_LATE)
    assert the_only_file(media) == (newer[0], "stored", b"newer")


def test_another_is_about_to_store_a_bundle(as_admin: Caller, admin: User, media: Path, around_keep: Callable[..., None]) -> None:
    def another_comes() -> None:
        cleared()
        left(State.PENDING, owner=admin, key=KEY, content=b"newer", minutes=1)
        put(media, b"newer")

    around_keep(after=another_comes)
    assert_refused(send_bundle(as_admin, b"late"), 400, TOO_LATE)
    assert the_only_file(media)[1:] == ("pending", b"newer")


def test_its_own_file_goes_all_the_same(as_alice: Caller, media: Path, around_keep: Callable[..., None]) -> None:
    around_keep(before=cleared)
    assert_refused(send(as_alice, part("file", b"late", "a.txt")), 400, TOO_LATE)
    assert files_in(media) == {}
    assert not Upload.objects.exists()


def test_the_store_is_away_when_a_bundle_was_to_be_stored(as_admin: Caller, media: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The object may have come to be, and nobody can look. So the key is kept for who clears it."""

    def away(*_args: Any, **_kwargs: Any) -> None:
        raise StoreUnavailable(cause="away")

    with monkeypatch.context() as patch:
        patch.setattr(DiskStore, "keep", away)
        patch.setattr(DiskStore, "delete_object", away)
        assert send_bundle(as_admin, b"first").status_code == 503
    assert not Upload.objects.stored().exists()
    assert_refused(send_bundle(as_admin, b"next"), 400, TAKEN)
    time_runs_out()
    told = stored(as_admin, b"next", "a.exe", path=KEY)
    assert the_only_file(media) == (told["id"], "stored", b"next")

"""Somebody is deleted, deactivated or no administrator any more while their file is on its way."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sage_platform.accounts.models import User
from sage_platform.accounts.services import users
from sage_platform.accounts.services.history import record
from sage_platform.api.errors import Refusal
from tests.answers import assert_logged_out, success
from tests.people import Caller, envelope
from tests.racing import SECONDS, begin, where_rows_are_locked
from tests.uploads.sending import files_in, part, send, stored
from uploads import forms
from uploads.models import Upload
from uploads.services import at_work, deleting, uploading
from uploads.stores.disk import DiskStore

pytestmark = pytest.mark.django_db
MOMENTS = {"before there is a row": (uploading, "reserve"), "while it comes": (forms, "receive")}
STORING = (DiskStore, "keep")


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Has something happen at a moment of the next upload."""

    def set_up(moment: tuple[Any, str], act: Callable[[], object]) -> None:
        where, name = moment
        proper = getattr(where, name)

        def after_that(*args: Any, **kwargs: Any) -> Any:
            monkeypatch.setattr(where, name, proper)
            act()
            return proper(*args, **kwargs)

        monkeypatch.setattr(where, name, after_that)

    return set_up


def deleted(as_admin: Caller, user_id: str) -> None:
    assert envelope(as_admin.post("/api/user/delete", {"user_id": user_id})) == success({})


@pytest.mark.parametrize("moment", MOMENTS)
def test_deleted_before_the_file_is_whole(
    moment: str, as_alice: Caller, as_admin: Caller, media: Path, meanwhile: Callable[..., None]
) -> None:
    meanwhile(MOMENTS[moment], lambda: deleted(as_admin, "alice"))
    assert_logged_out(send(as_alice, part("file", b"x", "a.txt")))
    assert files_in(media) == {}
    assert not Upload.objects.exists()


def test_an_administrator_deleted_before_there_is_a_row(as_admin: Caller, media: Path, meanwhile: Callable[..., None]) -> None:
    meanwhile(MOMENTS["before there is a row"], lambda: User.objects.filter(pk="admin").delete())
    assert_logged_out(send(as_admin, part("file", b"x", "a.txt")))
    assert files_in(media) == {}
    assert not Upload.objects.exists()


def test_deleted_once_the_file_is_whole(as_alice: Caller, as_admin: Caller, media: Path, meanwhile: Callable[..., None]) -> None:
    """As all files of a deleted user it stays."""
    meanwhile(STORING, lambda: deleted(as_admin, "alice"))
    told = envelope(send(as_alice, part("file", b"x", "a.txt")))["data"]
    assert files_in(media) == {f"users/alice/{told['id']}": b"x"}
    row = Upload.objects.get()
    assert (row.public_id, row.owner, row.state) == (told["id"], None, "stored")


def test_deleted_just_before_they_delete_a_file(
    as_alice: Caller, as_admin: Caller, media: Path, meanwhile: Callable[..., None]
) -> None:
    told = stored(as_alice, b"x")
    meanwhile((at_work, "begin_changing"), lambda: deleted(as_admin, "alice"))
    as_alice.form("/files", {"upload": told["id"]})
    assert files_in(media) == {f"users/alice/{told['id']}": b"x"}
    assert Upload.objects.get().state == "stored"


@pytest.mark.django_db(transaction=True)
@where_rows_are_locked
def test_deleted_while_they_delete_a_file(as_alice: Caller, admin: User, media: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both want the person's row and the file's. In different orders they would wait for each other."""
    told, begun = stored(as_alice, b"x"), []

    def recorded(*args: Any, **kwargs: Any) -> None:
        begun.append(begin(lambda: users.delete_user("alice", actor=admin)))
        record(*args, **kwargs)

    monkeypatch.setattr(deleting, "record", recorded)
    assert as_alice.form("/files", {"upload": told["id"]}).status_code == 302
    with pytest.raises(Refusal, match="Deactivate this user instead"):
        begun[0].result(SECONDS)
    assert files_in(media) == {}
    assert not Upload.objects.exists()


def test_deactivated_while_it_comes(as_alice: Caller, media: Path, meanwhile: Callable[..., None]) -> None:
    meanwhile(MOMENTS["while it comes"], lambda: User.objects.filter(pk="alice").update(is_active=False))
    assert_logged_out(send(as_alice, part("file", b"x", "a.txt")))
    assert files_in(media) == {}
    assert not Upload.objects.exists()


def test_no_administrator_any_more_when_a_bundle_has_come(as_admin: Caller, media: Path, meanwhile: Callable[..., None]) -> None:
    """Else a body that is sent slowly would keep an administrator's rights for as long as it comes."""
    meanwhile(MOMENTS["while it comes"], lambda: User.objects.filter(pk="admin").update(role="user"))
    sent = send(as_admin, part("path", b"bundle/1/a.exe"), part("file", b"evil", "a.exe"))
    told = envelope(sent)["data"]
    assert files_in(media) == {f"users/admin/bundle/1/a.exe/{told['id']}": b"evil"}

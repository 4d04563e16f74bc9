"""Somebody is deleted, deactivated or no administrator any more while their file is on its way."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sage_platform.accounts.models import User
from tests.answers import assert_logged_out, success
from tests.people import Caller, envelope
from tests.uploads.sending import files_in, part, send
from uploads import forms
from uploads.models import Upload
from uploads.services import uploading
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

"""The administration's list of uploads."""

from pathlib import Path

import pytest
from django.contrib.admin.models import LogEntry
from django.utils.html import escape
from pytest_django import DjangoAssertNumQueries

from sage_platform.accounts.models import User
from tests.people import Caller
from tests.uploads.rows import left
from tests.uploads.sending import files_in, stored
from uploads.models import State, Upload

pytestmark = pytest.mark.django_db
LIST = "/admin/uploads/upload/"
# One pixel, transparent.
GIF = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"


def page(caller: Caller, address: str) -> str:
    response = caller.get(address)
    assert response.status_code == 200, response
    return response.content.decode()


def test_the_list(as_alice: Caller, as_admin: Caller) -> None:
    stored(as_alice, b"x" * 2048, "<b>notes.txt")
    text = page(as_admin, LIST)
    for shown in (escape("<b>notes.txt"), "alice", "2.0\xa0KB", "text/plain"):
        assert shown in text


def test_a_picture_is_shown(as_alice: Caller, as_admin: Caller) -> None:
    told = stored(as_alice, GIF, "cat.gif")
    text = page(as_admin, f"{LIST}{Upload.objects.get().pk}/change/")
    assert f'<img class="upload-preview" src="/files/{told["id"]}/cat.gif" alt="cat.gif">' in text
    assert f'<a href="{told["url"]}">{told["url"]}</a>' in text
    assert told["sha256"] in text


@pytest.mark.parametrize(("content", "name"), [(b"<svg xmlns='http://www.w3.org/2000/svg'/>", "a.svg"), (b"text", "a.png")])
def test_what_is_no_picture_is_not_shown(content: bytes, name: str, as_alice: Caller, as_admin: Caller) -> None:
    stored(as_alice, content, name)
    text = page(as_admin, f"{LIST}{Upload.objects.get().pk}/change/")
    assert "Only pictures are shown here." in text
    assert "<img class" not in text


@pytest.mark.parametrize("state", [State.RECEIVING, State.PENDING, State.DELETING])
def test_what_is_under_way_is_not_opened_and_not_deleted(state: State, alice: User, as_admin: Caller) -> None:
    row = left(state, owner=alice, minutes=10)
    text = page(as_admin, f"{LIST}{row.pk}/change/")
    assert row.url not in text
    assert "delete_files" not in text
    as_admin.form(LIST, {"action": "delete_files", "_selected_action": row.pk, "confirmed": "yes"})
    assert Upload.objects.get().state == state


def test_deleting(as_alice: Caller, as_admin: Caller, media: Path) -> None:
    gone, kept = stored(as_alice, b"x" * 1024, "gone.txt"), stored(as_alice, b"y", "kept.txt")
    row = Upload.objects.get(public_id=gone["id"])
    chosen = {"action": "delete_files", "_selected_action": row.pk}
    asked = as_admin.form(LIST, chosen).content.decode()
    assert "Do you want to delete these files? Whoever has their addresses can no longer open them." in asked
    assert "1.0\xa0KB will be free." in asked
    assert len(files_in(media)) == 2
    done = as_admin.form(LIST, chosen | {"confirmed": "yes"})
    assert done.status_code == 302
    assert "1 file deleted." in page(as_admin, LIST)
    assert files_in(media) == {f"users/alice/{kept['id']}": b"y"}
    entry = LogEntry.objects.get()
    assert (entry.user_id, entry.object_repr, entry.is_deletion()) == ("admin", "gone.txt", True)


@pytest.mark.parametrize("address", ["add/", "{pk}/delete/"])
def test_rows_are_neither_added_nor_deleted_without_their_objects(address: str, as_alice: Caller, as_admin: Caller) -> None:
    stored(as_alice, b"x")
    response = as_admin.get(LIST + address.format(pk=Upload.objects.get().pk))
    assert response.status_code == 403


@pytest.mark.parametrize("query", ["notes", "alice", "text/plain", "users/alice"])
def test_search(query: str, as_alice: Caller, as_bob: Caller, as_admin: Caller) -> None:
    stored(as_alice, b"x", "notes.txt")
    stored(as_bob, GIF, "cat.gif")
    text = page(as_admin, f"{LIST}?q={query}")
    assert "notes.txt" in text
    assert "cat.gif" not in text


def test_a_user_s_page_leads_to_their_files(alice: User, as_alice: Caller, as_bob: Caller, as_admin: Caller) -> None:
    stored(as_alice, b"x", "notes.txt")
    stored(as_bob, b"x", "stranger.txt")
    link = f"{LIST}?owner__exact={alice.pk}"
    assert f'href="{link}"' in page(as_admin, f"/admin/accounts/user/{alice.pk}/change/")
    assert "stranger.txt" not in page(as_admin, link)


def test_a_deleted_user_s_files_stay(bob: User, as_bob: Caller, as_admin: Caller, media: Path) -> None:
    told = stored(as_bob, b"x", "notes.txt")
    bob.delete()
    assert list(files_in(media)) == [f"users/bob/{told['id']}"]
    assert "notes.txt" in page(as_admin, f"{LIST}?owner__isempty=1")


@pytest.mark.parametrize("files", [1, 3])
def test_queries(files: int, as_alice: Caller, as_admin: Caller, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    for _number in range(files):
        stored(as_alice, b"x")
    page(as_admin, LIST)
    with django_assert_num_queries(3):  # Who asks, the count, the rows.
        page(as_admin, LIST)

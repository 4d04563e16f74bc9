"""GET /api/system/version: highest version first, and what is not published for administrators alone."""

import tracemalloc
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from sage_platform.accounts.models import User
from tests.answers import assert_logged_out, success
from tests.people import Caller, envelope, signed_in
from tests.versions.rows import LINUX, MAC, PATH, body, make_release
from versions.models import Release, Revision

pytestmark = pytest.mark.django_db


def versions(caller: Caller) -> list[str]:
    return [row["version"] for row in envelope(caller.get(PATH))["data"]]


def test_none(as_alice: Caller, as_admin: Caller) -> None:
    for caller in (as_alice, as_admin):
        response = caller.get(PATH)
        assert (response.status_code, envelope(response)) == (200, success([]))
        assert response.headers["Cache-Control"] == "no-store"


def test_a_user_sees_the_published(as_alice: Caller) -> None:
    make_release("1.2.0", MAC, LINUX)
    make_release("1.3.0", MAC, state="draft")
    make_release("1.1.0", MAC, state="withdrawn", withdrawn_because="It deletes files.")
    told = {"version": "1.2.0", "release_notes": "Notes of 1.2.0", "pub_date": "2026-03-04T05:06:07.890123Z"}
    assert envelope(as_alice.get(PATH)) == success([told | {"artifacts": [MAC, LINUX]}])


def test_an_administrator_sees_all_and_what_became_of_them(as_admin: Caller) -> None:
    make_release("1.2.0", MAC)
    make_release("1.3.0-rc.1", state="draft", release_notes="")
    make_release("1.1.0", LINUX, state="withdrawn", withdrawn_because="It deletes files.")
    published = {"pub_date": "2026-03-04T05:06:07.890123Z", "withdrawn_because": ""}
    assert envelope(as_admin.get(PATH)) == success(
        [
            {"version": "1.3.0-rc.1", "release_notes": "", "pub_date": None, "artifacts": []}
            | {"state": "draft", "withdrawn_because": ""},
            {"version": "1.2.0", "release_notes": "Notes of 1.2.0", "artifacts": [MAC], "state": "published"} | published,
            {"version": "1.1.0", "release_notes": "Notes of 1.1.0", "artifacts": [LINUX], "state": "withdrawn"}
            | published
            | {"withdrawn_because": "It deletes files."},
        ]
    )


def test_the_order_is_the_client_s_and_not_that_of_saving(as_alice: Caller) -> None:
    for version in ("1.10.0", "1.9.0", "2.0.0-rc.2", "1.10.0+2", "2.0.0-rc.10", "1.10.0+10"):
        make_release(version)
    assert versions(as_alice) == ["2.0.0-rc.10", "2.0.0-rc.2", "1.10.0+10", "1.10.0+2", "1.10.0", "1.9.0"]


@pytest.mark.parametrize("token", [False, True])
@pytest.mark.parametrize("role", ["user", "admin"])
def test_two_queries_however_many_there_are(
    token: bool, role: str, alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    alice.role = role
    alice.save()
    for number in range(50):
        make_release(f"1.{number}.0", *[MAC | {"platform": f"linux-arch{artifact}"} for artifact in range(5)])
    caller = signed_in(alice, token=token)
    with django_assert_num_queries(2):  # Who asks, and the releases.
        told: list[dict[str, Any]] = envelope(caller.get(PATH))["data"]
    assert [len(row["artifacts"]) for row in told] == [5] * 50


@pytest.mark.parametrize("role", ["user", "admin"])
def test_the_list_is_remembered_until_somebody_writes(
    role: str, alice: User, admin: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    """By this process, or by another, whose writes this one learns of from the revision."""
    alice.role = role
    alice.save()
    caller, publisher = signed_in(alice, token=True), signed_in(admin, token=True)
    make_release("1.0.0", MAC)
    assert versions(caller) == ["1.0.0"]
    with django_assert_num_queries(2):  # Who asks, and the revision.
        assert versions(caller) == ["1.0.0"]
    make_release("1.1.0", MAC)
    assert versions(caller) == ["1.1.0", "1.0.0"]
    assert envelope(publisher.post(PATH, body("1.2.0")))["code"] == 200
    with django_assert_num_queries(2):  # Who asks, and the releases with their revision.
        assert versions(caller) == ["1.2.0", "1.1.0", "1.0.0"]
    Release.objects.filter(version="1.1.0").update(state="draft")
    Revision.advance()
    assert versions(caller) == (["1.2.0", "1.0.0"] if role == "user" else ["1.2.0", "1.1.0", "1.0.0"])
    for version in ("1.2.0", "1.1.0", "1.0.0"):
        assert envelope(publisher.send("DELETE", f"{PATH}/{version}"))["code"] == 200
    assert versions(caller) == []


def test_long_notes_are_read_once_and_not_for_each_artifact(as_alice: Caller) -> None:
    notes = "x" * 100_000
    for number in range(4):
        make_release(
            f"1.{number}.0", *[MAC | {"platform": f"linux-arch{artifact}"} for artifact in range(64)], release_notes=notes
        )
    tracemalloc.start()
    try:
        told: list[dict[str, Any]] = envelope(as_alice.get(PATH))["data"]
        _now, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [(row["release_notes"] == notes, len(row["artifacts"])) for row in told] == [(True, 64)] * 4
    assert most < 10_000_000  # One release with its notes 64 times has 6.4 MB, four have 25.6 MB.


def test_nobody_is_shown_the_list_of_others(as_alice: Caller, as_admin: Caller) -> None:
    make_release("1.0.0", MAC)
    make_release("1.1.0", MAC, state="draft")
    for _round in range(2):
        assert versions(as_admin) == ["1.1.0", "1.0.0"]
        assert versions(as_alice) == ["1.0.0"]
        assert "state" not in envelope(as_alice.get(PATH))["data"][0]
    User.objects.filter(pk="admin").update(role="user")
    assert versions(as_admin) == ["1.0.0"]


def test_logged_out(anyone: Caller) -> None:
    make_release("1.2.0", MAC)
    assert_logged_out(anyone.get(PATH))

"""DELETE /api/system/version/{version}: by its version as it is stored, or as people write it."""

import pytest
from django.contrib.admin.models import LogEntry

from tests.answers import assert_forbidden, assert_logged_out, assert_refused, success
from tests.people import Caller, envelope
from tests.versions.rows import LINUX, MAC, PATH, make_release, stored
from versions.models import Artifact, Release, Revision

pytestmark = pytest.mark.django_db
UNKNOWN = "There is no release of this version."


@pytest.mark.parametrize("state", ["published", "draft", "withdrawn"])
def test_it_is_gone(state: str, as_admin: Caller) -> None:
    make_release("1.2.0", MAC, LINUX, state=state)
    make_release("1.1.0", MAC)
    before = Revision.current()
    response = as_admin.send("DELETE", f"{PATH}/1.2.0")
    assert (response.status_code, envelope(response)) == (200, success({"success": True}))
    assert list(Release.objects.values_list("version", flat=True)) == ["1.1.0"]
    assert list(Artifact.objects.values_list("release__version", flat=True)) == ["1.1.0"]
    assert Revision.current() == before + 1
    assert list(LogEntry.objects.values_list("user_id", "object_repr", "action_flag")) == [("admin", "1.2.0", 3)]


def test_its_version_is_free_again(as_admin: Caller) -> None:
    make_release("1.2.0", MAC)
    as_admin.send("DELETE", f"{PATH}/1.2.0")
    sent = {"version": "1.2.0", "release_notes": "", "artifacts": [MAC]}
    assert envelope(as_admin.post(PATH, sent))["code"] == 200


@pytest.mark.parametrize(
    ("version", "path"),
    [
        ("1.2.0+build.5", "1.2.0+build.5"),
        ("1.2.0+build.5", "1.2.0%2Bbuild.5"),
        ("1.2.0-rc.1", "1.2.0%2Drc%2E1"),
        ("1.2.0", "v1.2.0"),
        ("1.2.0", "%201.2.0%0A"),
    ],
)
def test_a_version_in_an_address(version: str, path: str, as_admin: Caller) -> None:
    make_release(version, MAC)
    assert envelope(as_admin.send("DELETE", f"{PATH}/{path}")) == success({"success": True})
    assert not Release.objects.exists()


@pytest.mark.parametrize(
    "path",
    ["1.2.1", "1.2", "1.2.0+1", "1.2.0%20x", "1.2.0%00", "%00", "%ff", "%F0%9F%98%80", "latests", "1" * 2000, "1.2.0%3Bx", "*"],
)
def test_a_version_that_is_not_there(path: str, as_admin: Caller) -> None:
    make_release("1.2.0", MAC)
    before = stored()
    assert_refused(as_admin.send("DELETE", f"{PATH}/{path}"), 404, UNKNOWN)
    assert stored() == before


def test_a_slash_is_no_part_of_it(as_admin: Caller) -> None:
    make_release("1.2.0", MAC)
    for path in ("1.2.0/", "1.2.0%2F", ""):
        assert as_admin.send("DELETE", f"{PATH}/{path}").status_code == 404
    assert as_admin.send("DELETE", PATH).status_code == 405
    assert Release.objects.count() == 1


def test_who_may(anyone: Caller, as_alice: Caller) -> None:
    make_release("1.2.0", MAC)
    before = stored()
    assert_logged_out(anyone.send("DELETE", f"{PATH}/1.2.0"))
    assert_forbidden(as_alice.send("DELETE", f"{PATH}/1.2.0"))
    assert_forbidden(as_alice.send("DELETE", f"{PATH}/7.7.7"))
    assert stored() == before

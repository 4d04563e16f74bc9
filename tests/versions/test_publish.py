"""POST /api/system/version: what is taken, what is refused, and that a refusal changes nothing but what staff find."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from pytest_django import Settings

from tests.answers import assert_forbidden, assert_logged_out, assert_refused, success
from tests.people import Caller, Response, envelope
from tests.versions.rows import LINUX, MAC, NONE, PATH, SIGNATURE, body, make_release, refusals, stored
from versions.models import RefusedRelease, Release, Revision

pytestmark = pytest.mark.django_db
TAKEN = "This version exists already."
TAKEN_ROW = {"kind": "taken", "field": "version", "details": {}}


def test_a_release(as_admin: Caller, as_alice: Caller) -> None:
    response = as_admin.post(PATH, body())
    answer = envelope(response)
    release = Release.objects.get()
    when = f"{release.pub_date:%Y-%m-%dT%H:%M:%S.%fZ}"
    told = {"version": "1.2.0", "release_notes": "# What is new", "pub_date": when, "artifacts": [MAC, LINUX]}
    assert (response.status_code, answer) == (200, success(told | {"warnings": []}))
    assert envelope(as_alice.get(PATH)) == success([told])
    kept = (release.state, release.source, release.made_by, release.withdrawn_because)
    assert kept == ("published", "api", "admin", "")
    assert Revision.current() == 1
    assert list(LogEntry.objects.values_list("user_id", "object_repr", "action_flag")) == [("admin", "1.2.0", 1)]
    assert refusals() == []


def test_as_clients_of_today_send_it(as_admin: Caller) -> None:
    """Null or nothing at all for what there is none of, and fields that are none of ours."""
    sent = {
        "version": "v1.2.0\n",
        "release_notes": None,
        "id": 7,
        "artifacts": [
            {"platform": "windows-x86_64", "installer_url": "https://dl.sage.example/a.exe", "updater_url": None},
            {
                "platform": " linux-x86_64 ",
                "updater_url": " https://dl.sage.example/b/app.tar.gz ",
                "updater_signature": f"{SIGNATURE}\n",
            },
            LINUX | {"updater_signature": None, "size": 5},
        ],
    }
    told = envelope(as_admin.post(PATH, sent))["data"]
    assert told.pop("pub_date")
    assert told == {
        "version": "1.2.0",
        "release_notes": "",
        "artifacts": [
            NONE | {"platform": "windows-x86_64", "installer_url": "https://dl.sage.example/a.exe"},
            {"platform": "linux-x86_64", "installer_url": "", "updater_url": "https://dl.sage.example/b/app.tar.gz"}
            | {"updater_signature": SIGNATURE},
            LINUX,
        ],
        "warnings": [],
    }


def test_a_release_without_files(as_admin: Caller) -> None:
    """On the download page and in the list; updaters go on with the release before."""
    make_release("1.1.0", MAC)
    data = envelope(as_admin.post(PATH, {"version": "1.2.0", "release_notes": "", "artifacts": []}))["data"]
    said = "Artifacts: No artifact has an update, so that updaters go on offering the release before."
    assert (data["artifacts"], data["warnings"]) == ([], [{"field": "artifacts", "message": said}])
    assert as_admin.get(f"{PATH}/latest").json()["data"]["version"] == "1.2.0"
    assert as_admin.get(f"{PATH}/check").json()["version"] == "1.1.0"


def test_notes_are_kept_as_they_are(as_admin: Caller) -> None:
    notes = "  # 🎉 新版本 \r\n\n- \u202e é\u0301 <script>\n\n"
    assert envelope(as_admin.post(PATH, body(notes=notes)))["data"]["release_notes"] == notes
    assert envelope(as_admin.get(PATH))["data"][0]["release_notes"] == notes
    sent = body("1.3.0")
    del sent["release_notes"]
    assert envelope(as_admin.post(PATH, sent))["data"]["release_notes"] == ""


def test_a_warning_is_in_the_answer(as_admin: Caller) -> None:
    told = envelope(as_admin.post(PATH, body("1.2.0", MAC | {"platform": "plan9-mips"})))["data"]
    said = "plan9-mips, platform: No updater asks for plan9-mips, unless the application sets it as its own target."
    assert told["warnings"] == [{"field": "artifacts.0.platform", "message": said}]
    assert Release.objects.count() == 1


# -- Refusals ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["published", "draft", "withdrawn"])
@pytest.mark.parametrize("written", ["1.2.0", "v1.2.0"])
def test_a_version_that_is_taken(state: str, written: str, as_admin: Caller) -> None:
    make_release("1.2.0", MAC, state=state)
    before = stored()
    assert_refused(as_admin.post(PATH, body(written)), 400, TAKEN)
    assert stored() == before
    assert refusals() == [{"source": "api", "made_by": "admin", "version": "1.2.0", "faults": [TAKEN_ROW]}]


def test_versions_are_unique_as_whole_strings(as_admin: Caller) -> None:
    for version in ("1.2.0", "1.2.0+1", "1.2.0+01", "1.2.0-A", "1.2.0-a"):
        assert envelope(as_admin.post(PATH, body(version)))["code"] == 200, version
    assert_refused(as_admin.post(PATH, body("1.2.0+01")), 400, TAKEN)


def refused_form(response: Response) -> dict[str, str]:
    """By the field: the sentence for people, which are all in the message too."""
    answer = envelope(response)
    assert (response.status_code, answer["code"]) == (200, 422), answer
    errors: list[dict[str, str]] = answer["data"]["errors"]
    assert answer["message"] == " ".join(dict.fromkeys(error["message"] for error in errors))
    return {error["field"]: error["message"] for error in errors}


def test_all_that_is_wrong_is_named_at_once(as_admin: Caller) -> None:
    make_release("1.1.0", MAC)
    before = stored()
    sent = body("hunter2", {"platform": "hunter2"}, MAC | {"updater_url": "hunter2"}, MAC | {"updater_signature": ""})
    response = as_admin.post(PATH, sent)
    assert refused_form(response) == {
        "version": "version: Give a version by Semantic Versioning, such as 1.4.0 or 2.0.0-rc.1.",
        "artifacts.0.platform": (
            "Artifact 1, platform: Give a platform such as darwin-aarch64, windows-x86_64 or linux-x86_64-deb."
        ),
        "artifacts.0.installer_url": "Artifact 1, installer: Give the address of the installer, that of the update, or both.",
        "artifacts.1.updater_url": "darwin-aarch64, update: Give a whole address that begins with https:// or http://.",
        "artifacts.2.platform": "darwin-aarch64, platform: The platform darwin-aarch64 is there twice.",
        "artifacts.2.updater_signature": (
            "darwin-aarch64, signature of the update: An update needs its signature: the content of the .sig file."
        ),
    }
    assert b"hunter2" not in response.content
    assert stored() == before
    (row,) = refusals()
    assert (row["source"], row["made_by"], row["version"]) == ("api", "admin", "hunter2")
    assert [fault["field"] for fault in row["faults"]] == list(refused_form(response))
    assert "hunter2" not in str(row["faults"])


def test_a_refusal_in_chinese(as_admin: Caller) -> None:
    told = refused_form(as_admin.post(PATH, body("1.2"), X_Sage_Locale="zh-CN"))
    assert list(told) == ["version"]
    assert "1.4.0" in told["version"]
    assert "Give" not in told["version"]


REQUIRED = "This field is required."
MALFORMED: list[tuple[Any, list[tuple[str, str]]]] = [
    ({}, [("version", REQUIRED), ("artifacts", REQUIRED)]),
    ({"version": "1.2.0"}, [("artifacts", REQUIRED)]),
    (body() | {"version": None}, [("version", "This field may not be null.")]),
    (body() | {"version": 1.2}, [("version", "Not a valid string.")]),
    (body() | {"release_notes": ["a"]}, [("release_notes", "Not a valid string.")]),
    (body() | {"artifacts": None}, [("artifacts", "This field may not be null.")]),
    (body() | {"artifacts": {}}, [("artifacts", 'Expected a list of items but got type "dict".')]),
    (body() | {"artifacts": ["hunter2"]}, [("artifacts.0", "Invalid data. Expected a dictionary, but got str.")]),
    (body("1.2.0", MAC, {}), [("artifacts.1.platform", REQUIRED)]),
    (body("1.2.0", MAC | {"platform": None}), [("artifacts.0.platform", "This field may not be null.")]),
    (body("1.2.0", MAC | {"updater_url": 5}), [("artifacts.0.updater_url", "Not a valid string.")]),
    (body("1.2.0", MAC | {"updater_signature": False}), [("artifacts.0.updater_signature", "Not a valid string.")]),
    (body("1.2.0", MAC | {"installer_url": "a\0"}), [("artifacts.0.installer_url", "Null characters are not allowed.")]),
    (
        body("1.2.0", *[MAC | {"platform": f"linux-a{number}"} for number in range(65)]),
        [("artifacts", "Ensure this field has no more than 64 elements.")],
    ),
]


@pytest.mark.parametrize(("sent", "errors"), MALFORMED)
def test_a_wrong_type_or_a_missing_field(sent: Any, errors: list[tuple[str, str]], as_admin: Caller) -> None:
    """The program's mistake, so that there is nothing for staff to find."""
    response = as_admin.post(PATH, sent)
    rows = [{"field": field, "message": message} for field, message in errors]
    message = "The request is not valid. See data.errors for what to change."
    assert (response.status_code, envelope(response)) == (422, {"code": 422, "message": message, "data": {"errors": rows}})
    assert stored() == [[], [], 0]
    assert refusals() == []


@pytest.mark.parametrize("bad", ["a\0b", "a\ud800b"])
def test_characters_that_are_none_in_a_text_that_people_type(bad: str, as_admin: Caller) -> None:
    assert list(refused_form(as_admin.post(PATH, body(notes=bad)))) == ["release_notes"]
    assert list(refused_form(as_admin.post(PATH, body(bad)))) == ["version"]
    assert stored() == [[], [], 0]


def test_a_version_of_a_megabyte(as_admin: Caller) -> None:
    response = as_admin.post(PATH, body("1.2.0-" + "9" * 2**20))
    assert list(refused_form(response)) == ["version"]
    assert len(response.content) < 1000
    assert refusals()[0]["version"] == "1.2.0-" + "9" * 94


def test_a_body_that_is_too_large(as_admin: Caller, settings: Settings) -> None:
    settings.SAGE_MAX_JSON_BYTES = 1000
    response = as_admin.post(PATH, body(notes="x" * 1000))
    assert (response.status_code, stored()) == (413, [[], [], 0])


def test_half_a_million_artifacts_are_not_looked_at_one_by_one(as_admin: Caller) -> None:
    raw = b'{"version": "1.2.0", "artifacts": [' + b"{}," * 600_000 + b"{}]}"
    response = as_admin.send("POST", PATH, raw)
    assert response.status_code == 422
    assert len(envelope(response)["data"]["errors"]) == 1


def test_who_may(anyone: Caller, as_alice: Caller) -> None:
    assert_logged_out(anyone.post(PATH, body()))
    assert_forbidden(as_alice.post(PATH, body()))
    assert_forbidden(as_alice.post(PATH, {}))
    assert stored() == [[], [], 0]
    assert refusals() == []


def test_another_site_s_page_publishes_nothing(as_admin: Caller) -> None:
    assert_forbidden(as_admin.post(PATH, body(), Sec_Fetch_Site="cross-site"))
    assert stored() == [[], [], 0]


# -- What is kept of refusals --------------------------------------------------------------------------------------------


def test_as_many_refusals_are_kept(as_admin: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("versions.services.releases.MOST_REFUSED", 3)
    for number in range(5):
        as_admin.post(PATH, body(f"bad{number}"))
    assert [row["version"] for row in refusals()] == ["bad2", "bad3", "bad4"]


# -- A dry run -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("query", ["dry_run=true", "dry_run=True", "dry_run=TRUE"])
def test_a_dry_run_stores_nothing(query: str, as_admin: Caller) -> None:
    response = as_admin.post(f"{PATH}?{query}", body("v1.2.0", MAC | {"platform": "plan9-mips"}))
    told = {"version": "1.2.0", "release_notes": "# What is new", "pub_date": None}
    said = "plan9-mips, platform: No updater asks for plan9-mips, unless the application sets it as its own target."
    warnings = [{"field": "artifacts.0.platform", "message": said}]
    artifacts = [MAC | {"platform": "plan9-mips"}]
    assert envelope(response) == success(told | {"artifacts": artifacts, "warnings": warnings})
    assert stored() == [[], [], 0]


def test_a_dry_run_is_refused_as_the_release_would_be(as_admin: Caller) -> None:
    make_release("1.2.0", MAC)
    before = stored()
    for sent in (body("1.2.0"), body("1.3"), body("1.3.0", MAC | {"updater_signature": ""})):
        dry = envelope(as_admin.post(f"{PATH}?dry_run=true", sent))
        assert not RefusedRelease.objects.exists()
        assert dry == envelope(as_admin.post(PATH, sent))
        RefusedRelease.objects.all().delete()
    assert stored() == before


@pytest.mark.parametrize("query", ["dry_run=1", "dry_run=yes", "dry_run=", "dry_run", "dry_run=null"])
def test_what_is_no_true_does_not_publish_by_mistake(query: str, as_admin: Caller) -> None:
    response = as_admin.post(f"{PATH}?{query}", body())
    rows = [{"field": "dry_run", "message": "Must be true or false."}]
    assert (response.status_code, envelope(response)["data"]) == (422, {"errors": rows})
    assert stored() == [[], [], 0]


def test_false_publishes(as_admin: Caller) -> None:
    assert envelope(as_admin.post(f"{PATH}?dry_run=false&other=1", body()))["data"]["pub_date"] is not None
    assert RefusedRelease.objects.count() == 0
    assert Release.objects.count() == 1


def test_a_user_s_dry_run_is_no_more_allowed(as_alice: Caller) -> None:
    assert_forbidden(as_alice.post(f"{PATH}?dry_run=true", body()))

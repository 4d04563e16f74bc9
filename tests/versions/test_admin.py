"""The administration's pages of releases."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from sage_platform.accounts.models import User
from tests.admin_forms import save, shown
from tests.people import Caller
from tests.versions.minisigning import SIGNER
from versions.models import RefusedRelease, Release, Revision, Source

pytestmark = pytest.mark.django_db
LIST = "/admin/versions/release/"
DMG = "https://dl.example/app_1.4.0_aarch64.dmg"


def page(caller: Caller, address: str) -> str:
    response = caller.get(address)
    assert response.status_code == 200, response
    return response.content.decode()


def make(version: str, state: str = "draft", *, platforms: tuple[str, ...] = ("darwin-aarch64",), **values: Any) -> Release:
    published = {} if state == "draft" else {"pub_date": timezone.now()}
    release: Release = Release.objects.create(version=version, state=state, source=Source.API, **published, **values)
    for platform in platforms:
        release.artifacts.create(platform=platform, installer_url=DMG)
    return release


def typed(artifacts: list[dict[str, str]], **fields: str) -> dict[str, list[str]]:
    """The form of a new release, filled in."""
    form = {"artifacts-TOTAL_FORMS": str(len(artifacts)), "artifacts-INITIAL_FORMS": "0", **fields}
    rows = {f"artifacts-{number}-{name}": value for number, row in enumerate(artifacts) for name, value in row.items()}
    return {name: [value] for name, value in (form | rows).items()}


def stored(version: str) -> dict[str, Any]:
    release = Release.objects.get(version=version)
    columns = ("platform", "installer_url", "updater_url", "updater_signature")
    rows = [dict(zip(columns, row, strict=True)) for row in release.artifacts.values_list(*columns)]
    return {"state": release.state, "notes": release.release_notes, "made_by": release.made_by, "artifacts": rows}


ROW = {"platform": "darwin-aarch64", "installer_url": DMG, "updater_url": "", "updater_signature": ""}


def chosen(release: Release, action: str, **more: str) -> dict[str, str]:
    return {"action": action, "_selected_action": str(release.pk), "confirmed": "yes", **more}


def history() -> list[tuple[str, str, str]]:
    return [(entry.user_id, entry.object_repr, entry.get_change_message()) for entry in LogEntry.objects.order_by("pk")]


def test_what_an_import_was_allowed_to_lack_is_shown(as_admin: Caller) -> None:
    label = "Allowed without an update"
    release, other = make("1.4.0", "published", allowed_missing="windows-i686 windows-x86_64"), make("1.3.0", "published")
    told = page(as_admin, f"{LIST}{release.pk}/change/")
    assert label in told
    assert "windows-i686 windows-x86_64" in told
    assert label not in page(as_admin, f"{LIST}{other.pk}/change/")


def test_a_draft_is_made(as_admin: Caller) -> None:
    made = save(as_admin, f"{LIST}add/", typed([ROW], version="v1.4.0", release_notes="# New\r\n\r\n- 更快 🚀"))
    assert (made.status_code, made.headers["Location"]) == (302, LIST)
    expected = {"state": "draft", "notes": "# New\n\n- 更快 🚀", "made_by": "admin", "artifacts": [ROW]}
    assert stored("1.4.0") == expected
    assert history() == [("admin", "1.4.0", "Added.")]
    assert "1.4.0" in page(as_admin, LIST)
    assert "darwin-aarch64" in page(as_admin, LIST)


@pytest.mark.parametrize(
    ("artifacts", "version", "sentence"),
    [
        ([ROW], "1.4", "Give a version by Semantic Versioning, such as 1.4.0 or 2.0.0-rc.1."),
        ([ROW], "", "This field is required."),
        ([ROW], "1.3.0", "Release with this Version already exists."),
        ([ROW, ROW], "1.4.0", "Please correct the duplicate data for platform."),
        ([ROW | {"platform": ""}], "1.4.0", "This field is required."),
        ([ROW | {"updater_url": DMG, "updater_signature": SIGNER.secret_key}], "1.4.0", "This is a secret key and no signature."),
    ],
)
def test_what_is_no_draft_is_told_at_its_field(
    artifacts: list[dict[str, str]], version: str, sentence: str, as_admin: Caller
) -> None:
    make("1.3.0")
    answer = save(as_admin, f"{LIST}add/", typed(artifacts, version=version))
    assert answer.status_code == 200
    assert sentence in answer.content.decode()
    assert [release.version for release in Release.objects.all()] == ["1.3.0"]
    assert not Revision.objects.exists()


def test_a_draft_may_be_unfinished_and_says_what_is_wrong_with_it(as_admin: Caller) -> None:
    save(as_admin, f"{LIST}add/", typed([ROW | {"installer_url": ""}], version="1.4.0"))
    release = Release.objects.get()
    text = page(as_admin, f"{LIST}{release.pk}/change/")
    assert "It cannot be published like this" in text
    assert "<strong>darwin-aarch64, installer</strong>: Give the address of the installer, that of the update, or both." in text
    asked = as_admin.form(LIST, chosen(release, "publish", confirmed="")).content.decode()
    assert "1.4.0: darwin-aarch64, installer: Give the address of the installer, that of the update, or both." in asked
    as_admin.form(LIST, chosen(release, "publish"))
    told = page(as_admin, LIST)
    assert "1.4.0: darwin-aarch64, installer: Give the address of the installer, that of the update, or both." in told
    assert Release.objects.get().state == "draft"
    fault = {"kind": "no_address", "field": "artifacts.0.installer_url", "details": {}}
    assert list(RefusedRelease.objects.values_list("version", "made_by", "source", "faults")) == [
        ("1.4.0", "admin", "admin", [fault])
    ]


def test_a_draft_is_changed_published_withdrawn_and_published_again(as_admin: Caller) -> None:
    release = make("1.4.0")
    path = f"{LIST}{release.pk}/change/"
    form = shown(as_admin, path, "release_form")
    assert save(as_admin, path, form, version="1.4.1", release_notes="Better").status_code == 302
    assert stored("1.4.1") == {"state": "draft", "notes": "Better", "made_by": "", "artifacts": [ROW]}
    as_admin.form(LIST, chosen(release, "publish"))
    assert "1 release published." in page(as_admin, LIST)
    published = Release.objects.get()
    assert (published.state, published.pub_date is not None) == ("published", True)
    as_admin.form(LIST, chosen(release, "withdraw", because="It loses files."))
    assert "1 release withdrawn." in page(as_admin, LIST)
    withdrawn = Release.objects.get()
    assert (withdrawn.state, withdrawn.withdrawn_because) == ("withdrawn", "It loses files.")
    text = page(as_admin, path)
    assert "It loses files." in text
    assert 'name="release_notes"' not in text
    as_admin.form(LIST, chosen(release, "publish"))
    again = Release.objects.get()
    assert (again.state, again.withdrawn_because, again.pub_date) == ("published", "", published.pub_date)
    assert Revision.current() == 4
    assert history() == [
        ("admin", "1.4.1", "Changed release notes and artifacts."),
        *[("admin", "1.4.1", "Changed state.")] * 3,
    ]


def test_nothing_is_withdrawn_without_a_reason(as_admin: Caller) -> None:
    release = make("1.4.0", "published")
    asked = as_admin.form(LIST, chosen(release, "withdraw", confirmed="")).content.decode()
    assert "No client is offered them any more; who has installed one keeps it." in asked
    assert 'name="because"' in asked
    as_admin.form(LIST, chosen(release, "withdraw", because="  "))
    assert "Say why the release is withdrawn." in page(as_admin, LIST)
    assert Release.objects.get().state == "published"


def test_a_published_release_is_judged_as_a_new_one_and_keeps_its_version(as_admin: Caller) -> None:
    release = make("1.4.0", "published", release_notes="Old")
    path = f"{LIST}{release.pk}/change/"
    form = shown(as_admin, path, "release_form")
    assert "version" not in form
    refused = save(as_admin, path, form, version="9.9.9", release_notes="New", **{"artifacts-0-installer_url": "dl/app.dmg"})
    assert refused.status_code == 200
    text = refused.content.decode()
    assert text.count("Give a whole address that begins with https:// or http://.") == 2  # At its field, and in the preview.
    assert "New" in text
    assert stored("1.4.0") == {"state": "published", "notes": "Old", "made_by": "", "artifacts": [ROW]}
    assert save(as_admin, path, form, release_notes="New").status_code == 302
    assert stored("1.4.0")["notes"] == "New"
    assert Revision.current() == 1


def test_two_who_change_one_release_do_not_undo_each_other(as_admin: Caller) -> None:
    release = make("1.4.0")
    path = f"{LIST}{release.pk}/change/"
    first, second = shown(as_admin, path, "release_form"), shown(as_admin, path, "release_form")
    assert save(as_admin, path, first, release_notes="First").status_code == 302
    refused = save(as_admin, path, second, release_notes="Second")
    assert refused.status_code == 200
    assert "Somebody else has changed this release meanwhile. Look at it again." in refused.content.decode()
    assert Release.objects.get().release_notes == "First"


def test_deleting(as_admin: Caller) -> None:
    release = make("1.4.0", "published")
    assert as_admin.form(f"{LIST}{release.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not Release.objects.exists()
    assert Revision.current() == 1
    entry = LogEntry.objects.get()
    assert (entry.user_id, entry.object_repr, entry.is_deletion()) == ("admin", "1.4.0", True)


def test_the_preview_follows_the_form_and_stores_nothing(as_admin: Caller) -> None:
    form = typed([ROW | {"installer_url": "ftp://dl.example/a"}], version="1.4.0")
    told = as_admin.form(f"{LIST}add/preview/", form)
    assert told.status_code == 200
    text = told.content.decode()
    assert "<strong>darwin-aarch64, installer</strong>: Give a whole address that begins with https:// or http://." in text
    good = as_admin.form(f"{LIST}add/preview/", typed([ROW], version="1.4.0")).content.decode()
    assert "Nothing is wrong with it. It can be published." in good
    release = make("1.3.0", "published")
    changed = shown(as_admin, f"{LIST}{release.pk}/change/", "release_form") | {"artifacts-0-platform": ["<b>"]}
    told = as_admin.form(f"{LIST}{release.pk}/preview/", changed)
    assert "Artifact 1, platform" in told.content.decode()
    assert [release.version for release in Release.objects.all()] == ["1.3.0"]
    assert not RefusedRelease.objects.exists()
    assert not Revision.objects.exists()


def test_the_preview_is_for_administrators_alone(as_alice: Caller, as_admin: Caller, anyone: Caller) -> None:
    withdrawn = make("1.3.0", "withdrawn", withdrawn_because="x")
    addresses = (f"{LIST}add/preview/", f"{LIST}{withdrawn.pk}/preview/", f"{LIST}4711/preview/")
    assert [as_alice.form(address, {}).status_code for address in addresses] == [403, 403, 403]
    assert [anyone.form(address, {}).status_code for address in addresses] == [302, 302, 302]
    assert [as_admin.form(address, {}).status_code for address in addresses[1:]] == [403, 403]
    assert as_admin.get(addresses[0]).status_code == 405


def test_refused_releases(as_admin: Caller) -> None:
    fault = {"kind": "platform_twice", "field": "artifacts.1.platform", "details": {"platform": "linux-x86_64"}}
    row = RefusedRelease.objects.create(source=Source.API, made_by="pipeline", version="<i>1", faults=[fault])
    for address in ("/admin/versions/refusedrelease/", f"/admin/versions/refusedrelease/{row.pk}/change/"):
        text = page(as_admin, address)
        assert "<code>artifacts.1.platform</code> The platform linux-x86_64 is there twice." in text
        assert "pipeline" in text
        assert "<i>1" not in text


@pytest.mark.parametrize(
    "stored", [{"kind": "of_tomorrow", "details": {}}, {"kind": "platform_twice", "details": {"of": "tomorrow"}}]
)
def test_a_refusal_by_another_version_of_the_platform(stored: dict[str, Any], as_admin: Caller) -> None:
    """Rows stay for 90 days, and while machines are updated one by one the newer ones write for all."""
    RefusedRelease.objects.create(source=Source.API, version="1.2.0", faults=[stored | {"field": "version"}])
    assert f"<code>version</code> {stored['kind']}" in page(as_admin, "/admin/versions/refusedrelease/")


@pytest.mark.parametrize("amount", [1, 3])
def test_queries(amount: int, as_admin: Caller, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    for number in range(amount):
        make(f"1.{number}.0", platforms=("darwin-aarch64", "linux-x86_64"))
    page(as_admin, LIST)
    with django_assert_num_queries(4):  # Who asks, the count, the rows, their artifacts.
        page(as_admin, LIST)


def test_search(as_admin: Caller, admin: User) -> None:
    make("1.4.0", release_notes="crash on start")
    make("1.5.0")
    text = page(as_admin, f"{LIST}?q=crash")
    assert "1.4.0" in text
    assert "1.5.0" not in text

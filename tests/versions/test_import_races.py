"""Imports from GitHub while releases are imported, deleted, withdrawn and edited at the same moment."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from pytest_django import Settings

from sage_platform.api.errors import Refusal
from tests.answers import refused, success
from tests.people import Caller, envelope
from tests.racing import all_at_once, at_once
from tests.versions.asset_lists import signed
from tests.versions.github_server import LIST, FakeGitHub, Request, playing_github
from tests.versions.rows import MAC, PATH, make_release, refusals
from tests.versions.test_files import again
from versions.models import Artifact, LastImport, Release, Source
from versions.services import importing, releases
from versions.services.releases import Author

pytestmark = pytest.mark.django_db(transaction=True)
UPDATE = "Sage_aarch64.app.tar.gz"
FILES = [*signed(UPDATE), "Sage_1.2.0_aarch64.dmg"]
COMMAND = Author("", Source.GITHUB)


@pytest.fixture
def github(settings: Settings) -> Iterator[FakeGitHub]:
    with playing_github(settings) as fake:
        fake.publish("v1.2.0", FILES)
        yield fake


def imported(caller: Caller) -> dict[str, Any]:
    return envelope(again(caller).post(f"{PATH}/import_github"))


def delete(caller: Caller) -> dict[str, Any]:
    return envelope(again(caller).send("DELETE", f"{PATH}/1.2.0"))


def meanwhile(github: FakeGitHub, beginning: str, act: Callable[[], object]) -> None:
    """The next time that GitHub is asked for this, `act` is done first."""

    def hook(request: Request) -> None:
        del github.hooks[beginning]
        act()
        connection.close()
        github.answer(request)

    github.hooks[beginning] = hook


def test_imports_at_once(as_admin: Caller, github: FakeGitHub) -> None:
    """All of them answer the one record. A person runs two at the same time."""
    answers = at_once(2, lambda _number: imported(as_admin))
    assert [answer["code"] for answer in answers] == [200, 200]
    assert answers[0] == answers[1]
    done = at_once(4, lambda _number: str(importing.import_release(COMMAND)[0]))
    assert Counter(done) == {"1.2.0": 4}
    assert (Release.objects.count(), Artifact.objects.count(), LastImport.objects.count()) == (1, 2, 1)
    assert not refusals()


def test_import_against_delete(as_admin: Caller, github: FakeGitHub) -> None:
    """Whichever comes second decides. Nothing crashes, and a record is there whole or not at all."""
    for _round in range(5):
        Release.objects.all().delete()
        make_release("1.2.0", MAC)
        deleted, made = all_at_once(lambda: delete(as_admin), lambda: imported(as_admin))
        assert deleted == success({"success": True})
        assert made["code"] == 200
        left = Release.objects.count()
        assert left in {0, 1}
        assert Artifact.objects.count() == 2 * left


@pytest.mark.parametrize("when", [LIST, "/acme"])
def test_deleted_while_github_is_asked(when: str, as_admin: Caller, github: FakeGitHub) -> None:
    """The import comes second, and brings it back: also where GitHub says that it has nothing new."""
    assert imported(as_admin)["code"] == 200
    if when != LIST:
        github.etag = 'W/"2"'
    meanwhile(github, when, Release.objects.all().delete)
    assert imported(as_admin)["code"] == 200
    assert Artifact.objects.count() == 2
    assert imported(as_admin)["code"] == 200
    assert github.asked[-1][1]["if-none-match"] == github.etag


def test_withdrawn_while_github_is_asked(as_admin: Caller, github: FakeGitHub) -> None:
    assert imported(as_admin)["code"] == 200
    github.etag = 'W/"2"'
    admin = Author("admin", Source.ADMIN)
    meanwhile(github, "/acme", lambda: releases.withdraw(Release.objects.get(), admin, because="It deletes files."))
    good = "If it is good, publish it again in the administration; else publish a newer one on GitHub."
    assert imported(as_admin) == refused(500, f"Version 1.2.0 was withdrawn here. {good}")
    assert list(Release.objects.values_list("state", "withdrawn_because")) == [("withdrawn", "It deletes files.")]
    assert [(row["version"], row["faults"][0]["kind"]) for row in refusals()] == [("1.2.0", "github_withdrawn")]


def test_withdrawn_at_the_last_moment(github: FakeGitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """After all was judged, and before it is written."""
    importing.import_release(COMMAND)
    github.releases[0]["body"], github.etag = "Better.", 'W/"2"'
    replace = releases.replace

    def late(*arguments: Any, **named: Any) -> Any:
        releases.withdraw(Release.objects.get(), COMMAND, because="It deletes files.")
        return replace(*arguments, **named)

    monkeypatch.setattr(releases, "replace", late)
    with pytest.raises(Refusal, match=r"^Version 1\.2\.0 was withdrawn here\."):
        importing.import_release(COMMAND)
    assert Release.objects.get().state == "withdrawn"
    assert [row["faults"][0]["kind"] for row in refusals()] == ["github_withdrawn"]


def test_nothing_is_held_while_github_is_asked(github: FakeGitHub) -> None:
    """Another writer gets on: no transaction is open, and no lock is held."""
    meanwhile(github, "/acme", lambda: make_release("1.1.0", MAC))
    importing.import_release(COMMAND)
    assert set(Release.objects.values_list("version", flat=True)) == {"1.1.0", "1.2.0"}

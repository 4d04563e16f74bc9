"""Publishing, deleting and withdrawing releases from many threads at the same moment."""

from collections import Counter
from typing import Any

import pytest

from sage_platform.accounts.models import User
from sage_platform.api.errors import Refusal
from tests.answers import refused, success
from tests.people import Caller, envelope
from tests.racing import all_at_once, at_once
from tests.versions.rows import MAC, PATH, body, make_release, refusals, stored
from tests.versions.test_files import again
from versions.models import Artifact, Release, Revision, Source
from versions.services import releases
from versions.services.judging import Candidate, CandidateArtifact, judge
from versions.services.releases import Author

pytestmark = pytest.mark.django_db(transaction=True)
ADMIN = Author("admin", Source.ADMIN)
TAKEN = refused(400, "This version exists already.")
UNKNOWN = refused(404, "There is no release of this version.")
CHANGED = "Somebody else has changed this release meanwhile. Look at it again."


def post(caller: Caller, *given: Any, **named: Any) -> dict[str, Any]:
    return envelope(again(caller).post(PATH, body(*given, **named)))


def delete(caller: Caller) -> dict[str, Any]:
    return envelope(again(caller).send("DELETE", f"{PATH}/1.2.0"))


def test_eight_creates_of_one_version_make_one(as_admin: Caller) -> None:
    answers = at_once(8, lambda number: post(as_admin, notes=f"of {number}"))
    (made,) = [number for number, answer in enumerate(answers) if answer["code"] == 200]
    assert [answer for number, answer in enumerate(answers) if number != made] == [TAKEN] * 7
    assert Release.objects.get().release_notes == f"of {made}" == answers[made]["data"]["release_notes"]
    assert Artifact.objects.count() == 2
    assert Counter(row["faults"][0]["kind"] for row in refusals()) == {"taken": 7}


def test_eight_creates_of_eight_versions_make_eight(as_admin: Caller) -> None:
    answers = at_once(8, lambda number: post(as_admin, f"1.{number}.0"))
    assert [answer["code"] for answer in answers] == [200] * 8
    assert Release.objects.count() == Revision.current() == 8


def test_eight_deletes_of_one_delete_it_once(as_admin: Caller) -> None:
    make_release("1.2.0", MAC)
    answers = at_once(8, lambda _number: delete(as_admin))
    assert sorted(answers, key=lambda answer: int(answer["code"])) == [success({"success": True})] + [UNKNOWN] * 7
    assert not Release.objects.exists()


def test_delete_against_create(as_admin: Caller) -> None:
    """The one that comes second decides; none of them crashes, and no artifact is left without its release."""
    for _round in range(5):
        Release.objects.all().delete()
        make_release("1.2.0", MAC)
        deleted, made = all_at_once(lambda: delete(as_admin), lambda: post(as_admin))
        assert deleted == success({"success": True})
        if made != TAKEN:
            assert made["code"] == 200
        assert Release.objects.count() == (made["code"] == 200)
        assert Artifact.objects.count() == 2 * (made["code"] == 200)


def done(act: Any) -> str:
    try:
        act()
    except Refusal as refusal:
        return str(refusal.detail)
    return "done"


@pytest.mark.parametrize(
    ("becomes", "status"),
    [({"role": "user"}, 403), ({"is_active": False}, 401), (None, 401)],
    ids=["a plain user", "deactivated", "deleted"],
)
def test_an_administrator_is_none_any_more_when_the_release_was_judged(
    becomes: dict[str, Any] | None, status: int, as_admin: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Judging reads the updates, which takes a while for large ones."""

    def judge_and_then(*given: Any, **named: Any) -> Any:
        judgement = judge(*given, **named)
        user = User.objects.filter(pk="admin")
        user.delete() if becomes is None else user.update(**becomes)
        return judgement

    monkeypatch.setattr(releases, "judge", judge_and_then)
    response = as_admin.post(PATH, body())
    assert response.status_code == envelope(response)["code"] == status
    assert stored() == [[], [], 0]


def test_withdraw_against_publish(admin: object) -> None:
    """Of a draft, a withdrawal comes too early or in time; what is told is what is stored."""
    for _round in range(5):
        Release.objects.all().delete()
        draft = make_release("1.2.0", MAC, state="draft")
        same = Release.objects.get()
        published, withdrawn = all_at_once(
            lambda one=draft: done(lambda: releases.publish(one, ADMIN)),  # type: ignore[misc]
            lambda one=same: done(lambda: releases.withdraw(one, ADMIN, because="It deletes files.")),  # type: ignore[misc]
        )
        assert published == "done"
        assert withdrawn in {"done", CHANGED}
        state = "withdrawn" if withdrawn == "done" else "published"
        assert list(Release.objects.values_list("state", "withdrawn_because")) == [
            (state, "It deletes files." if state == "withdrawn" else "")
        ]


def test_two_publish_one_draft(admin: object) -> None:
    make_release("1.2.0", MAC, state="draft")
    drafts = [Release.objects.get() for _ in range(4)]
    answers = at_once(4, lambda number: done(lambda: releases.publish(drafts[number], ADMIN)))
    assert Counter(answers) == {"done": 1, CHANGED: 3}
    assert Release.objects.get().state == "published"
    assert Artifact.objects.count() == 1
    assert Revision.current() == 2


def test_a_draft_is_changed_while_it_is_published(admin: object) -> None:
    """Either what was judged is published, or what was written meanwhile stands as a draft: never the one as the other."""
    worse = Candidate("1.2.0", "", (CandidateArtifact("linux-x86_64"),))
    fault = "linux-x86_64, installer: Give the address of the installer, that of the update, or both."
    for _round in range(5):
        Release.objects.all().delete()
        make_release("1.2.0", MAC, state="draft")
        one, other = Release.objects.get(), Release.objects.get()
        published, changed = all_at_once(
            lambda it=one: done(lambda: releases.publish(it, ADMIN)),  # type: ignore[misc]
            lambda it=other: done(lambda: releases.change(it, worse, ADMIN)),  # type: ignore[misc]
        )
        assert (published, changed) in {("done", CHANGED), (CHANGED, "done"), (fault, "done")}
        expected = ("published", MAC["platform"]) if published == "done" else ("draft", "linux-x86_64")
        assert (Release.objects.get().state, Artifact.objects.get().platform) == expected


def test_two_drafts_get_one_version(admin: object) -> None:
    """A draft's version may be changed, to one that is free alone."""
    drafts = [make_release(f"1.{number}.0", MAC, state="draft") for number in range(4)]
    wanted = Candidate("2.0.0", "", ())
    answers = at_once(4, lambda number: done(lambda: releases.change(drafts[number], wanted, ADMIN)))
    assert Counter(answers) == {"done": 1, "This version exists already.": 3}
    assert Release.objects.filter(version="2.0.0").count() == 1
    assert Release.objects.count() == 4

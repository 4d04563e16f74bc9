"""What each write leaves as it is, by the services that API, administration, commands and import share."""

import pytest

from sage_platform.api.errors import Refusal, RefusedForm
from tests.versions.rows import LINUX, MAC, SIGNATURE, WHEN, make_release, refusals, stored
from versions.models import Artifact, Release, Revision, Source
from versions.services import releases
from versions.services.judging import Candidate, CandidateArtifact
from versions.services.releases import Author

pytestmark = pytest.mark.django_db
AUTHOR = Author("admin", Source.ADMIN)
UPDATE = CandidateArtifact("linux-x86_64", "", "https://dl.sage.example/app.tar.gz", SIGNATURE)
CHANGED = "Somebody else has changed this release meanwhile. Look at it again."


def platforms() -> list[str]:
    return list(Artifact.objects.order_by("pk").values_list("platform", flat=True))


def test_a_published_release_keeps_its_version_and_its_date(db: None) -> None:
    release = make_release("1.2.0", MAC, LINUX)
    releases.change(release, Candidate("1.3.0", "A typo less.", (UPDATE,)), AUTHOR)
    kept = Release.objects.get()
    assert (kept.version, kept.state, kept.pub_date, kept.release_notes) == ("1.2.0", "published", WHEN, "A typo less.")
    assert platforms() == ["linux-x86_64"]
    assert Revision.current() == 2


def test_a_published_release_is_judged_as_a_new_one(db: None) -> None:
    release = make_release("1.2.0", MAC)
    before = stored()
    with pytest.raises(RefusedForm):
        releases.change(release, Candidate("1.2.0", "", (CandidateArtifact("linux-x86_64", "", "nowhere"),)), AUTHOR)
    assert stored() == before
    assert [row["version"] for row in refusals()] == ["1.2.0"]


def test_a_draft_may_have_faults_and_another_version(db: None) -> None:
    draft = make_release("1.2.0", MAC, state="draft")
    releases.change(draft, Candidate("1.3.0-rc.1", "", (CandidateArtifact("macos"),)), AUTHOR)
    assert list(Release.objects.values_list("version", "state", "pub_date")) == [("1.3.0-rc.1", "draft", None)]
    assert platforms() == ["macos"]


def test_published_again_it_keeps_the_date_of_the_first_time(db: None) -> None:
    release = make_release("1.2.0", MAC)
    releases.withdraw(release, AUTHOR, because="It deletes files.")
    release = Release.objects.get()
    assert (release.state, release.withdrawn_because, release.pub_date) == ("withdrawn", "It deletes files.", WHEN)
    releases.publish(release, AUTHOR)
    release = Release.objects.get()
    assert (release.state, release.withdrawn_because, release.pub_date) == ("published", "", WHEN)
    assert Revision.current() == 3


def test_a_first_publication_has_the_date_of_today(db: None) -> None:
    releases.publish(make_release("1.2.0", MAC, state="draft"), AUTHOR)
    assert Release.objects.published().filter(pub_date__gt=WHEN).count() == 1


def test_a_draft_that_is_not_ready_is_not_published(db: None) -> None:
    draft = make_release("1.2.0", MAC | {"updater_signature": ""}, state="draft")
    before = stored()
    with pytest.raises(RefusedForm):
        releases.publish(draft, AUTHOR)
    assert stored() == before


@pytest.mark.parametrize("state", ["draft", "withdrawn"])
def test_what_is_not_published_is_not_withdrawn(state: str) -> None:
    release = make_release("1.2.0", MAC, state=state)
    before = stored()
    with pytest.raises(Refusal, match=CHANGED):
        releases.withdraw(release, AUTHOR, because="Too late.")
    assert stored() == before


def test_a_name_that_is_too_long_for_its_column_is_cut(db: None) -> None:
    program = Author("https://client.example/" + "x" * 300, Source.API)
    releases.create(Candidate("1.2.0", "", (UPDATE,)), program)
    with pytest.raises(Refusal):
        releases.create(Candidate("1.2.0", "", (UPDATE,)), program)
    assert Release.objects.get().made_by == refusals()[0]["made_by"] == program.name[:255]

"""What a worker keeps of the answers: by what can be asked, a release could have a thousand platforms with long notes in each."""

import gc

from tests.versions.rows import SIGNATURE, WHEN
from versions.answers import Answers, PreparedAnswer, Published
from versions.semver import Version
from versions.services.judging import CandidateArtifact

NOTES = "x" * 100_000
PLATFORMS = [f"system{release}-arch{number}" for release in range(10) for number in range(64)]


def published(release: int) -> Published:
    names = PLATFORMS[release * 64 : (release + 1) * 64]
    artifacts = tuple(CandidateArtifact(name, "", "https://dl.example/a.tar.gz", SIGNATURE) for name in names)
    return Published(Version.parse(f"1.{release}.0"), NOTES, WHEN, artifacts)


def test_few_answers_are_kept_however_many_platforms_there_are() -> None:
    answers = Answers([published(number) for number in range(10)], prefix="")
    for platform in PLATFORMS:
        target, arch = platform.split("-")
        assert len(answers.check(f"target={target}&arch={arch}&current_version=0.1.0").body) > len(NOTES)
    # By `isinstance` a weak reference to what is gone would be asked, and fail.
    kept = sum(len(one.body) for one in gc.get_objects() if type(one) is PreparedAnswer)
    assert len(NOTES) < kept < 10_000_000  # All of them have 64 MB.

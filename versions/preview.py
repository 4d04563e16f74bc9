"""What `check` and `latest` will answer once a release is published, for the administration, and what keeps it from being."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from sage_platform.api.envelope import to_json
from versions import semver
from versions.answers import Answers, PreparedAnswer, Published
from versions.feed import StoredReleases
from versions.models import Release
from versions.services.judging import Candidate, judge

# Of a client for which every release is newer.
OLDEST = "0.0.0-0"
State = Release.State


@dataclass(frozen=True)
class Answer:
    """One request of a client, and what it is told: JSON, or the status of an answer without a body."""

    request: str
    about: str
    text: str


@dataclass(frozen=True)
class Preview:
    """`faults` and `warnings` are pairs of the place in the form and the sentence. With faults there are no answers."""

    is_draft: bool
    faults: Sequence[tuple[str, str]]
    warnings: Sequence[tuple[str, str]]
    answers: Sequence[Answer]


def preview(candidate: Candidate, release: Release | None) -> Preview:
    """Of a release as it is edited; `release` is the stored one, if there is one. A withdrawn one is offered to nobody."""
    judgement = judge(candidate, read_files=False)
    return Preview(
        is_draft=release is None or release.state == State.DRAFT,
        faults=[(judgement.place_of(one), one.message) for one in judgement.faults],
        warnings=[(judgement.place_of(one), one.message) for one in judgement.warnings],
        answers=[] if judgement.faults else answers_with(candidate, release),
    )


def answers_with(candidate: Candidate, release: Release | None) -> list[Answer]:
    version = semver.Version.parse(candidate.version)
    stored = release.version if release is not None else None
    published = [one for one in StoredReleases().published() if str(one.version) not in {stored, candidate.version}]
    if release is None or release.state != State.WITHDRAWN:
        pub_date = (release.pub_date if release is not None else None) or timezone.now()
        published.append(Published(version, candidate.release_notes, pub_date, candidate.artifacts))
    answers = Answers(published, prefix=settings.SAGE_UPDATER_URL_PREFIX)
    asked = [Answer("check", about(answers.static), text_of(answers.static))]
    for artifact in candidate.artifacts:
        query = query_of(artifact.platform)
        answer = answers.check(query)
        asked.append(Answer(f"check?{query}", about(answer), text_of(answer)))
    return [*asked, Answer("latest", _("for the download page"), pretty(to_json(answers.latest.data)))]


def query_of(platform: str) -> str:
    target, arch, *bundle = platform.split("-")
    return urlencode({"target": target, "arch": arch, "current_version": OLDEST} | ({"bundle_type": bundle[0]} if bundle else {}))


def about(answer: PreparedAnswer) -> str:
    if not answer.body:
        return _("offers nothing")
    return _("offers %(version)s") % {"version": json.loads(answer.body)["version"]}


def text_of(answer: PreparedAnswer) -> str:
    return pretty(answer.body) if answer.body else answer.status_line


def pretty(content: bytes) -> str:
    """The same content, in lines."""
    return json.dumps(json.loads(content), ensure_ascii=False, indent=2)

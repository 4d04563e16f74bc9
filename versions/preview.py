"""What `check` and `latest` will answer once a release is published, for the administration, and what keeps it from being."""

from collections.abc import Sequence
from dataclasses import dataclass

from versions.models import Release
from versions.services.judging import Candidate, judge


@dataclass(frozen=True)
class Answer:
    """One request of a client, and what it is told: JSON, or the status of an answer without a body."""

    request: str
    about: str
    text: str


@dataclass(frozen=True)
class Preview:
    """`faults` and `warnings` are pairs of the place in the form and the sentence."""

    is_draft: bool
    faults: Sequence[tuple[str, str]]
    warnings: Sequence[tuple[str, str]]
    lead: str
    answers: Sequence[Answer]


def preview(candidate: Candidate, release: Release | None) -> Preview:
    """Of a release as it is edited; `release` is the stored one, if there is one."""
    judgement = judge(candidate, read_files=False)
    return Preview(
        is_draft=release is None or release.state == Release.State.DRAFT,
        faults=[(judgement.place_of(one), one.message) for one in judgement.faults],
        warnings=[(judgement.place_of(one), one.message) for one in judgement.warnings],
        lead="",
        answers=[],
    )

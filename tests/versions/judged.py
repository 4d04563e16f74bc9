"""What is found of a release that a client sends."""

from typing import Any

from tests.versions.bodies import Body
from versions.faults import Fault
from versions.services.judging import Candidate, CandidateArtifact, Judgement, judge

# Kinds with fields.
Found = list[tuple[str, str]]


def candidate(body: Body) -> Candidate:
    rows = [CandidateArtifact(**{name: value or "" for name, value in row.items()}) for row in body["artifacts"]]
    return Candidate.cleaned(body["version"], body["release_notes"], rows)


def judged(body: Body, **options: Any) -> Judgement:
    return judge(candidate(body), **options)


def faults(body: Body, **options: Any) -> Found:
    return told(judged(body, **options).faults)


def warnings(body: Body, **options: Any) -> Found:
    return told(judged(body, **options).warnings)


def told(found: tuple[Fault, ...]) -> Found:
    return [(fault.kind.value, fault.field) for fault in found]

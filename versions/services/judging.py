"""Whether a release may be published: one function for the API, the administration, the commands and the import.

A million desktops read what `check` answers, and one field that their updater cannot read keeps every one of them from updating.
So whatever the updater would fail at is a fault here, with the field that it is about.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db import models
from django.utils.text import capfirst

from sage_platform.api import seams
from sage_platform.api.seams import StoredFile
from sage_platform.outbound import MalformedAddress
from sage_platform.outbound.target import parse
from versions import platforms, semver
from versions.faults import Fault, FaultKind
from versions.models import LONGEST_ADDRESS, LONGEST_NOTES, LONGEST_SIGNATURE, MOST_ARTIFACTS, Artifact, Release

__all__ = ["Candidate", "CandidateArtifact", "Fault", "FaultKind", "Judgement", "judge"]


@dataclass(frozen=True)
class CandidateArtifact:
    """Empty texts stand for what there is none of."""

    platform: str
    installer_url: str = ""
    updater_url: str = ""
    updater_signature: str = ""


@dataclass(frozen=True)
class Candidate:
    """A release as it is to be. `version`, addresses and signatures are without what people write around them (`cleaned`)."""

    version: str
    release_notes: str
    artifacts: tuple[CandidateArtifact, ...]

    @classmethod
    def cleaned(cls, version: str, release_notes: str, artifacts: Iterable[CandidateArtifact]) -> "Candidate":
        return cls(
            semver.without_prefix(version),
            release_notes,
            tuple(
                CandidateArtifact(
                    one.platform.strip(), one.installer_url.strip(), one.updater_url.strip(), one.updater_signature.strip()
                )
                for one in artifacts
            ),
        )

    @classmethod
    def of(cls, release: Release) -> "Candidate":
        rows = release.artifacts.all()
        return cls.cleaned(
            release.version,
            release.release_notes,
            [CandidateArtifact(row.platform, row.installer_url, row.updater_url, row.updater_signature) for row in rows],
        )


@dataclass(frozen=True)
class Judgement:
    """`files` are those of our own store that the addresses lead to, by the address."""

    candidate: Candidate
    faults: tuple[Fault, ...]
    warnings: tuple[Fault, ...]
    files: Mapping[str, StoredFile]

    def key_of(self, address: str) -> str:
        """The object that an address leads to; empty for a stranger's."""
        return self.files[address].key if address in self.files else ""

    def place_of(self, fault: Fault) -> str:
        """What the fault is about, in the words of people: the platform, and what the field is called."""
        first, _dot, rest = fault.field.partition(".")
        index, _dot, name = rest.partition(".")
        if first != "artifacts":
            return _named(Release, first)
        if not index:
            return str(capfirst(Artifact._meta.verbose_name_plural))
        artifact = self.candidate.artifacts[int(index)].platform
        platform = artifact if platforms.is_platform(artifact) else f"{capfirst(Artifact._meta.verbose_name)} {int(index) + 1}"
        return f"{platform}, {_named(Artifact, name)}" if name else platform

    def in_words(self, fault: Fault) -> str:
        return f"{self.place_of(fault)}: {fault.message}"


def _named(model: type[models.Model], column: str) -> str:
    field = model._meta.get_field(column)
    return str(getattr(field, "verbose_name", column))


def judge(candidate: Candidate) -> Judgement:
    """Reads files of our own store, so never within a transaction."""
    faults: list[Fault] = []
    warnings: list[Fault] = []
    files: dict[str, StoredFile] = {}
    try:
        semver.Version.parse(candidate.version)
    except ValueError:
        faults.append(Fault(FaultKind.VERSION, "version"))
    if len(candidate.release_notes) > LONGEST_NOTES:
        faults.append(Fault(FaultKind.NOTES_TOO_LONG, "release_notes", {"most": str(LONGEST_NOTES)}))
    if not candidate.artifacts:
        faults.append(Fault(FaultKind.NO_ARTIFACT, "artifacts"))
    if len(candidate.artifacts) > MOST_ARTIFACTS:
        faults.append(Fault(FaultKind.TOO_MANY_ARTIFACTS, "artifacts", {"most": str(MOST_ARTIFACTS)}))
        return Judgement(candidate, tuple(faults), (), {})
    seen: set[str] = set()
    for index, artifact in enumerate(candidate.artifacts):
        place = f"artifacts.{index}"
        if not platforms.is_platform(artifact.platform):
            faults.append(Fault(FaultKind.PLATFORM, f"{place}.platform"))
        elif artifact.platform in seen:
            faults.append(Fault(FaultKind.PLATFORM_TWICE, f"{place}.platform", {"platform": artifact.platform}))
        elif not platforms.is_known(artifact.platform):
            warnings.append(Fault(FaultKind.UNKNOWN_PLATFORM, f"{place}.platform", {"platform": artifact.platform}))
        seen.add(artifact.platform)
        faults.extend(_addresses(artifact, place, files))
        faults.extend(_pair(artifact, place))
    return Judgement(candidate, tuple(faults), tuple(warnings), files)


def _addresses(artifact: CandidateArtifact, place: str, files: dict[str, StoredFile]) -> Iterable[Fault]:
    if not artifact.installer_url and not artifact.updater_url:
        yield Fault(FaultKind.NO_ADDRESS, f"{place}.installer_url")
    for name, url in (("installer_url", artifact.installer_url), ("updater_url", artifact.updater_url)):
        if not url:
            continue
        if len(url) > LONGEST_ADDRESS:
            yield Fault(FaultKind.TOO_LONG, f"{place}.{name}", {"most": str(LONGEST_ADDRESS)})
            continue
        try:
            parse(url)
        except MalformedAddress:
            yield Fault(FaultKind.ADDRESS, f"{place}.{name}")
            continue
        look_up = seams.stored_files.get()
        file = look_up(url) if look_up is not None else None
        if file is not None:
            files[url] = file


def _pair(artifact: CandidateArtifact, place: str) -> Iterable[Fault]:
    if artifact.updater_url and not artifact.updater_signature:
        yield Fault(FaultKind.NO_SIGNATURE, f"{place}.updater_signature")
    if artifact.updater_signature and not artifact.updater_url:
        yield Fault(FaultKind.NO_UPDATE, f"{place}.updater_url")
    if len(artifact.updater_signature) > LONGEST_SIGNATURE:
        yield Fault(FaultKind.TOO_LONG, f"{place}.updater_signature", {"most": str(LONGEST_SIGNATURE)})

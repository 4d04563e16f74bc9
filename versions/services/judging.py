"""Whether a release may be published: one function for the API, the administration, the commands and the import.

A million desktops read what `check` answers, and one field that their updater cannot read keeps every one of them from updating.
So whatever the updater would fail at is a fault here, with the field that it is about.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, fields, replace

from django.conf import settings
from django.db import models
from django.utils.text import capfirst

from sage_platform.api import seams
from sage_platform.api.seams import StoredFile
from sage_platform.api.waiting import waiting
from sage_platform.outbound import MalformedAddress
from versions import addresses, platforms, semver
from versions.faults import Fault, FaultKind
from versions.models import LONGEST_ADDRESS, LONGEST_NOTES, LONGEST_SIGNATURE, MOST_ARTIFACTS, Artifact, Release
from versions.signatures import BadSignature, Signature
from versions.updater_key import UpdaterKey, shown

# PostgreSQL keeps no NUL, and the updater's JSON has no half of a surrogate pair.
UNREADABLE = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True)
class CandidateArtifact:
    """Empty texts stand for what there is none of."""

    platform: str
    installer_url: str = ""
    updater_url: str = ""
    updater_signature: str = ""

    @property
    def is_update(self) -> bool:
        """Whether updaters are offered it."""
        return bool(self.updater_url and self.updater_signature)

    @classmethod
    def of(cls, row: Artifact) -> "CandidateArtifact":
        return cls(**{name: getattr(row, name) for name in OF_ARTIFACT})


# By these names an artifact is stored, sent and told.
OF_ARTIFACT = tuple(field.name for field in fields(CandidateArtifact))


@dataclass(frozen=True)
class Candidate:
    """A release as it is to be. `version`, addresses and signatures are without what people write around them (`cleaned`)."""

    version: str
    release_notes: str
    artifacts: tuple[CandidateArtifact, ...]

    @property
    def with_update(self) -> frozenset[str]:
        """Platforms that have the address of one; that its signature is wrong or missing is a fault of its own."""
        return frozenset(artifact.platform for artifact in self.artifacts if artifact.updater_url)

    @classmethod
    def cleaned(cls, version: str, release_notes: str, artifacts: Iterable[CandidateArtifact]) -> "Candidate":
        return cls(
            semver.without_prefix(version),
            release_notes,
            tuple(CandidateArtifact(*(getattr(one, name).strip() for name in OF_ARTIFACT)) for one in artifacts),
        )

    @classmethod
    def of(cls, release: Release) -> "Candidate":
        return cls.cleaned(release.version, release.release_notes, map(CandidateArtifact.of, release.artifacts.all()))


@dataclass(frozen=True)
class Judgement:
    """`files` are those of our own store that the addresses lead to, by the address."""

    candidate: Candidate
    faults: tuple[Fault, ...]
    warnings: tuple[Fault, ...]
    files: Mapping[str, StoredFile]

    def without_files(self, gone: Collection[str]) -> "Judgement":
        """What it comes to where no file is at these addresses any more: each of them is a fault, and there are no others."""
        faults = [
            Fault(FaultKind.FILE_GONE, f"artifacts.{index}.{name}")
            for index, artifact in enumerate(self.candidate.artifacts)
            for name in ("installer_url", "updater_url")
            if getattr(artifact, name) in gone
        ]
        return replace(self, faults=tuple(faults))

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

    def told(self, faults: Iterable[Fault]) -> list[tuple[str, str]]:
        """Each as its field and its sentence."""
        return [(fault.field, self.in_words(fault)) for fault in faults]


def _named(model: type[models.Model], column: str) -> str:
    field = model._meta.get_field(column)
    return str(getattr(field, "verbose_name", column))


def judge(candidate: Candidate, *, read_files: bool = True) -> Judgement:
    """Reads the updates in our own store, so never within a transaction. Raises Unavailable where the store does not answer.

    With `read_files=False` it takes a moment, for a page that shows what is wrong: whether the updates are the files that were
    signed is left open then.
    """
    case = Case(candidate, settings.SAGE_UPDATER_PUBKEY, read_files=read_files)
    case.judge_release()
    for index in range(min(len(candidate.artifacts), MOST_ARTIFACTS)):
        case.judge_artifact(index)
    return Judgement(candidate, tuple(case.faults), tuple(case.warnings), case.files)


class Case:
    """A candidate, and what has been found of it so far."""

    def __init__(self, candidate: Candidate, key: UpdaterKey | None, *, read_files: bool) -> None:
        self.candidate = candidate
        self.version = semver.version_in(candidate.version)
        self.key = key
        self.read_files = read_files
        self.faults: list[Fault] = []
        self.warnings: list[Fault] = []
        self.files: dict[str, StoredFile] = {}
        # The newest release that updaters are offered, and its signatures by the platform.
        self._before = ""
        self._signed_before: dict[str, str] = {}
        # What came of each update that was read, by address and signature: one may be there for two platforms.
        self._read: dict[tuple[str, str], BadSignature | None] = {}

    def judge_release(self) -> None:
        notes, artifacts = self.candidate.release_notes, self.candidate.artifacts
        if self.version is None:
            self._fault(FaultKind.VERSION, "version")
        else:
            self._compare(self.version)
        if len(notes) > LONGEST_NOTES:
            self._fault(FaultKind.NOTES_TOO_LONG, "release_notes", most=str(LONGEST_NOTES))
        if UNREADABLE.search(notes):
            self._fault(FaultKind.NOTES_CHARACTERS, "release_notes")
        if len(artifacts) > MOST_ARTIFACTS:
            self._fault(FaultKind.TOO_MANY_ARTIFACTS, "artifacts", most=str(MOST_ARTIFACTS))

    def judge_artifact(self, index: int) -> None:
        artifact, place = self.candidate.artifacts[index], f"artifacts.{index}"
        self._judge_platform(artifact.platform, [other.platform for other in self.candidate.artifacts[:index]], place)
        if not artifact.installer_url and not artifact.updater_url:
            self._fault(FaultKind.NO_ADDRESS, f"{place}.installer_url")
        for name, address in (("installer_url", artifact.installer_url), ("updater_url", artifact.updater_url)):
            if address:
                self._judge_address(address, f"{place}.{name}")
        if artifact.updater_url and not artifact.updater_signature:
            self._fault(FaultKind.NO_SIGNATURE, f"{place}.updater_signature")
        if artifact.updater_signature and not artifact.updater_url:
            self._fault(FaultKind.NO_UPDATE, f"{place}.updater_url")
        if artifact.updater_signature:
            self._judge_signature(artifact, place)

    def _compare(self, version: semver.Version) -> None:
        """With the newest release that updaters are offered today, where this one is to come after it."""
        here = {artifact.platform for artifact in self.candidate.artifacts if artifact.is_update}
        if not version.is_stable:
            self._warn(FaultKind.PRE_RELEASE, "version")
        elif not here:
            self._warn(FaultKind.NO_UPDATES, "artifacts")
        else:
            self._before, self._signed_before = offered_before(version)
            for platform in sorted(self._signed_before.keys() - here):
                self._warn(FaultKind.MISSING_PLATFORM, "artifacts", version=self._before, platform=platform)

    def _judge_platform(self, platform: str, others: Collection[str], place: str) -> None:
        field = f"{place}.platform"
        if len(platform) > platforms.LONGEST:
            self._fault(FaultKind.TOO_LONG, field, most=str(platforms.LONGEST))
        elif not platforms.is_platform(platform):
            self._fault(FaultKind.PLATFORM, field)
        elif platform in others:
            self._fault(FaultKind.PLATFORM_TWICE, field, platform=platform)
        elif not platforms.is_known(platform):
            self._warn(FaultKind.UNKNOWN_PLATFORM, field, platform=platform)

    def _judge_address(self, address: str, field: str) -> None:
        if len(address) > LONGEST_ADDRESS:
            self._fault(FaultKind.TOO_LONG, field, most=str(LONGEST_ADDRESS))
            return
        try:
            target = addresses.read(address)
        except MalformedAddress:
            self._fault(FaultKind.ADDRESS, field)
            return
        if target.scheme == "http":
            self._warn(FaultKind.PLAIN_HTTP, field)
        if addresses.is_past_us(target):
            self._warn(FaultKind.PAST_US, field)
        if addresses.is_download_of_ours(target):
            look_up = seams.stored_files.get()
            file = look_up(address) if look_up is not None else None
            if file is None:
                self._fault(FaultKind.FILE_GONE, field)
            else:
                self.files[address] = file

    def _judge_signature(self, artifact: CandidateArtifact, place: str) -> None:
        field = f"{place}.updater_signature"
        if len(artifact.updater_signature) > LONGEST_SIGNATURE:
            self._fault(FaultKind.TOO_LONG, field, most=str(LONGEST_SIGNATURE))
            return
        try:
            signature = Signature.read(artifact.updater_signature)
            if self.key is not None:
                signature.check(self.key)
                self._check_file(artifact, signature, self.key)
        except BadSignature as bad:
            self._fault(bad.kind, f"{place}.updater_url" if bad.kind == FaultKind.FILE_GONE else field, **bad.details)
            return
        if self.version is not None and signature.signed_version not in {None, self.version.text}:
            # Without the key anybody may have written that.
            (self._warn if self.key is None else self._fault)(FaultKind.OTHER_VERSION, field)
        if artifact.is_update and signature.signed_name not in {None, addresses.last_part(artifact.updater_url)}:
            self._warn(FaultKind.OTHER_NAME, f"{place}.updater_url")
        self._compare_signature(signature, artifact.platform, field)

    def _compare_signature(self, signature: Signature, platform: str, field: str) -> None:
        """With that of the release before: who has installed it may have its key, and its way of signing, as what to demand."""
        try:
            former = Signature.read(self._signed_before.get(platform, ""))
        except BadSignature:
            return
        if self.key is None and signature.key_id != former.key_id:
            keys = {"signed_by": shown(signature.key_id), "expected": shown(former.key_id)}
            self._warn(FaultKind.KEY_CHANGED, field, version=self._before, **keys)
        if former.signed_version is not None and signature.signed_version is None:
            self._warn(FaultKind.VERSION_NOT_SIGNED, field, version=self._before)

    def _check_file(self, artifact: CandidateArtifact, signature: Signature, key: UpdaterKey) -> None:
        """Raises BadSignature. A stranger's file is not fetched: each client will judge it."""
        file, pair = self.files.get(artifact.updater_url), (artifact.updater_url, artifact.updater_signature)
        if file is None or not self.read_files:
            return
        if pair not in self._read:
            self._read[pair] = _wrong_with(file, signature, key)
        if (bad := self._read[pair]) is not None:
            raise bad

    def _fault(self, kind: FaultKind, field: str, **details: str) -> None:
        self.faults.append(Fault(kind, field, details))

    def _warn(self, kind: FaultKind, field: str, **details: str) -> None:
        self.warnings.append(Fault(kind, field, details))


def offered_before(version: semver.Version) -> tuple[str, dict[str, str]]:
    """The newest stable release that updaters are offered beside this one, where it is older: its version, and its signatures by
    the platform. Both are empty where there is none.
    """
    versions = Artifact.objects.published_updates().values_list("release__version", flat=True).distinct()
    offered = (semver.Version.parse(text) for text in versions)
    newest = max((one for one in offered if one.is_stable and one != version), default=None)
    if newest is None or newest > version:
        return "", {}
    updates = Artifact.objects.published_updates().filter(release__version=newest.text)
    return newest.text, dict(updates.values_list("platform", "updater_signature"))


def _wrong_with(file: StoredFile, signature: Signature, key: UpdaterKey) -> BadSignature | None:
    try:
        with waiting(), file.open() as stream:
            signature.check_file(key, stream)
    except BadSignature as bad:
        return bad
    except FileNotFoundError:
        return BadSignature(FaultKind.FILE_GONE)
    return None

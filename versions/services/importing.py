"""Imports a release from GitHub, the newest one or one by its tag, if it is whole; else it says what is missing."""

from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from django.conf import settings

from sage_platform.accounts.services.outbound_calls import outbound_call
from sage_platform.api.errors import Code, OtherServerFailed, Refusal, RefusedForm
from sage_platform.telemetry.operations import Operation
from versions import semver
from versions.faults import Fault, FaultKind
from versions.github.assets import SIGNATURE, Sorted, sort_assets
from versions.github.source import NEWEST, Asset, GitHub, GitHubRelease, SourceFailed, Unchanged
from versions.models import LastImport, Release, Source
from versions.services import releases
from versions.services.judging import Candidate, CandidateArtifact, Judgement, judge, offered_before
from versions.services.releases import Author

# So many are told and kept of what is wrong with one release; more are of the same kind.
MOST_FAULTS = 20
FIELD = "artifacts"


@dataclass(frozen=True)
class Leave:
    """Platforms that may be without an update: those that are named for this import, and those of an import before of the same
    version. `same_installer` are those of the latter whose installer is the one that was there then.
    """

    named: frozenset[str]
    kept: frozenset[str]
    same_installer: frozenset[str]

    def covers(self, fault: Fault) -> bool:
        """An installer that comes later is no part of what was allowed before: its update may be on the way."""
        by_kind = {FaultKind.GITHUB_MISSING_PLATFORM: self.kept, FaultKind.GITHUB_NO_UPDATE: self.same_installer}
        return fault.kind in by_kind and fault.details["platform"] in self.named | by_kind[fault.kind]


@dataclass(frozen=True)
class Fetched:
    """What GitHub said. With faults no signature was fetched. `etag` is that of the list, and empty for a release by its tag."""

    release: GitHubRelease
    files: Sorted
    leave: Leave
    faults: tuple[Fault, ...]
    signatures: dict[str, str]
    etag: str


@dataclass(frozen=True)
class Plan:
    """What an import would store, and what of it is wrong. With a fault nothing is stored.

    `allowed_missing` are the platforms that are without an update by somebody's leave.
    """

    fetched: Fetched
    judgement: Judgement
    faults: tuple[Fault, ...]
    allowed_missing: tuple[str, ...] = ()

    @property
    def candidate(self) -> Candidate:
        return self.judgement.candidate

    @property
    def sentences(self) -> list[str]:
        # A file of GitHub's is named in the sentence. An artifact is not.
        own = set(map(id, self.judgement.faults))
        return [self.judgement.in_words(fault) if id(fault) in own else fault.message for fault in self.faults]


Imported = tuple[Release, Judgement]


@Operation("versions", "import")
def import_release(author: Author, *, tag: str = "", allow_missing: Collection[str] = ()) -> Imported:
    """Publish it, in the place of the record of its version if there is one. Never within a transaction: it may take a minute.

    Raises a Refusal that says what to do, and then nothing has changed; TooManyRequests where too much is asked already.
    """
    try:
        return _import(GitHub(), author, tag, allow_missing)
    except SourceFailed as failed:
        kind = OtherServerFailed if failed.is_outage else Refusal
        raise refused("", [failed.fault], [failed.fault.message], author, kind) from None


def examine(author: Author, *, tag: str = "", allow_missing: Collection[str] = ()) -> Plan:
    """What `import_release` would do at this moment. Nothing is stored. Raises SourceFailed."""
    return planned(fetch(GitHub(), author, tag=tag, allow_missing=allow_missing))


def _import(github: GitHub, author: Author, tag: str, allow_missing: Collection[str]) -> Imported:
    known = None if tag else last_import(github)
    try:
        fetched = fetch(github, author, tag=tag, etag=known[0] if known else "", allow_missing=allow_missing)
    except Unchanged:
        if (same := last_import(github)) is not None:
            return same[1], judge(Candidate.of(same[1]))
        # It was deleted or changed while GitHub was asked.
        fetched = fetch(github, author, allow_missing=allow_missing)
    release, judgement = store(planned(fetched), author)
    if fetched.etag:
        remember(github, fetched.etag, release)
    return release, judgement


def store(plan: Plan, author: Author) -> Imported:
    version = plan.candidate.version
    if plan.faults:
        raise refused(version, plan.faults, plan.sentences, author)
    if (same := already_here(plan)) is not None:
        return same, plan.judgement
    try:
        return releases.replace(
            plan.candidate, author, pub_date=plan.fetched.release.published_at, allowed_missing=plan.allowed_missing
        )
    except RefusedForm as form:
        raise Refusal(Code.FAILED, str(form.detail)) from None
    except Refusal:
        # Withdrawn at this very moment.
        raise refused(version, [withdrawn(version)], [withdrawn(version).message], author) from None


def published(version: str) -> Release | None:
    found: Release | None = Release.objects.published().filter(version=version).first()
    return found


def already_here(plan: Plan) -> Release | None:
    """The published record that says the same in all: GitHub's ETag changes with counts of downloads, too.

    Nothing is written then, and so nobody asks once more whether the author is still an administrator.
    """
    release = published(plan.candidate.version)
    is_same = (
        release is not None
        and release.source == Source.GITHUB
        and release.pub_date == plan.fetched.release.published_at
        and Candidate.of(release) == plan.candidate
        and tuple(release.allowed_missing.split()) == plan.allowed_missing
    )
    return release if is_same else None


# -- What GitHub has -------------------------------------------------------------------------------------------------------


def fetch(github: GitHub, author: Author, *, tag: str = "", etag: str = "", allow_missing: Collection[str]) -> Fetched:
    """Raises SourceFailed, and Unchanged where GitHub has nothing newer than the answer with this ETag."""
    with calling(author):
        if tag:
            release, told = github.tagged(tag), ""
        else:
            listing = github.newest(etag)
            release, told = newest(github, listing.releases), listing.etag
        files = sort_assets([asset.name for asset in release.assets])
        late = [Fault(FaultKind.GITHUB_UPLOADING, FIELD, {"name": one.name}) for one in release.assets if not one.is_uploaded]
        leave = leave_for(release, files, allow_missing)
        faults = late + [fault for fault in files.faults if not leave.covers(fault)]
        signatures = {} if faults else signatures_of(github, release.assets, files)
        return Fetched(release, files, leave, tuple(faults), signatures, told)


def leave_for(release: GitHubRelease, files: Sorted, named: Collection[str]) -> Leave:
    record = published(str(release.version))
    if record is None:
        return Leave(frozenset(named), frozenset(), frozenset())
    kept = set(record.allowed_missing.split()) - Candidate.of(record).with_update
    here = set(record.artifacts.filter(platform__in=kept).values_list("platform", "installer_url"))
    addresses = {asset.name: asset.url for asset in release.assets}
    same = {slot.platform for slot in files.slots if (slot.platform, addresses.get(slot.installer)) in here}
    return Leave(frozenset(named), frozenset(kept), frozenset(same))


def calling(author: Author) -> AbstractContextManager[None]:
    """A person has a share of the calls to other servers. Who runs a command has the machine."""
    return outbound_call(author.user) if author.user is not None else nullcontext()


def newest(github: GitHub, found: Sequence[GitHubRelease]) -> GitHubRelease:
    """The highest stable version, and of one version what was published last."""
    ready = [
        (one.version, one.published_at, one)
        for one in found
        if one.version is not None and one.version.is_stable and not one.is_pre_release
    ]
    if not ready:
        details = {"most": str(NEWEST), "repository": github.repository, "example": f"{settings.SAGE_GITHUB_TAG_PREFIX}v1.4.0"}
        raise SourceFailed(FaultKind.GITHUB_NO_RELEASE, **details)
    return max(ready, key=lambda one: one[:2])[2]


def signatures_of(github: GitHub, assets: Sequence[Asset], files: Sorted) -> dict[str, str]:
    """By the name of the update. One file may be for several platforms."""
    by_name = {asset.name: asset for asset in assets}
    return {name: github.signature(by_name[name + SIGNATURE]) for name in sorted({slot.update for slot in files.slots} - {""})}


# -- What is made of it ----------------------------------------------------------------------------------------------------


def planned(fetched: Fetched) -> Plan:
    judgement = judge(candidate_of(fetched))
    if fetched.faults:
        return Plan(fetched, judgement, fetched.faults)
    version = judgement.candidate.version
    nothing = [] if judgement.candidate.artifacts else [Fault(FaultKind.GITHUB_NO_FILE, FIELD)]
    missing, leave = dropped(judgement.candidate), fetched.leave
    faults = [*judgement.faults, *nothing, *(fault for fault in missing if not leave.covers(fault))]
    if Release.objects.filter(version=version, state=Release.State.WITHDRAWN).exists():
        faults.append(withdrawn(version))
    used = {fault.details["platform"] for fault in (*fetched.files.faults, *missing) if leave.covers(fault)}
    # What was allowed before is kept also where nothing asks for it just now: the release before may be withdrawn for a day.
    allowed = used | (leave.kept - judgement.candidate.with_update)
    return Plan(fetched, judgement, tuple(faults), tuple(sorted(allowed)))


def candidate_of(fetched: Fetched) -> Candidate:
    """With the addresses that GitHub gives: a name in them may be written otherwise than the asset's."""
    addresses = {asset.name: asset.url for asset in fetched.release.assets} | {"": ""}
    return Candidate.cleaned(
        str(fetched.release.version),
        fetched.release.notes,
        [
            CandidateArtifact(
                slot.platform, addresses[slot.installer], addresses[slot.update], fetched.signatures.get(slot.update, "")
            )
            for slot in fetched.files.slots
        ],
    )


def dropped(candidate: Candidate) -> list[Fault]:
    """Platforms without an update here that have one in the release offered now, or in this version as it is stored."""
    version = semver.version_in(candidate.version)
    before, signatures = offered_before(version) if version is not None and version.is_stable else ("", {})
    found = dict.fromkeys(signatures, before)
    record = published(candidate.version)
    if record is not None:
        found |= dict.fromkeys(Candidate.of(record).with_update, record.version)
    return [
        Fault(FaultKind.GITHUB_MISSING_PLATFORM, FIELD, {"platform": platform, "version": of})
        for platform, of in sorted(found.items())
        if platform not in candidate.with_update
    ]


def withdrawn(version: str) -> Fault:
    return Fault(FaultKind.GITHUB_WITHDRAWN, "version", {"version": version})


def refused(
    version: str, faults: Sequence[Fault], sentences: Sequence[str], author: Author, kind: type[Refusal] = Refusal
) -> Refusal:
    """After it was written down for staff: who asks may be a program that nobody watches."""
    releases.keep_refused(version, tuple(faults[:MOST_FAULTS]), author)
    return kind(Code.FAILED, " ".join(sentences[:MOST_FAULTS]))


# -- What GitHub said last -------------------------------------------------------------------------------------------------


def last_import(github: GitHub) -> tuple[str, Release] | None:
    """The ETag of the answer that the newest import was made from, and the release that it made.

    None where that release has been changed, withdrawn or deleted since.
    """
    last = LastImport.objects.filter(asked=asked(github)).first()
    if last is None:
        return None
    release = Release.objects.published().filter(version=last.version, changed_at=last.changed_at).first()
    return None if release is None else (last.etag, release)


def remember(github: GitHub, etag: str, release: Release) -> None:
    facts = {"asked": asked(github), "etag": etag, "version": release.version, "changed_at": release.changed_at}
    LastImport.objects.update_or_create(pk=1, defaults=facts)


def asked(github: GitHub) -> str:
    """What decides, beside GitHub's answer, what an import makes."""
    return f"{github.list_address} {settings.SAGE_GITHUB_TAG_PREFIX}"

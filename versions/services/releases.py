"""Writing releases. Each function judges first, then writes in one transaction that advances the revision."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from dataclasses import replace as replaced
from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.exceptions import NotAuthenticated, PermissionDenied

from sage_platform.accounts.models import User
from sage_platform.accounts.services.history import record
from sage_platform.api import seams
from sage_platform.api.errors import Code, Refusal, RefusedForm
from sage_platform.api.seams import StoredFile
from sage_platform.telemetry.operations import Operation
from versions import feed, records, semver
from versions.faults import Fault, FaultKind
from versions.models import Artifact, RefusedRelease, Release, Revision, Source
from versions.services.judging import Candidate, Judgement, judge

# So many are kept of the refused ones, so that a program that tries again for ever fills no disk.
MOST_REFUSED = 200
# What no row can have, and so a draft neither; and a secret that staff and backups would see.
UNKEEPABLE = {
    *{FaultKind.VERSION, FaultKind.NOTES_CHARACTERS, FaultKind.TOO_LONG},
    *{FaultKind.PLATFORM_TWICE, FaultKind.TOO_MANY_ARTIFACTS, FaultKind.SIGNATURE_SECRET_KEY},
}
State = Release.State


@dataclass(frozen=True)
class Author:
    """Who writes, and by which way. `name` is a user's name or a client's id; `user` is None for a program and a command."""

    name: str
    source: Source
    user: User | None = None
    # Of a client with a token: looks it up once more, and raises what is wrong with it by then.
    check_token: Callable[[], object] | None = None


def named(version: str) -> Release:
    """The release of this version, as people may write it. Raises Refusal."""
    wanted = semver.without_prefix(version)
    # What is no version is not asked for: PostgreSQL fails at a NUL, for example.
    release: Release | None = Release.objects.filter(version=wanted).first() if semver.is_version(wanted) else None
    if release is None:
        raise not_found()
    return release


def examine(candidate: Candidate, _author: Author, *, as_draft: bool = False) -> tuple[Release, Judgement]:
    """What `create`, or `draft`, would answer at this moment. Nothing is stored, not even a refusal."""
    if is_taken(candidate.version):
        raise exists()
    judgement = keepable(candidate) if as_draft else judge(candidate)
    if judgement.faults and not as_draft:
        raise refusal_of(judgement)
    return Release(version=candidate.version, release_notes=candidate.release_notes), judgement


@Operation("versions", "publish")
def create(candidate: Candidate, author: Author) -> tuple[Release, Judgement]:
    """Publish a new release. Raises RefusedForm for what is wrong with it, and Refusal where the version is taken."""
    if is_taken(candidate.version):
        raise kept_as_taken(candidate, author)
    judgement = judged(candidate, author)
    release = Release(state=State.PUBLISHED, pub_date=timezone.now())
    add(release, judgement, author)
    return release, judgement


@Operation("versions", "draft")
def draft(candidate: Candidate, author: Author) -> Release:
    """Keep a release that nobody is offered yet. It may have faults, but for those that no row can have. Raises as `create`."""
    if is_taken(candidate.version):
        raise kept_as_taken(candidate, author)
    release = Release()
    add(release, keepable(candidate), author)
    return release


def add(release: Release, judgement: Judgement, author: Author) -> None:
    candidate = judgement.candidate
    release.version, release.release_notes = candidate.version, candidate.release_notes
    release.source, release.made_by = author.source, author.name[:255]
    with writing(author):
        if not (taken := is_taken(candidate.version)):
            release.save(force_insert=True)
            set_artifacts(release, judgement, hold(judgement, may_be_gone=release.state == State.DRAFT))
            record(author.user, release, added=True)
    if taken:
        raise kept_as_taken(candidate, author)


def is_taken(version: str) -> bool:
    return semver.is_version(version) and Release.objects.filter(version=version).exists()


def replace(
    candidate: Candidate, author: Author, *, pub_date: datetime, allowed_missing: Sequence[str]
) -> tuple[Release, Judgement]:
    """Publish a release in the place of one of the same version, if there is one. Raises as `create`.

    A withdrawn one stays: somebody had a reason. `allowed_missing` are platforms that it is without by the author's leave.
    """
    judgement = judged(candidate, author)
    with writing(author):
        former = Release.objects.filter(version=candidate.version).first()
        if former is not None and former.state == State.WITHDRAWN:
            raise Refusal(Code.FAILED, _("This version was withdrawn. Publish it again in the administration if it is good."))
        facts = {
            "release_notes": candidate.release_notes,
            "state": State.PUBLISHED,
            "pub_date": pub_date,
            "allowed_missing": " ".join(allowed_missing),
            "source": author.source,
            "made_by": author.name[:255],
            "changed_at": timezone.now(),
        }
        release, _made = Release.objects.update_or_create(version=candidate.version, defaults=facts)
        set_artifacts(release, judgement, hold(judgement))
        record(author.user, release, added=former is None, fields=["release_notes", "artifacts"])
    return release, judgement


@Operation("versions", "change")
def change(release: Release, candidate: Candidate, author: Author) -> Judgement:
    """Write what staff edited. A draft may have faults; a published release is judged as a new one, and keeps its version."""
    is_draft = release.state == State.DRAFT
    if not is_draft:
        candidate = replaced(candidate, version=release.version)
    judgement = keepable(candidate) if is_draft else judged(candidate, author)
    with writing(author):
        if not Release.objects.filter(pk=release.pk, changed_at=release.changed_at).exists():
            raise gone()
        if is_draft and Release.objects.filter(version=candidate.version).exclude(pk=release.pk).exists():
            raise exists()
        release.version = candidate.version
        release.release_notes = candidate.release_notes
        release.changed_at = timezone.now()
        release.save(update_fields=["version", "release_notes", "changed_at"])
        set_artifacts(release, judgement, hold(judgement, may_be_gone=is_draft))
        record(author.user, release, fields=["release_notes", "artifacts"])
    return judgement


@Operation("versions", "publish")
def publish(release: Release, author: Author) -> Judgement:
    """Publish a draft, or a withdrawn release again. Raises RefusedForm with what is wrong with it."""
    judgement = judged(Candidate.of(release), author)
    with writing(author):
        ready = Release.objects.filter(pk=release.pk, changed_at=release.changed_at).exclude(state=State.PUBLISHED)
        now = timezone.now()
        if not ready.update(state=State.PUBLISHED, pub_date=release.pub_date or now, withdrawn_because="", changed_at=now):
            raise gone()
        set_artifacts(release, judgement, hold(judgement))
        record(author.user, release, fields=["state"])
    return judgement


@Operation("versions", "withdraw")
def withdraw(release: Release, author: Author, *, because: str) -> None:
    """Within a second no client is offered it any more. Who has installed it keeps it."""
    with writing(author):
        facts = {"state": State.WITHDRAWN, "withdrawn_because": because, "changed_at": timezone.now()}
        if not Release.objects.published().filter(pk=release.pk).update(**facts):
            raise gone()
        record(author.user, release, fields=["state"])


@Operation("versions", "delete")
def delete(release: Release, author: Author) -> None:
    with writing(author):
        if not Release.objects.filter(pk=release.pk).exists():
            raise not_found()
        record(author.user, release, deleted=True)
        Release.objects.filter(pk=release.pk).delete()


class FilesGone(RefusedForm):
    """Files of our own store that were there when the release was judged, and are not when it is written."""

    def __init__(self, judgement: Judgement) -> None:
        super().__init__(judgement.told(judgement.faults))
        self.judgement = judgement


@contextmanager
def writing(author: Author) -> Iterator[None]:
    """One transaction, alone among the writers of releases; the feed hears of it once it is committed."""
    try:
        with transaction.atomic():
            Revision.advance()
            # It takes a while to judge large files, and what counts is who somebody is now.
            if author.check_token is not None:
                author.check_token()
            if author.user is not None:
                check_administrator(author.user)
            yield
            transaction.on_commit(feed.notice)
        records.forget()
    except FilesGone as refusal:
        keep_refused(refusal.judgement.candidate.version, refusal.judgement.faults, author)
        raise


def check_administrator(user: User) -> None:
    """Until the transaction ends they stay one. Raises NotAuthenticated, PermissionDenied."""
    now = User.objects.active().select_for_update(no_key=True).filter(pk=user.pk).first()
    if now is None:
        raise NotAuthenticated
    if not now.is_admin:
        raise PermissionDenied


def hold(judgement: Judgement, *, may_be_gone: bool = False) -> Mapping[str, StoredFile]:
    """The files of our own store, by their addresses, which stay as they are from here on: within the transaction of a write, and
    then since a release names them. Raises FilesGone where one was replaced or deleted after it was judged, or is just now.
    """
    held_files = seams.held_files.get()
    held = held_files(judgement.files) if held_files is not None else {}
    gone = judgement.without_files(judgement.files.keys() - held.keys())
    if gone.faults and not may_be_gone:
        raise FilesGone(gone)
    return held


def judged(candidate: Candidate, author: Author) -> Judgement:
    """Raises RefusedForm, after it was written down for staff."""
    judgement = judge(candidate)
    if judgement.faults:
        keep_refused(candidate.version, judgement.faults, author)
        raise refusal_of(judgement)
    return judgement


def keepable(candidate: Candidate) -> Judgement:
    """Of a draft. Raises RefusedForm for what no row can have."""
    judgement = judge(candidate, read_files=False)
    bad = tuple(fault for fault in judgement.faults if fault.kind in UNKEEPABLE)
    if bad:
        raise refusal_of(replaced(judgement, faults=bad))
    return judgement


def refusal_of(judgement: Judgement) -> RefusedForm:
    return RefusedForm(judgement.told(judgement.faults))


def kept_as_taken(candidate: Candidate, author: Author) -> Refusal:
    """A program that nobody watches may think that its release is published."""
    keep_refused(candidate.version, (Fault(FaultKind.TAKEN, "version"),), author)
    return exists()


def keep_refused(version: str, faults: tuple[Fault, ...], author: Author) -> None:
    """For staff: who tried which version, and what was wrong, without what no database keeps and no page shows. Nothing else of
    what was sent.
    """
    shown = "".join(character for character in version[: semver.LONGEST] if character.isprintable())
    RefusedRelease.objects.create(
        source=author.source,
        made_by=author.name[:255],
        version=shown,
        faults=[fault.as_row() for fault in faults],
    )
    older = RefusedRelease.objects.order_by("-at", "-pk").values_list("pk", flat=True)[MOST_REFUSED:]
    RefusedRelease.objects.filter(pk__in=list(older)).delete()


def set_artifacts(release: Release, judgement: Judgement, held: Mapping[str, StoredFile]) -> None:
    """The release has these artifacts and no others, in this order."""
    release.artifacts.all().delete()
    Artifact.objects.bulk_create(
        Artifact(
            release=release,
            **asdict(one),
            installer_key=held[one.installer_url].key if one.installer_url in held else "",
            updater_key=held[one.updater_url].key if one.updater_url in held else "",
        )
        for one in judgement.candidate.artifacts
    )


def exists() -> Refusal:
    return Refusal(Code.BAD_REQUEST, str(FaultKind.TAKEN.label), field="version")


def not_found() -> Refusal:
    return Refusal(Code.NOT_FOUND, _("There is no release of this version."))


def gone() -> Refusal:
    return Refusal(Code.BAD_REQUEST, _("Somebody else has changed this release meanwhile. Look at it again."))

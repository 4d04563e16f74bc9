"""Writing releases. Each function judges first, then writes in one transaction that advances the revision."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from sage_platform.accounts.models import User
from sage_platform.accounts.services.history import record
from sage_platform.api.errors import Code, Refusal, RefusedForm
from sage_platform.metrics import operation
from versions import feed
from versions.faults import Fault
from versions.models import Artifact, RefusedRelease, Release, Revision, Source
from versions.services.judging import Candidate, Judgement, judge

# So many are kept of the refused ones, so that a program that tries again for ever fills no disk.
MOST_REFUSED = 200
State = Release.State


@dataclass(frozen=True)
class Author:
    """Who writes, and by which way. `name` is a user's name or a client's id; `user` is None for a program and a command."""

    name: str
    source: Source
    user: User | None = None


@operation("versions", "create")
def create(candidate: Candidate, author: Author) -> tuple[Release, Judgement]:
    """Publish a new release. Raises RefusedForm for what is wrong with it, and Refusal where the version is taken."""
    if Release.objects.filter(version=candidate.version).exists():
        raise exists()
    judgement = judged(candidate, author)
    with writing():
        if Release.objects.filter(version=candidate.version).exists():
            raise exists()
        release = Release.objects.create(
            version=candidate.version,
            release_notes=candidate.release_notes,
            state=State.PUBLISHED,
            pub_date=timezone.now(),
            source=author.source,
            made_by=author.name,
        )
        set_artifacts(release, judgement)
        record(author.user, release, added=True)
    return release, judgement


@operation("versions", "draft")
def draft(candidate: Candidate, author: Author) -> Release:
    """Keep a release that nobody is offered yet. It may have faults, but its version is one, and not taken."""
    judgement = judge(candidate, read_files=False)
    with writing():
        if Release.objects.filter(version=candidate.version).exists():
            raise exists()
        release = Release.objects.create(
            version=candidate.version, release_notes=candidate.release_notes, source=author.source, made_by=author.name
        )
        set_artifacts(release, judgement)
        record(author.user, release, added=True)
    return release


@operation("versions", "replace")
def replace(candidate: Candidate, author: Author, *, pub_date: datetime) -> tuple[Release, Judgement]:
    """Publish a release in the place of one of the same version, if there is one. Raises as `create`.

    A withdrawn one stays: somebody had a reason.
    """
    judgement = judged(candidate, author)
    with writing():
        former = Release.objects.filter(version=candidate.version).first()
        if former is not None and former.state == State.WITHDRAWN:
            raise Refusal(Code.FAILED, _("This version was withdrawn. Publish it again in the administration if it is good."))
        facts = {
            "release_notes": candidate.release_notes,
            "state": State.PUBLISHED,
            "pub_date": pub_date,
            "source": author.source,
            "made_by": author.name,
            "changed_at": timezone.now(),
        }
        release, _made = Release.objects.update_or_create(version=candidate.version, defaults=facts)
        set_artifacts(release, judgement)
        record(author.user, release, added=former is None, fields=["release_notes", "artifacts"])
    return release, judgement


@operation("versions", "change")
def change(release: Release, candidate: Candidate, author: Author) -> Judgement:
    """Write what staff edited. A draft may have faults; a published release is judged as a new one, and keeps its version."""
    is_draft = release.state == State.DRAFT
    judgement = judge(candidate, read_files=False) if is_draft else judged(candidate, author)
    with writing():
        if not Release.objects.filter(pk=release.pk, changed_at=release.changed_at).exists():
            raise gone()
        release.version = candidate.version if is_draft else release.version
        release.release_notes = candidate.release_notes
        release.changed_at = timezone.now()
        release.save(update_fields=["version", "release_notes", "changed_at"])
        set_artifacts(release, judgement)
        record(author.user, release, fields=["release_notes", "artifacts"])
    return judgement


@operation("versions", "publish")
def publish(release: Release, author: Author) -> Judgement:
    """Publish a draft, or a withdrawn release again. Raises RefusedForm with what is wrong with it."""
    judgement = judged(Candidate.of(release), author)
    with writing():
        ready = Release.objects.filter(pk=release.pk, changed_at=release.changed_at).exclude(state=State.PUBLISHED)
        now = timezone.now()
        if not ready.update(state=State.PUBLISHED, pub_date=release.pub_date or now, withdrawn_because="", changed_at=now):
            raise gone()
        set_artifacts(release, judgement)
        record(author.user, release, fields=["state"])
    return judgement


@operation("versions", "withdraw")
def withdraw(release: Release, author: Author, *, because: str) -> None:
    """No client is offered it any more when this returns. Who has installed it keeps it."""
    with writing():
        facts = {"state": State.WITHDRAWN, "withdrawn_because": because, "changed_at": timezone.now()}
        if not Release.objects.published().filter(pk=release.pk).update(**facts):
            raise gone()
        record(author.user, release, fields=["state"])


@operation("versions", "delete")
def delete(release: Release, author: Author) -> None:
    with writing():
        if not Release.objects.filter(pk=release.pk).exists():
            raise not_found()
        record(author.user, release, deleted=True)
        Release.objects.filter(pk=release.pk).delete()


@contextmanager
def writing() -> Iterator[None]:
    """One transaction, alone among the writers of releases; the feed hears of it once it is committed."""
    with transaction.atomic():
        Revision.advance()
        yield
        transaction.on_commit(feed.notice)


def judged(candidate: Candidate, author: Author) -> Judgement:
    """Raises RefusedForm, after it was written down for staff."""
    judgement = judge(candidate)
    if judgement.faults:
        keep_refused(candidate.version, judgement.faults, author)
        raise RefusedForm([(fault.field, judgement.in_words(fault)) for fault in judgement.faults])
    return judgement


def keep_refused(version: str, faults: tuple[Fault, ...], author: Author) -> None:
    """The version as it was given, but for what no database keeps and no page shows."""
    version = "".join(character for character in version if character.isprintable())
    RefusedRelease.objects.create(
        source=author.source,
        made_by=author.name,
        version=version[: RefusedRelease._meta.get_field("version").max_length],
        faults=[fault.as_row() for fault in faults],
    )
    older = RefusedRelease.objects.order_by("-at", "-pk").values_list("pk", flat=True)[MOST_REFUSED:]
    RefusedRelease.objects.filter(pk__in=list(older)).delete()


def set_artifacts(release: Release, judgement: Judgement) -> None:
    """The release has these artifacts and no others, in this order."""
    release.artifacts.all().delete()
    Artifact.objects.bulk_create(
        Artifact(
            release=release,
            platform=one.platform,
            installer_url=one.installer_url,
            updater_url=one.updater_url,
            updater_signature=one.updater_signature,
            installer_key=judgement.key_of(one.installer_url),
            updater_key=judgement.key_of(one.updater_url),
        )
        for one in judgement.candidate.artifacts
    )


def exists() -> Refusal:
    return Refusal(Code.BAD_REQUEST, _("This version exists already."))


def not_found() -> Refusal:
    return Refusal(Code.NOT_FOUND, _("There is no release of this version."))


def gone() -> Refusal:
    return Refusal(Code.BAD_REQUEST, _("Somebody else has changed this release meanwhile. Look at it again."))

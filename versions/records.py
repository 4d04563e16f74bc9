"""Releases as the API tells them."""

from dataclasses import asdict
from typing import Any, NamedTuple

from django.db.models import Case, F, OuterRef, Q, Subquery, TextField, Value, When
from orjson import Fragment

from sage_platform.accounts.models import User
from sage_platform.api.envelope import as_json
from versions.models import Artifact, Release, Revision
from versions.semver import Version
from versions.services.judging import OF_ARTIFACT, Candidate

Payload = dict[str, Any]
OF_RELEASE = ("version", "release_notes", "pub_date")
# Of those that people do not see an administrator wants to know why.
FOR_ADMINISTRATORS = ("state", "withdrawn_because")


class Kept(NamedTuple):
    """A list as it was written once, and the revision that it is of, or of one before."""

    revision: int
    told: Fragment


# By whether it is the list of administrators. It is what the rows make, for everybody alike.
_kept: dict[bool, Kept] = {}


def all_for(user: User) -> Fragment:
    """Those that the user may see, highest version first. One query, but where another process has written meanwhile."""
    kept = _kept.get(user.is_admin)
    if kept is None or kept.revision != Revision.current():
        kept = _read(user)
        if kept.revision:
            _kept[user.is_admin] = kept
    return kept.told


def forget() -> None:
    """This process has written, so that the next list need not ask whether the kept one still holds."""
    _kept.clear()


def _read(user: User) -> Kept:
    """One query, which repeats a release for each of its artifacts, with the revision of that moment; 0 where there is none.

    The notes, which can be long, come with the first artifact alone.
    """
    told = OF_RELEASE + (FOR_ADMINISTRATORS if user.is_admin else ())
    columns = [*["notes" if name == "release_notes" else name for name in told], *[f"artifacts__{name}" for name in OF_ARTIFACT]]
    first = Artifact.objects.filter(release=OuterRef("pk")).order_by("pk").values("pk")[:1]
    is_first = Q(artifacts=None) | Q(artifacts=Subquery(first))
    notes = Case(When(is_first, then=F("release_notes")), default=Value(""), output_field=TextField())
    revision, found = 0, dict[str, Payload]()
    visible = Release.objects.for_user(user).annotate(notes=notes).order_by("artifacts__pk")
    for row in visible.values_list(*columns, Subquery(Revision.objects.values("number")[:1])):
        *of_release, platform, installer, update, signature, revision = row
        release = found.setdefault(row[0], dict(zip(told, of_release, strict=True), artifacts=[]))
        if platform is not None:
            release["artifacts"].append(dict(zip(OF_ARTIFACT, (platform, installer, update, signature), strict=True)))
    ordered = sorted(found, key=Version.parse, reverse=True)
    return Kept(revision, as_json([found[version] for version in ordered]))


def record(release: Release, candidate: Candidate) -> Payload:
    """A release as it was stored just now, or would be."""
    artifacts = [asdict(one) for one in candidate.artifacts]
    return {name: getattr(release, name) for name in OF_RELEASE} | {"artifacts": artifacts}

"""Releases as the API tells them."""

from typing import Any

from sage_platform.accounts.models import User
from versions.models import Release
from versions.semver import Version
from versions.services.judging import Candidate

Payload = dict[str, Any]
OF_RELEASE = ("version", "release_notes", "pub_date")
# Of those that people do not see an administrator wants to know why.
FOR_ADMINISTRATORS = ("state", "withdrawn_because")
OF_ARTIFACT = ("platform", "installer_url", "updater_url", "updater_signature")


def all_for(user: User) -> list[Payload]:
    """Those that the user may see, highest version first. One query, however many there are.

    It repeats a release for each of its artifacts; objects of models would take five times as long.
    """
    told = OF_RELEASE + (FOR_ADMINISTRATORS if user.is_admin else ())
    columns = [*told, *[f"artifacts__{name}" for name in OF_ARTIFACT]]
    found: dict[str, Payload] = {}
    for row in Release.objects.for_user(user).order_by("artifacts__pk").values_list(*columns):
        release = found.setdefault(row[0], dict(zip(told, row, strict=False), artifacts=[]))
        if row[-1] is not None:
            release["artifacts"].append(dict(zip(OF_ARTIFACT, row[len(told) :], strict=True)))
    return [found[version] for version in sorted(found, key=Version.parse, reverse=True)]


def record(release: Release, candidate: Candidate) -> Payload:
    """A release as it was stored just now, or would be."""
    artifacts = [{name: getattr(one, name) for name in OF_ARTIFACT} for one in candidate.artifacts]
    return {name: getattr(release, name) for name in OF_RELEASE} | {"artifacts": artifacts}

"""Releases for tests, as clients send them and as they are stored."""

from datetime import UTC, datetime
from typing import Any

from tests.versions.minisigning import SIGNER
from versions.models import Artifact, RefusedRelease, Release, Revision, Source

PATH = "/api/system/version"
WHEN = datetime(2026, 3, 4, 5, 6, 7, 890123, UTC)
# Of one byte string, whatever it is: without a public key in the settings nobody compares.
SIGNATURE = SIGNER.sign(b"an update", "timestamp:1700000000\tfile:app.tar.gz")
NONE = {"installer_url": "", "updater_url": "", "updater_signature": ""}
MAC = {
    "platform": "darwin-aarch64",
    "installer_url": "https://dl.sage.example/1.2.0/Sage.dmg",
    "updater_url": "https://dl.sage.example/1.2.0/app.tar.gz",
    "updater_signature": SIGNATURE,
}
LINUX = NONE | {"platform": "linux-x86_64-deb", "installer_url": "https://dl.sage.example/1.2.0/sage.deb"}


def body(version: str = "1.2.0", *artifacts: dict[str, Any], notes: str = "# What is new") -> dict[str, Any]:
    return {"version": version, "release_notes": notes, "artifacts": list(artifacts or (MAC, LINUX))}


def make_release(version: str, *artifacts: dict[str, Any], state: str = "published", **fields: Any) -> Release:
    """Stored as if it had been published, drafted or withdrawn, without being judged."""
    given: dict[str, Any] = {"source": Source.API, "release_notes": f"Notes of {version}", "made_by": "admin"}
    given |= {"pub_date": None if state == "draft" else WHEN}
    release: Release = Release.objects.create(version=version, state=state, **given | fields)
    for artifact in artifacts:
        Artifact.objects.create(release=release, **artifact)
    Revision.advance()
    return release


def stored() -> list[Any]:
    """All that writing releases could change."""
    artifacts = Artifact.objects.order_by("pk").values_list("pk", "release__version", "platform", "updater_url")
    releases = Release.objects.order_by("pk").values_list("version", "state", "release_notes", "pub_date", "changed_at")
    return [list(releases), list(artifacts), Revision.current()]


def refusals() -> list[Any]:
    """What staff find, the oldest first."""
    return list(RefusedRelease.objects.order_by("pk").values("source", "made_by", "version", "faults"))

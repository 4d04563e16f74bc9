"""Releases as a client sends them."""

from copy import deepcopy
from typing import Any

from tests.versions.minisigning import SIGNER, Signer

Body = dict[str, Any]
# What the addresses of strangers below lead to.
UPDATES = {"darwin-aarch64": b"for Macs", "windows-x86_64": b"for Windows", "linux-x86_64": b"for Linux"}
NAMES = {
    "darwin-aarch64": ("Sage_{}_aarch64.dmg", "Sage.app.tar.gz"),
    "windows-x86_64": ("Sage_{}_x64-setup.exe", "Sage_{}_x64-setup.exe"),
    "linux-x86_64": ("sage_{}_amd64.deb", "Sage_{}_amd64.AppImage"),
}
BASE = "https://downloads.example"


def artifact(platform: str, version: str = "1.2.0", *, signer: Signer = SIGNER) -> Body:
    """With installer and update, signed as `tauri build` does."""
    installer, update = (name.format(version) for name in NAMES[platform])
    comment = f"timestamp:1700000000\tfile:{update}\tversion:{version}"
    return {
        "platform": platform,
        "installer_url": f"{BASE}/{version}/{installer}",
        "updater_url": f"{BASE}/{version}/{update}",
        "updater_signature": signer.sign(UPDATES[platform], comment),
    }


def release(version: str = "1.2.0", *artifacts: Body, **fields: object) -> Body:
    """With an artifact for each platform where none is given."""
    rows = list(artifacts) or [artifact(platform, version) for platform in UPDATES]
    return {"version": version, "release_notes": "# New\n\nFaster.", "artifacts": rows} | fields


def with_field(body: Body, field: str, value: object) -> Body:
    """The same with another value in a field, named as in errors: `artifacts.0.platform`."""
    changed: Any = deepcopy(body)
    *way, last = [int(step) if step.isdigit() else step for step in field.split(".")]
    inner: Any = changed
    for step in way:
        inner = inner[step]
    inner[last] = value
    return dict(changed)

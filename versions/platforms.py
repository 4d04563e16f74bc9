"""Platforms as a Tauri updater asks for them: `<os>-<arch>`, or `<os>-<arch>-<bundle>` for one kind of installation alone."""

import re

LONGEST = 64
PLATFORM = re.compile(r"[a-z0-9_]+-[a-z0-9_]+(?:-[a-z0-9_]+)?", re.ASCII)
# What the updater fills in for {{target}}, {{arch}} and {{bundle_type}}. Others are allowed: it may be set otherwise.
SYSTEMS = ("darwin", "linux", "windows")
ARCHITECTURES = ("x86_64", "aarch64", "i686", "armv7", "riscv64")
BUNDLES = ("app", "appimage", "deb", "rpm", "msi", "nsis")


def is_platform(text: str) -> bool:
    return len(text) <= LONGEST and PLATFORM.fullmatch(text) is not None


def is_known(platform: str) -> bool:
    """Whether an updater that nobody has configured otherwise could ask for it."""
    system, architecture, *bundle = platform.split("-")
    return system in SYSTEMS and architecture in ARCHITECTURES and (not bundle or bundle[0] in BUNDLES)

"""What the files of a release on GitHub are for, by their names alone: the platform, an installer, an update, a signature.

Names follow what Tauri's bundler and its GitHub action write, and what projects make of them. What a name does not say is told
and never guessed: with the wrong file for a platform, every updater there would install it.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum, auto

from versions.faults import Fault, FaultKind

SIGNATURE = ".sig"
WORD = r"(?<![a-z0-9])(?:{})(?![a-z0-9])"
UNIVERSAL = re.compile(WORD.format("universal"))
ARCHITECTURES = {
    "aarch64": re.compile(WORD.format("aarch64|arm64|apple[ ._-]?silicon")),
    "x86_64": re.compile(WORD.format("x86[_-]64|x64|amd64|intel")),
    "i686": re.compile(WORD.format("i686|i386|x86(?![_-]64)")),
    "armv7": re.compile(WORD.format("armv7|armv7l|armv7hl|armhf|armhfp")),
    "riscv64": re.compile(WORD.format("riscv64|riscv64gc")),
}
SYSTEMS = {
    "darwin": re.compile(WORD.format("darwin|macos|mac|osx")),
    "linux": re.compile(WORD.format("linux")),
    "windows": re.compile(WORD.format("windows|win")),
}
SETUP = re.compile(WORD.format("setup|installer"))
# Builds beside the ones that people install, which an updater must not be given.
APART = re.compile(WORD.format("portable|debug"))
# Of a platform's bundles the first one is what `<os>-<arch>` without a bundle stands for. Clients that are older than bundles ask
# for that one alone, and Tauri's GitHub action has it in the same order in its latest.json.
BUNDLES = {"darwin": ("app",), "linux": ("", "appimage", "deb", "rpm"), "windows": ("", "msi", "nsis")}
# Bundles that the updater did not take for long, so that many projects sign none.
SELDOM_UPDATED = frozenset({"deb", "rpm"})


class Role(Enum):
    INSTALLER = auto()
    UPDATE = auto()
    BOTH = auto()  # An installer, and an update once it is signed.


# The first ending that fits counts.
ENDINGS = (
    (".app.tar.gz", "darwin", "app", Role.UPDATE),
    (".dmg", "darwin", "app", Role.INSTALLER),
    (".appimage.tar.gz", "linux", "appimage", Role.UPDATE),
    (".appimage", "linux", "appimage", Role.BOTH),
    (".deb", "linux", "deb", Role.BOTH),
    (".rpm", "linux", "rpm", Role.BOTH),
    (".nsis.zip", "windows", "nsis", Role.UPDATE),
    (".msi.zip", "windows", "msi", Role.UPDATE),
    (".msi", "windows", "msi", Role.BOTH),
    (".exe", "windows", "nsis", Role.BOTH),
)
ARCHIVES = (".tar.gz", ".zip")
MOST_NAMES = 4  # So many are told of files that clash.


@dataclass(frozen=True)
class Slot:
    """The files of one artifact, by their names. The signature of an update is the file of its name and `.sig`."""

    platform: str
    installer: str = ""
    update: str = ""


@dataclass(frozen=True)
class Sorted:
    """`unused` are files that no installation needs, such as checksums."""

    slots: tuple[Slot, ...]
    faults: tuple[Fault, ...]
    unused: tuple[str, ...]


@dataclass(frozen=True)
class Kind:
    system: str
    bundle: str  # Empty where the name says that it is an update, and not of which bundle.
    role: Role


@dataclass
class Place:
    """What was found for one bundle of a platform."""

    installers: list[str] = field(default_factory=list)
    updates: list[str] = field(default_factory=list)
    # For both architectures of macOS; they count where there is no file for this one alone.
    universal_installers: list[str] = field(default_factory=list)
    universal_updates: list[str] = field(default_factory=list)
    # Update and installer in one.
    signed: list[str] = field(default_factory=list)

    @property
    def installer(self) -> str:
        return next(iter(self.installers or self.universal_installers), "")

    @property
    def update(self) -> str:
        """An archive first: clients of Tauri 1 read nothing else."""
        return next(iter(self.updates or self.universal_updates or self.signed), "")

    @property
    def clashes(self) -> Iterator[list[str]]:
        """Files of which each could be the one that is meant."""
        for one in (self.installers or self.universal_installers, self.updates or self.universal_updates):
            if len(one) > 1:
                yield one


Platform = tuple[str, str]


class _Sorting:
    def __init__(self, names: Collection[str]) -> None:
        self.signatures = {name for name in names if name.lower().endswith(SIGNATURE)}
        self.files = sorted(set(names) - self.signatures)
        self.platforms: dict[Platform, dict[str, Place]] = {}
        self.faults: list[Fault] = []
        self.unused: list[str] = []

    def sort(self) -> Sorted:
        for name in self.files:
            self._take(name)
        for signature in sorted(self.signatures):
            name = signature[: -len(SIGNATURE)]
            if name not in self.files and kind_of(name, signed=True) is not None:
                self._fault(FaultKind.GITHUB_ONLY_SIGNATURE, name=name)
        slots = [slot for platform in sorted(self.platforms) for slot in self._slots(platform)]
        self._look_for_platforms_without_update(slots)
        return Sorted(tuple(slots), tuple(self.faults), tuple(self.unused))

    def _take(self, name: str) -> None:
        signed = name + SIGNATURE in self.signatures
        kind = kind_of(name, signed=signed)
        if kind is None:
            self.unused.append(name)
            return
        found = [architecture for architecture, pattern in ARCHITECTURES.items() if pattern.search(name.lower())]
        universal = kind.system == "darwin" and not found and UNIVERSAL.search(name.lower()) is not None
        if len(found) != 1 and not universal:
            self._fault(FaultKind.GITHUB_NO_ARCHITECTURE, name=name)
        elif kind.role is Role.UPDATE and not signed:
            self._fault(FaultKind.GITHUB_NOT_SIGNED, name=name)
        else:
            for architecture in found or ("aarch64", "x86_64"):
                self._put(name, kind, architecture, signed=signed, universal=universal)

    def _put(self, name: str, kind: Kind, architecture: str, *, signed: bool, universal: bool) -> None:
        place = self.platforms.setdefault((kind.system, architecture), {}).setdefault(kind.bundle, Place())
        if kind.role is Role.UPDATE:
            (place.universal_updates if universal else place.updates).append(name)
            return
        (place.universal_installers if universal else place.installers).append(name)
        if kind.role is Role.BOTH and signed:
            place.signed.append(name)

    def _slots(self, platform: Platform) -> Iterator[Slot]:
        bundles, name = self.platforms[platform], "-".join(platform)
        for bundle, place in bundles.items():
            for clashing in place.clashes:
                self._clash(f"{name}-{bundle}".rstrip("-"), clashing)
        order = BUNDLES[platform[0]]
        updated = [bundle for bundle in order if bundle in bundles and bundles[bundle].update]
        if updated[:1] == [""] and len(updated) > 1:
            self._clash(name, [bundles[bundle].update for bundle in updated])
        installed = [bundle for bundle in order if bundle in bundles and bundles[bundle].installer]
        first = next(iter(updated or installed))
        installer_of = first if bundles[first].installer else next(iter(installed), first)
        yield Slot(name, bundles[installer_of].installer, bundles[first].update)
        for bundle in filter(None, order):
            if bundle in bundles:
                # A page that offers downloads shows each installer once.
                installer = "" if bundle == installer_of else bundles[bundle].installer
                if installer or bundles[bundle].update:
                    yield Slot(f"{name}-{bundle}", installer, bundles[bundle].update)

    def _look_for_platforms_without_update(self, slots: Iterable[Slot]) -> None:
        """Where other platforms have an update, its file or its signature is not there yet."""
        have = {slot.platform for slot in slots if slot.update}
        if not have:
            return
        for platform in sorted(self.platforms):
            name = "-".join(platform)
            if name not in have and not set(self.platforms[platform]) <= SELDOM_UPDATED:
                self._fault(FaultKind.GITHUB_NO_UPDATE, platform=name)

    def _clash(self, platform: str, names: list[str]) -> None:
        more = [f"… ({len(names)})"] if len(names) > MOST_NAMES else []
        self._fault(FaultKind.GITHUB_AMBIGUOUS, platform=platform, names=", ".join(names[:MOST_NAMES] + more))

    def _fault(self, kind: FaultKind, **details: str) -> None:
        self.faults.append(Fault(kind, "artifacts", details))


def sort_assets(names: Collection[str]) -> Sorted:
    """What the files are for, in the order of the platforms' names. The faults say what is missing and what cannot be told."""
    return _Sorting(names).sort()


def kind_of(name: str, *, signed: bool) -> Kind | None:
    """What a file is, or None for one that no installation needs."""
    lower = name.lower()
    if APART.search(lower):
        return None
    for ending, system, bundle, role in ENDINGS:
        if lower.endswith(ending):
            # Any program can be an .exe.
            is_other = ending == ".exe" and not signed and not SETUP.search(lower)
            return None if is_other else Kind(system, bundle, role)
    if signed and lower.endswith(ARCHIVES):
        systems = [system for system, pattern in SYSTEMS.items() if pattern.search(lower)]
        if len(systems) == 1:
            return Kind(systems[0], "app" if systems == ["darwin"] else "", Role.UPDATE)
    return None

"""Verifies that the requirement files pin everything: what is installed here, and what each supported Python needs besides.

A requirement that nobody pinned would be another version on another day. Some packages need more on some Pythons alone, so what
is installed on this machine does not show all of them; their own metadata does.
"""

import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution, distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
RUNTIME = "requirements.txt"
FILES = (RUNTIME, "requirements-dev.txt")
# One for each side of what metadata tells apart within the supported Pythons.
PYTHONS = ("3.11.0", "3.11.2", "3.11.3", "3.12.0", "3.13.0", "3.14.0")
# They are there before the first requirement is.
INSTALLERS = frozenset({"pip", "setuptools", "wheel"})


def read(path: Path) -> list[Requirement]:
    lines = (line.partition(" #")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [Requirement(line) for line in lines if line and not line.startswith(("#", "-"))]


def applies(requirement: Requirement, python: str, extra: str = "") -> bool:
    environment = {"python_full_version": python, "python_version": ".".join(python.split(".")[:2]), "extra": extra}
    return requirement.marker is None or requirement.marker.evaluate(environment)


def needed(requirement: Requirement) -> list[Requirement]:
    """What the package asks for by its own metadata; nothing where it is not installed, which `pip check` would tell."""
    try:
        return [Requirement(line) for line in distribution(requirement.name).requires or ()]
    except PackageNotFoundError:
        return []


def missing(requirements: list[Requirement], python: str) -> Iterator[str]:
    """What these need on that Python and none of them pins."""
    here = [requirement for requirement in requirements if applies(requirement, python)]
    pinned = {canonicalize_name(requirement.name) for requirement in here}
    waiting, seen = list(here), set[tuple[str, frozenset[str]]]()
    while waiting:
        requirement = waiting.pop()
        name, extras = canonicalize_name(requirement.name), frozenset(requirement.extras)
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        if name not in pinned:
            yield f"{name} is needed on Python {python}, and no line pins it"
        waiting += [part for part in needed(requirement) if any(applies(part, python, extra) for extra in {"", *extras})]


def unpinned(requirements: list[Requirement]) -> Iterator[str]:
    """What is installed here and not as a line says."""
    pins = {canonicalize_name(requirement.name): str(requirement.specifier) for requirement in requirements}
    for found in distributions():
        name = canonicalize_name(found.name)
        if name not in INSTALLERS and pins.get(name) != f"=={found.version}":
            yield f"{name} {found.version} is installed, and the files say {pins.get(name, 'nothing')}"


def problems(root: Path) -> list[str]:
    runtime, everything = read(root / RUNTIME), [line for name in FILES for line in read(root / name)]
    loose = [f"{line.name} is not pinned to one version" for line in everything if not str(line.specifier).startswith("==")]
    lacking = {text for python in PYTHONS for lines in (runtime, everything) for text in missing(lines, python)}
    return sorted({*loose, *lacking, *unpinned(everything)})


def main() -> int:
    found = problems(ROOT)
    print("\n".join(found) or "Every requirement is pinned.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

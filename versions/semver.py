"""Versions as the desktop client's library reads and orders them (Rust's `semver`, which the Tauri updater compares with)."""

import re
from dataclasses import dataclass
from typing import Self

import semver

LONGEST = 100
# The client keeps each of the three numbers in 64 bits.
MOST = 2**64 - 1
Identifier = tuple[int, int, str, int]


@dataclass(frozen=True, order=True)
class Version:
    """A version with all that counts in its order: SemVer 2.0 §11, and then build metadata, which SemVer leaves unordered.

    Two that compare as equal are the same text.
    """

    numbers: tuple[int, int, int]
    is_stable: bool
    pre_release: tuple[Identifier, ...]
    build: tuple[Identifier, ...]
    text: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError for what is not strict SemVer 2.0, has a number of 2**64 or more, or is longer than `LONGEST`."""
        # The library's own pattern takes digits of every script, and a line's end behind the version.
        if len(text) > LONGEST or not re.fullmatch(r"[0-9A-Za-z.+-]+", text):
            raise ValueError("not a version")
        read = semver.Version.parse(text)
        numbers = (read.major, read.minor, read.patch)
        if max(numbers) > MOST:
            raise ValueError("a number of the version is too large")
        return cls(numbers, read.prerelease is None, _ordered(read.prerelease), _ordered(read.build), text)

    def __str__(self) -> str:
        return self.text


def version_in(text: str) -> Version | None:
    """None for what is no version."""
    try:
        return Version.parse(text)
    except ValueError:
        return None


def is_version(text: str) -> bool:
    return version_in(text) is not None


def without_prefix(given: str) -> str:
    """As people write a version: white space around it and one leading `v` do not count."""
    trimmed = given.strip()
    return trimmed[1:] if trimmed[:1] in {"v", "V"} else trimmed


def _ordered(part: str | None) -> tuple[Identifier, ...]:
    """The identifiers between the dots; fewer come first where all before are equal, and none at all is the lowest."""
    return tuple(_identifier(one) for one in part.split(".")) if part else ()


def _identifier(text: str) -> Identifier:
    """Numbers by their value, and below text. Of equal ones in build metadata that with fewer leading zeros is lower."""
    if not text.isdigit():
        return (1, 0, text, 0)
    digits = text.lstrip("0")
    return (0, len(digits), digits, len(text))

"""Asks GitHub's REST API for releases, and fetches signatures. One deadline holds for everything that one import asks."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit

from django.conf import settings
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from sage_platform import outbound
from sage_platform.outbound import Answer, AnswerTooLarge, Deadline, MalformedAddress, OutboundError, TimedOut
from sage_platform.outbound.target import parse
from versions.faults import Fault, FaultKind
from versions.semver import Version, version_in, without_prefix

SECONDS = 60.0
NEWEST = 50
# A release with 60 files takes about 100 KiB, half of which says who uploaded them.
MOST_BYTES = 8 * 1024**2
MOST_SIGNATURE_BYTES = 64 * 1024
MOST_REDIRECTS = 3
LONGEST_ETAG = 256
# RFC 9110 §8.8.3, in ASCII: what else a server may send as one cannot be sent back to it.
ETAG = re.compile(r'(?:W/)?"[!#-~]*"')
LONGEST_NAME = 255
# What GitHub says when it says no time itself.
LIMITED_FOR = timedelta(minutes=1)
LIMITED_AT_MOST = timedelta(days=1)


OUTAGES = {
    *{FaultKind.GITHUB_NOT_REACHED, FaultKind.GITHUB_TOO_SLOW},
    *{FaultKind.GITHUB_STATUS, FaultKind.GITHUB_FILE_NOT_REACHED},
}


class SourceFailed(Exception):  # noqa: N818  What is raised is a fault of the release's source, and no error of ours.
    def __init__(self, kind: FaultKind, **details: str) -> None:
        super().__init__(kind)
        self.fault = Fault(kind, "github", details)

    @property
    def is_outage(self) -> bool:
        """Whether GitHub gave no answer, or one that it is failing itself. Else it has said no, or has not what is asked for."""
        return self.fault.kind in OUTAGES


class Unchanged(Exception):  # noqa: N818  An answer, and no error.
    """GitHub has what it had when it gave the ETag."""


@dataclass(frozen=True)
class Asset:
    """`name` is as GitHub has it, with dots for spaces."""

    name: str
    is_uploaded: bool
    url: str


@dataclass(frozen=True)
class GitHubRelease:
    """A published one. `version` is what the tag says, and None where it says none."""

    tag: str
    version: Version | None
    is_pre_release: bool
    notes: str
    published_at: datetime
    assets: tuple[Asset, ...]


@dataclass(frozen=True)
class Listing:
    releases: tuple[GitHubRelease, ...]
    etag: str


class GitHub:
    """The repository of the settings, for one import."""

    def __init__(self) -> None:
        if not settings.SAGE_GITHUB_REPO:
            raise SourceFailed(FaultKind.GITHUB_NO_REPOSITORY)
        self.repository: str = settings.SAGE_GITHUB_REPO
        self.base: str = settings.SAGE_GITHUB_API_BASE
        self.host = urlsplit(self.base).netloc
        self.deadline = Deadline.after(SECONDS)

    @property
    def list_address(self) -> str:
        return f"{self.base}/repos/{self.repository}/releases?per_page={NEWEST}"

    def newest(self, etag: str = "") -> Listing:
        """The newest releases. Raises SourceFailed, and Unchanged when they are still those that had this ETag."""
        answer = self._ask(self.list_address, {"If-None-Match": etag} if etag else {})
        if etag and answer.status == 304:
            raise Unchanged
        if answer.status == 404:
            raise SourceFailed(FaultKind.GITHUB_NOT_FOUND, repository=self.repository)
        rows = self._read(answer)
        if not isinstance(rows, list):
            raise self._unreadable()
        told = answer.headers.get("ETag", "")
        found = tuple(release for row in rows if (release := self._release(row)) is not None)
        return Listing(found, told if len(told) <= LONGEST_ETAG and ETAG.fullmatch(told) else "")

    def tagged(self, tag: str) -> GitHubRelease:
        if not tag.isprintable():  # No release has such a tag, and no database keeps all of them.
            raise SourceFailed(FaultKind.GITHUB_NO_TAG, tag="".join(sign for sign in tag if sign.isprintable()))
        answer = self._ask(f"{self.base}/repos/{self.repository}/releases/tags/{quote(tag, safe='')}", {})
        release = None if answer.status == 404 else self._release(self._read(answer))
        if release is None or release.version is None:
            raise SourceFailed(FaultKind.GITHUB_NO_TAG, tag=tag)
        return release

    def signature(self, asset: Asset) -> str:
        """The content of a .sig file, fetched as updaters fetch the update beside it: without a token. Raises SourceFailed."""
        try:
            answer = outbound.door().request(
                "GET",
                asset.url,
                deadline=self.deadline,
                max_bytes=MOST_SIGNATURE_BYTES,
                max_redirects=MOST_REDIRECTS,
                trusted=_origin(asset.url) == _origin(self.base),
            )
        except TimedOut:
            raise self._too_slow() from None
        except AnswerTooLarge:
            most = str(MOST_SIGNATURE_BYTES // 1024)
            raise SourceFailed(FaultKind.GITHUB_FILE_TOO_LARGE, name=asset.name, most=most) from None
        except OutboundError as error:
            raise SourceFailed(FaultKind.GITHUB_FILE_NOT_REACHED, name=asset.name, reason=str(error.reason)) from None
        if answer.status != 200:
            raise SourceFailed(FaultKind.GITHUB_FILE, name=asset.name, status=str(answer.status))
        return answer.content.decode(errors="replace")

    def _ask(self, address: str, headers: Mapping[str, str]) -> Answer:
        known = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
        if settings.SAGE_GITHUB_TOKEN:
            known["Authorization"] = f"Bearer {settings.SAGE_GITHUB_TOKEN}"
        try:
            answer = outbound.door().request(
                "GET",
                address,
                headers={**known, **headers},
                deadline=self.deadline,
                max_bytes=MOST_BYTES,
                max_redirects=MOST_REDIRECTS,  # GitHub redirects from a repository's former name.
                trusted=True,
            )
        except TimedOut:
            failed = self._too_slow()
        except AnswerTooLarge:
            failed = SourceFailed(FaultKind.GITHUB_TOO_LARGE, most=str(MOST_BYTES // 1024**2))
        except OutboundError as error:
            failed = SourceFailed(FaultKind.GITHUB_NOT_REACHED, host=self.host, reason=str(error.reason))
        else:
            return answer
        # Raised out here, since within the block it would hold the other error, and that one the request with its token.
        raise failed

    def _read(self, answer: Answer) -> object:
        if answer.status == 401:
            raise SourceFailed(FaultKind.GITHUB_BAD_TOKEN)
        if (until := _limited_until(answer)) is not None:
            raise SourceFailed(FaultKind.GITHUB_RATE_LIMIT, time=f"{until:%Y-%m-%d %H:%M}")
        if answer.status == 403:
            raise SourceFailed(FaultKind.GITHUB_FORBIDDEN, repository=self.repository)
        if answer.status != 200:
            raise SourceFailed(FaultKind.GITHUB_STATUS, status=str(answer.status))
        try:
            return json.loads(answer.content)
        except (ValueError, RecursionError):
            raise self._unreadable() from None

    def _release(self, row: object) -> GitHubRelease | None:
        try:
            return _release(row)
        except (TypeError, KeyError, ValueError, OverflowError):
            raise self._unreadable() from None

    def _too_slow(self) -> SourceFailed:
        return SourceFailed(FaultKind.GITHUB_TOO_SLOW, seconds=f"{SECONDS:.0f}")

    def _unreadable(self) -> SourceFailed:
        return SourceFailed(FaultKind.GITHUB_UNREADABLE, host=self.host)


def version_of(tag: str) -> Version | None:
    """The version that a tag says: behind the prefix of the settings, and perhaps with a `v`."""
    prefix: str = settings.SAGE_GITHUB_TAG_PREFIX
    return version_in(without_prefix(tag.removeprefix(prefix))) if tag.startswith(prefix) else None


def _limited_until(answer: Answer) -> datetime | None:
    """Until when GitHub answers nothing more, in UTC; None where that is not what it said."""
    waits, reset = (_number(answer.headers.get(name, "")) for name in ("Retry-After", "X-RateLimit-Reset"))
    is_spent = answer.headers.get("X-RateLimit-Remaining") == "0"
    if answer.status != 429 and not (answer.status == 403 and (is_spent or waits is not None)):
        return None
    now = timezone.now().astimezone(UTC)
    wait = LIMITED_FOR
    if waits is not None:
        wait = timedelta(seconds=waits)
    elif is_spent and reset is not None:
        wait = timedelta(seconds=reset - now.timestamp())
    # Told in minutes, so the next full one.
    return now + min(max(wait, timedelta()), LIMITED_AT_MOST) + timedelta(seconds=59)


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else None


def _origin(address: str) -> tuple[str, str, int] | None:
    try:
        return parse(address).origin
    except MalformedAddress:
        return None


def _release(row: Any) -> GitHubRelease | None:
    """None for a draft. Raises TypeError, KeyError, ValueError or OverflowError for what is no release as GitHub tells of one."""
    if _flag(row["draft"]):
        return None
    tag, notes, published_at = _text(row["tag_name"]), row["body"], parse_datetime(_text(row["published_at"]))
    if published_at is None or published_at.tzinfo is None:
        raise ValueError
    return GitHubRelease(
        tag=tag,
        version=version_of(tag),
        is_pre_release=_flag(row["prerelease"]),
        # What is written in GitHub's own form has the line ends of a form.
        notes="" if notes is None else _text(notes).replace("\r\n", "\n"),
        published_at=published_at.astimezone(UTC),
        assets=tuple(
            Asset(_name(one["name"]), _text(one["state"]) == "uploaded", _text(one["browser_download_url"]))
            for one in _rows(row["assets"])
        ),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _rows(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError
    return value


def _name(value: object) -> str:
    """It is told to people and kept with what is wrong."""
    name = _text(value)
    if not name.isprintable() or len(name) > LONGEST_NAME:
        raise ValueError
    return name


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value

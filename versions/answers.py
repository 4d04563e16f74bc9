"""What `check` and `latest` answer: from the published releases to the exact bytes. Neither database nor time is in it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import lru_cache, partial
from hashlib import sha256
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import parse_qsl

import orjson
from django.utils.http import parse_etags
from django.utils.translation import gettext_lazy as _

from sage_platform.api.envelope import CONTENT_TYPE, as_json, to_json
from sage_platform.api.errors import InvalidInput
from versions.faults import FaultKind
from versions.semver import Version, version_in
from versions.services.judging import CandidateArtifact

# A client's query has a hundred characters or two.
LONGEST_QUERY = 2048
# Of `If-None-Match`. A longer one would be work in front of the gate; it is passed over, as if nothing were known.
LONGEST_CONDITION = 2048
# So many different queries are remembered. A fleet has as many as platforms times versions that are still in use.
REMEMBERED_QUERIES = 1024
# And so many different answers, each with the notes in it: more than updaters have platforms, and some ten megabytes at most.
REMEMBERED_FORMS = 64
NEEDED = ("target", "arch", "current_version")
# A cache may keep an answer, and asks each time whether it still holds.
CACHED = ("Cache-Control", "public, max-age=0, must-revalidate")
# Whoever asks from another site gets more headers, so that a cache must not give them this answer.
NO_SNIFFING = ("X-Content-Type-Options", "nosniff")
COMMON = (CACHED, ("Vary", "origin"), NO_SNIFFING)

Headers = tuple[tuple[str, str], ...]


class Published(NamedTuple):
    """A published release, or what a draft would be as one."""

    version: Version
    release_notes: str
    pub_date: datetime
    artifacts: tuple[CandidateArtifact, ...]


@dataclass(frozen=True)
class Question:
    """What a client of the dynamic form asks: the platforms that it takes, the best first, and the version that it has."""

    platforms: tuple[str, ...]
    current_version: Version


@dataclass(frozen=True)
class PreparedAnswer:
    """A whole HTTP answer but for the headers that depend on the request. `etag` is empty where there is nothing to compare."""

    status: HTTPStatus
    headers: Headers
    body: bytes = b""
    etag: str = ""

    @classmethod
    def of(cls, content: Mapping[str, object]) -> "PreparedAnswer":
        body = to_json(content)
        etag = strong_etag(body)
        length = ("Content-Length", str(len(body)))
        return cls(HTTPStatus.OK, (("Content-Type", CONTENT_TYPE), length, ("ETag", etag), *COMMON), body, etag)

    @property
    def status_line(self) -> str:
        return f"{self.status.value} {self.status.phrase}"

    def unless_known(self, if_none_match: str) -> "PreparedAnswer":
        """This answer, or that the client has it already."""
        if not self.etag or not is_known(self.etag, if_none_match):
            return self
        return PreparedAnswer(HTTPStatus.NOT_MODIFIED, (("ETag", self.etag), *COMMON))


NOTHING_NEW = PreparedAnswer(HTTPStatus.NO_CONTENT, COMMON)


class Offer(NamedTuple):
    release: Published
    artifact: CandidateArtifact

    @property
    def version(self) -> Version:
        return self.release.version


class Latest(NamedTuple):
    """`data` of the envelope, as JSON, and its ETag: time and id of the request, which are around it, are not in that."""

    data: orjson.Fragment
    etag: str


class Answers:
    """Of one state of the releases. `prefix` stands before the addresses of updates."""

    def __init__(self, releases: Iterable[Published], *, prefix: str) -> None:
        stable = sorted((release for release in releases if release.version.is_stable), key=version_of, reverse=True)
        self.static = next(
            (static_form(one, prefix) for one in stable if any(artifact.is_update for artifact in one.artifacts)), NOTHING_NEW
        )
        offers: dict[str, Offer] = {}
        for release in stable:
            for artifact in release.artifacts:
                if artifact.is_update and artifact.platform not in offers:
                    offers[artifact.platform] = Offer(release, artifact)
        # Nothing of these refers back to this object, so that it goes as soon as the next one is there.
        chosen = lru_cache(maxsize=REMEMBERED_QUERIES)(partial(choose, offers))
        written = lru_cache(maxsize=REMEMBERED_FORMS)(partial(dynamic_form, offers, prefix))
        self.check = partial(answer_to, self.static, chosen, written)
        self.latest = latest(stable[0] if stable else None, prefix)


def answer_to(
    static: PreparedAnswer, chosen: Callable[[str], str | None], written: Callable[[str], PreparedAnswer], query: str
) -> PreparedAnswer:
    """Raises InvalidInput for a query that cannot be answered."""
    platform = chosen(query)
    return static if platform is None else written(platform) if platform else NOTHING_NEW


def choose(offers: Mapping[str, Offer], query: str) -> str | None:
    """The platform whose offer is the answer, empty where nothing is new, and None where the static form is asked."""
    question = read_query(query)
    if question is None:
        return None
    found = [offers[platform] for platform in question.platforms if platform in offers]
    # The newest release; of its platforms the one that the client would rather have, which `max` finds first.
    best = max(found, key=version_of, default=None)
    return best.artifact.platform if best is not None and best.version > question.current_version else ""


def read_query(query: str) -> Question | None:
    """What is asked, or None where it is the static form. The same parameter again counts as it is the last time."""
    if len(query) > LONGEST_QUERY:
        raise InvalidInput([("query", _("The query is too long: {most} characters at most.").format(most=LONGEST_QUERY))])
    given = dict(parse_qsl(query, keep_blank_values=True))
    missing = [name for name in NEEDED if name not in given]
    if len(missing) == len(NEEDED):
        return None
    if missing:
        raise InvalidInput([(name, _("Give target, arch and current_version, or none of them.")) for name in missing])
    # Clients write the version as it is, and in a query a plus stands for a space.
    current = version_in(given["current_version"].replace(" ", "+"))
    if current is None:
        raise InvalidInput([("current_version", str(FaultKind.VERSION.label))])
    return Question(platforms_of(given["target"], given["arch"], given.get("bundle_type", "")), current)


def platforms_of(target: str, arch: str, bundle: str) -> tuple[str, ...]:
    """An application may set a target of its own, which is then a whole platform such as `darwin-universal`."""
    whole = [target] if "-" in target else []
    names = [(f"{platform}-{bundle}", platform) for platform in (*whole, f"{target}-{arch}")]
    return tuple(name for pair in names for name in pair)


def static_form(release: Published, prefix: str) -> PreparedAnswer:
    updates = {
        one.platform: {"url": prefix + one.updater_url, "signature": one.updater_signature}
        for one in release.artifacts
        if one.is_update
    }
    return PreparedAnswer.of(
        {
            "version": str(release.version),
            "notes": release.release_notes,
            "pub_date": release.pub_date,
            "platforms": updates,
        }
    )


def dynamic_form(offers: Mapping[str, Offer], prefix: str, platform: str) -> PreparedAnswer:
    release, artifact = offers[platform]
    return PreparedAnswer.of(
        {
            "version": str(release.version),
            "url": prefix + artifact.updater_url,
            "signature": artifact.updater_signature,
            "notes": release.release_notes,
            "pub_date": release.pub_date,
        }
    )


def latest(release: Published | None, prefix: str) -> Latest:
    data = as_json(release and latest_data(release, prefix))
    return Latest(data, strong_etag(to_json(data)))


def latest_data(release: Published, prefix: str) -> dict[str, object]:
    return {
        "version": str(release.version),
        "release_notes": release.release_notes,
        "pub_date": release.pub_date,
        "artifacts": [asdict(one) | {"updater_url": one.updater_url and prefix + one.updater_url} for one in release.artifacts],
    }


def version_of(one: Published | Offer) -> Version:
    return one.version


def strong_etag(content: bytes) -> str:
    return f'"{sha256(content).hexdigest()[:32]}"'


def is_known(etag: str, if_none_match: str) -> bool:
    """RFC 9110 §13.1.2. The comparison is the weak one: a proxy that compresses an answer weakens its ETag."""
    known = parse_etags(if_none_match) if len(if_none_match) <= LONGEST_CONDITION else []
    return "*" in known or etag in {one.removeprefix("W/") for one in known}

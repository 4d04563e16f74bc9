"""What a worker answers `check` and `latest` from, and how it learns of a write (docs/api.md#updates).

A million desktops ask. So no request reads the database: one thread of the worker does, as long as somebody asks, and keeps what
it found as a snapshot that is replaced as a whole.
"""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from logging import getLogger
from threading import Condition, Thread
from typing import NamedTuple, Protocol

from django.conf import settings
from django.db import connection
from prometheus_client import Gauge

from sage_platform.databases.own_connection import use_own_connection
from sage_platform.turns import turns
from versions.answers import Answers, Published
from versions.models import Artifact, Release, Revision
from versions.semver import Version
from versions.services.judging import OF_ARTIFACT, CandidateArtifact

log = getLogger("sage.releases")
# So often the revision is read.
LOOK_SECONDS = 0.5
# For so long a snapshot counts after its revision was read: a publish shows on every worker within that time.
FRESH_SECONDS = 1.0
# A look that takes longer finds a database that does not answer. It is less than what is left of the second above when a look
# begins: so no request waits while a database freezes.
SILENT_SECONDS = 0.4
# While the database is away, the last snapshot stands for so long.
STALE_SECONDS = 300.0
# The thread rests when nobody has asked for so long.
IDLE_SECONDS = 60.0
# A request that finds no snapshot, and whoever has written, waits for the thread for so long.
WAIT_SECONDS = 1.0
# How long the thread waits for the answer to a statement.
DATABASE_SECONDS = 3.0
# A look is repeated when a write came between its queries.
TRIES = 5


class Source(Protocol):
    """Where the releases are."""

    def open(self) -> None: ...

    def revision(self) -> int: ...

    def published(self) -> list[Published]: ...

    def close(self) -> None: ...


class StoredReleases:
    """The database. The thread asks it by a connection of its own (`open`)."""

    def open(self) -> None:
        use_own_connection(answer_seconds=DATABASE_SECONDS)

    def revision(self) -> int:
        return Revision.current()

    def published(self) -> list[Published]:
        artifacts: dict[int, list[CandidateArtifact]] = {}
        rows_of = Artifact.objects.filter(release__state=Release.State.PUBLISHED)
        for release, *row in rows_of.values_list("release_id", *OF_ARTIFACT):
            artifacts.setdefault(release, []).append(CandidateArtifact(*row))
        rows = Release.objects.published().values_list("pk", "version", "release_notes", "pub_date")
        return [
            Published(Version.parse(version), notes, pub_date, tuple(artifacts.get(pk, ())))
            for pk, version, notes, pub_date in rows
            if pub_date  # For the type alone: what was published has one, by the table's constraint.
        ]

    def close(self) -> None:
        # What is broken already may fail at this in any way.
        with suppress(Exception):
            connection.close()


class Snapshot(NamedTuple):
    """`confirmed_at` is a moment at which the database had this revision."""

    answers: Answers
    revision: int
    confirmed_at: float


class UnsettledError(Exception):
    """Releases were written again and again while they were read."""


class Feed:
    """`clock` is that of the rules; whoever waits does so by the real one."""

    def __init__(self, source: Source, clock: Callable[[], float] = time.monotonic) -> None:
        self._source = source
        self._clock = clock
        self.forget()

    def forget(self) -> None:
        """As in a new process. A fork takes the memory along, and no thread."""
        self._changed = Condition()
        self._thread: Thread | None = None
        self._snapshot: Snapshot | None = None
        self._asked_at = self._clock()
        # Since when the requests have been coming that no rest lies between.
        self._asked_since: float | None = None
        self._is_paused = False
        self._is_hurried = False
        # Of the looks: how many began, which ended last, whether it failed, and since when one is under way.
        self._begun = self._ended = 0
        self._has_failed = False
        self._looking_since: float | None = None
        # For the log: since when the database has been away, and whether it was told that answers end.
        self._away_since: float | None = None
        self._is_end_told = False

    # -- Requests --------------------------------------------------------------------------------------------------------

    def current(self) -> Answers | None:
        """What is to be answered now, or None while that is not known. It waits for nothing."""
        now = self._clock()
        if self._asked_since is None or now - self._asked_at >= IDLE_SECONDS:
            self._asked_since = now
        self._asked_at = now
        snapshot = self._snapshot
        if snapshot is not None:
            age = now - snapshot.confirmed_at
            if age < FRESH_SECONDS or (age < STALE_SECONDS and self._is_away(now)):
                return snapshot.answers
        self._wake()
        return None

    def age(self) -> float:
        """How long ago it was confirmed what is answered, or how long there has been nothing to answer; 0 while nobody asks."""
        since, now = self._asked_since, self._clock()
        if since is None or now - self._asked_at >= IDLE_SECONDS:
            return 0.0
        snapshot = self._snapshot
        # What it was before they began to ask tells how long nobody asked.
        return max(0.0, now - max(since, snapshot.confirmed_at if snapshot is not None else since))

    def wait(self) -> Answers | None:
        """As `current`, but the thread is given a moment to find out. None means that the database is away."""
        if (answers := self.current()) is not None:
            return answers
        until = time.monotonic() + WAIT_SECONDS
        with turns.lent():
            while True:
                ended = self._ended
                # Asked in this order: what is away now is away when the answer is looked for, so that an old one is found.
                is_away = self._is_away(self._clock())
                if (answers := self.current()) is not None or is_away:
                    return answers
                if (left := until - time.monotonic()) <= 0:
                    return None
                with self._changed:
                    if self._ended == ended:
                        self._changed.wait(min(left, 0.1))

    def notice(self) -> None:
        """This process has written, and committed: wait until its own answers show it. While nobody asks there is no need."""
        with turns.lent(), self._changed:
            if self._thread is None or not self._thread.is_alive() or self._is_paused:
                return
            # One that is under way may have read before the commit.
            wanted = self._begun + 1
            self._is_hurried = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._ended >= wanted, timeout=WAIT_SECONDS)

    def _is_away(self, now: float) -> bool:
        """Whether the thread is at work, and the database does not answer it."""
        if self._thread is None or not self._thread.is_alive():
            return False
        since = self._looking_since
        return self._has_failed or (since is not None and now - since > SILENT_SECONDS)

    def _wake(self) -> None:
        with self._changed:
            self._is_paused = False
            self._changed.notify_all()
            if self._thread is None or not self._thread.is_alive():
                self._has_failed, self._looking_since = False, None
                thread = Thread(target=self._run, name="releases", daemon=True)
                # Without memory for a thread there is no answer, and the next request tries again.
                with suppress(RuntimeError):
                    thread.start()
                    self._thread = thread

    # -- The thread ------------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        self._source.open()
        while True:
            began = self._clock()
            self.look()
            self._rest(began)

    def look(self) -> None:
        """Ask the database once, and answer by what it says from now on."""
        with self._changed:
            self._begun += 1
            number, began = self._begun, self._clock()
            self._looking_since = began
        failure: Exception | None = None
        snapshot = self._snapshot
        try:
            snapshot = self._read(began)
        except Exception as error:  # noqa: BLE001  Whatever it is, the thread must go on, and answers end with the rules above.
            failure = error
            self._source.close()
        with self._changed:
            self._snapshot = snapshot
            self._has_failed = failure is not None
            self._looking_since = None
            self._ended = number
            self._changed.notify_all()
        self._log(failure)

    def _read(self, began: float) -> Snapshot:
        revision, known = self._source.revision(), self._snapshot
        if known is not None and known.revision == revision:
            return known._replace(confirmed_at=began)
        for _try in range(TRIES):
            published = self._source.published()
            # The same before and after: no write lies between the queries, whose results would not belong together.
            before, revision = revision, self._source.revision()
            if before == revision:
                return Snapshot(Answers(published, prefix=settings.SAGE_UPDATER_URL_PREFIX), revision, began)
        raise UnsettledError

    def _rest(self, began: float) -> None:
        """Until the next look is due, somebody has written, or, where nobody has asked for long, somebody asks."""
        if self._is_idle():
            self._source.close()
        with self._changed:
            if self._is_idle():
                self._is_paused, self._has_failed = True, False
                if self._snapshot is not None:
                    # Nobody tells a thread that rests of a write. After the rest this counts only if the database is away.
                    self._snapshot = self._snapshot._replace(confirmed_at=self._snapshot.confirmed_at - FRESH_SECONDS)
                self._changed.wait_for(lambda: not self._is_paused)
            else:
                # However long the look took, whoever else works in this process gets some time.
                left = max(LOOK_SECONDS / 10, began + LOOK_SECONDS - self._clock())
                self._changed.wait_for(lambda: self._is_hurried, timeout=left)
            self._is_hurried = False

    def _is_idle(self) -> bool:
        return self._clock() - self._asked_at >= IDLE_SECONDS

    def _log(self, failure: Exception | None) -> None:
        """A line when the database is away, one when its last answers end, and one when it is back."""
        now, snapshot = self._clock(), self._snapshot
        if failure is None:
            if self._away_since is not None:
                log.warning("releases are read again", extra={"facts": {"after_seconds": round(now - self._away_since, 1)}})
            self._away_since, self._is_end_told = None, False
            return
        if self._away_since is None:
            self._away_since = now
            cause = f"{type(failure).__name__}: {str(failure).partition(chr(10))[0][:200]}"
            log.error("releases cannot be read; the last answers stand for a while", extra={"facts": {"cause": cause}})
        if not self._is_end_told and snapshot is not None and now - snapshot.confirmed_at >= STALE_SECONDS:
            self._is_end_told = True
            log.error("releases cannot be read; check and latest answer 503 from now on")


# Of this process.
feed = Feed(StoredReleases())
AGE = Gauge(
    "sage_server_check_age_seconds",
    "How long ago what check answers was last confirmed, by the worker with the oldest; 0 while nobody asks.",
    multiprocess_mode="livemax",
)
os.register_at_fork(after_in_child=feed.forget)


def publish_age() -> None:
    AGE.set(feed.age())


def notice() -> None:
    """Releases were written by this process, and committed."""
    feed.notice()

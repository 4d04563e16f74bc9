"""What a worker answers from: how it learns of a write, and what counts while the database is away."""

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import StringIO
from threading import Event, Lock

import pytest

from versions import feed as module
from versions.answers import Answers, Published
from versions.feed import Feed
from versions.semver import Version
from versions.services.judging import CandidateArtifact

MAC = CandidateArtifact("darwin-aarch64", "", "https://dl.example/app.tar.gz", "c2ln")
WHEN = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
# For a machine that is busy with other tests.
SECONDS = 20


@dataclass
class Releases:
    """The database: one release, whose version and notes tell the revision. `block` freezes it, `broken` stops it."""

    number: int = 1
    broken: Exception | None = None
    opened: int = 0
    closed: int = 0
    looks: int = 0
    reads: int = 0
    # Writes that come while the releases are read.
    writes_between: int = 0
    block: Event = field(default_factory=Event)
    blocked: Event = field(default_factory=Event)

    def __post_init__(self) -> None:
        self.block.set()

    def open(self) -> None:
        self.opened += 1

    def revision(self) -> int:
        self.looks += 1
        number = self.number
        if not self.block.is_set():
            self.blocked.set()
            assert self.block.wait(SECONDS)
        if self.broken is not None:
            raise self.broken
        return number

    def published(self) -> list[Published]:
        self.reads += 1
        found = [Published(Version.parse(f"{self.number}.0.0"), f"Notes {self.number}", WHEN, (MAC,))]
        if self.writes_between:
            self.writes_between -= 1
            self.number += 1
        return found

    def close(self) -> None:
        self.closed += 1


@dataclass
class Time:
    """Stands still but for what a test says, so that each age is exact."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Worker:
    """Looks are made by the test, as the thread would make them."""

    releases: Releases
    time: Time
    feed: Feed

    def told(self) -> str | None:
        return version_in(self.feed.current())


def version_in(answers: Answers | None) -> str | None:
    return None if answers is None else answers.static.body.decode()[12:].partition('"')[0]


class AtWork(threading.Thread):
    """In the place of the feed's thread: it is alive, and the test makes the looks."""

    def is_alive(self) -> bool:
        return True


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Worker:
    monkeypatch.setattr(module, "Thread", lambda **_: AtWork(target=lambda: None))
    releases, clock = Releases(), Time()
    return Worker(releases, clock, Feed(releases, clock))


class TestRules:
    def test_before_the_first_look_nothing_is_known(self, worker: Worker) -> None:
        assert worker.told() is None
        worker.feed.look()
        assert worker.told() == "1.0.0"

    def test_what_was_confirmed_counts_for_a_second(self, worker: Worker) -> None:
        worker.told()
        worker.feed.look()
        worker.time.now += 0.99
        assert worker.told() == "1.0.0"
        worker.time.now += 0.01
        assert worker.told() is None

    @pytest.mark.parametrize("looks_before", [0, 1])
    def test_the_second_begins_before_the_revision_is_read(self, worker: Worker, looks_before: int) -> None:
        worker.told()
        for _ in range(looks_before):
            worker.feed.look()
        worker.time.now += 5
        read = worker.releases.revision

        def slow() -> int:
            worker.time.now += 0.9
            return read()

        worker.releases.revision = slow  # type: ignore[method-assign]
        worker.feed.look()
        worker.time.now += 0.1
        assert worker.told() is None

    def test_a_write_is_seen_by_the_next_look(self, worker: Worker) -> None:
        worker.feed.look()
        worker.releases.number = 2
        assert worker.told() == "1.0.0"
        worker.feed.look()
        assert worker.told() == "2.0.0"

    def test_without_a_write_nothing_is_read_but_the_revision(self, worker: Worker) -> None:
        for _ in range(3):
            worker.feed.look()
        assert (worker.releases.reads, worker.releases.looks) == (1, 2 + 1 + 1)

    def test_a_revision_that_went_back_is_another_one_too(self, worker: Worker) -> None:
        """As after a backup was put back."""
        worker.releases.number = 7
        worker.feed.look()
        worker.releases.number = 3
        worker.feed.look()
        assert worker.told() == "3.0.0"

    def test_a_write_between_the_queries(self, worker: Worker) -> None:
        worker.releases.writes_between = 3
        worker.feed.look()
        assert (worker.told(), worker.releases.reads) == ("4.0.0", 4)

    def test_writes_without_end(self, worker: Worker, log: StringIO) -> None:
        worker.told()
        worker.releases.writes_between = 100
        worker.feed.look()
        assert worker.told() is None
        assert "UnsettledError" in log.getvalue()

    @pytest.mark.parametrize("frozen", [True, False])
    def test_away_the_last_answer_stands_for_five_minutes(self, worker: Worker, frozen: bool) -> None:
        worker.told()
        worker.feed.look()
        confirmed = worker.time.now
        worker.time.now += 0.5
        if frozen:
            worker.feed._looking_since = worker.time.now  # A look that does not end.
        else:
            worker.releases.broken = OSError("connection refused")
            worker.feed.look()
        for age in (1.01, 60, 299.9):
            worker.time.now = confirmed + age
            assert worker.told() == "1.0.0", age
        worker.time.now = confirmed + 300
        assert worker.told() is None
        worker.releases.broken, worker.releases.number = None, 2
        worker.feed.look()
        assert worker.told() == "2.0.0"

    def test_away_from_the_start(self, worker: Worker) -> None:
        worker.releases.broken = OSError("connection refused")
        worker.told()
        worker.feed.look()
        assert worker.told() is None

    def test_slow_is_not_away(self, worker: Worker) -> None:
        """A look that began just now may still say that there was a write."""
        worker.told()
        worker.feed.look()
        worker.time.now += 1.2
        worker.feed._looking_since = worker.time.now - 0.4
        assert worker.told() is None
        worker.time.now += 0.2
        assert worker.told() == "1.0.0"

    def test_the_moment_at_which_a_look_counts_as_unanswered(self, worker: Worker) -> None:
        """Whichever step of a request it falls into, the request finds the last answer."""
        worker.told()
        worker.feed.look()

        def later() -> float:
            worker.time.now += 0.001
            return worker.time.now

        worker.feed._clock = later
        for steps in range(8):
            worker.time.now += 2
            worker.feed._looking_since = worker.time.now - module.SILENT_SECONDS + steps / 1000 + 0.0005
            assert version_in(worker.feed.wait()) == "1.0.0", steps

    def test_the_end_of_the_last_answers_is_one_line_of_the_log(self, worker: Worker, log: StringIO) -> None:
        for _outage in range(2):
            worker.releases.broken = None
            worker.feed.look()
            worker.releases.broken = OSError("connection refused")
            for _ in range(4):
                worker.time.now += 100
                worker.feed.look()
        told = [json.loads(line)["message"] for line in log.getvalue().splitlines()]
        away = "releases cannot be read; the last answers stand for a while"
        end = "releases cannot be read; check and latest answer 503 from now on"
        assert told == [away, end, "releases are read again", away, end]

    def test_an_outage_is_two_lines_of_the_log(self, worker: Worker, log: StringIO) -> None:
        worker.releases.broken = OSError("connection refused\nsecret details")
        for _ in range(5):
            worker.time.now += 0.5
            worker.feed.look()
        worker.releases.broken = None
        for _ in range(5):
            worker.feed.look()
        assert worker.releases.closed == 5
        first, second = log.getvalue().splitlines()
        assert '"message": "releases cannot be read; the last answers stand for a while"' in first
        assert '"cause": "OSError: connection refused"' in first
        assert '"message": "releases are read again", "after_seconds": 2.0' in second

    def test_a_thread_that_died_is_nobody_at_work(self, worker: Worker) -> None:
        worker.told()
        worker.feed.look()
        worker.releases.broken = OSError()
        worker.feed.look()
        worker.time.now += 10
        assert worker.told() == "1.0.0"
        worker.feed._thread = threading.Thread()
        assert worker.told() is None
        assert isinstance(worker.feed._thread, AtWork)


@pytest.fixture
def releases() -> Iterator[Releases]:
    made = Releases()
    yield made
    made.block.set()


@pytest.fixture
def feed(releases: Releases, monkeypatch: pytest.MonkeyPatch) -> Feed:
    """With its thread, whose pauses are short. A busy machine may be slow at a look, which is then waited for."""
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(module, "SILENT_SECONDS", SECONDS)
    monkeypatch.setattr(module, "WAIT_SECONDS", SECONDS)
    return Feed(releases)


@pytest.fixture
def soon_silent(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SILENT_SECONDS", 0.2)


def comes_true(condition: Callable[[], bool]) -> bool:
    until = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.005)
    return True


class TestThread:
    def test_there_is_none_before_the_first_question(self, feed: Feed, releases: Releases) -> None:
        feed.notice()
        assert (feed._thread, releases.looks) == (None, 0)

    def test_the_first_question_starts_it_and_waits(self, feed: Feed, releases: Releases) -> None:
        assert feed.current() is None
        assert version_in(feed.wait()) == "1.0.0"
        assert version_in(feed.current()) == "1.0.0"
        assert releases.opened == 1

    def test_however_many_ask_first_there_is_one(self, feed: Feed, releases: Releases) -> None:
        with ThreadPoolExecutor(64) as pool:
            told = list(pool.map(lambda _: version_in(feed.wait()), range(64)))
        assert set(told) == {"1.0.0"}
        assert (releases.opened, releases.reads) == (1, 1)

    def test_who_wrote_is_told_at_once(self, feed: Feed, releases: Releases, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "LOOK_SECONDS", SECONDS)
        monkeypatch.setattr(module, "FRESH_SECONDS", SECONDS)
        assert version_in(feed.wait()) == "1.0.0"
        for number in range(2, 30):
            releases.number = number
            feed.notice()
            assert version_in(feed.current()) == f"{number}.0.0"

    def test_a_look_that_began_before_the_commit_is_not_enough(
        self, feed: Feed, releases: Releases, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        feed.wait()
        releases.block.clear()
        assert releases.blocked.wait(SECONDS)  # It has read, and its answer is on the way.
        releases.number = 2
        read = releases.published

        def slow() -> list[Published]:
            time.sleep(0.2)
            return read()

        monkeypatch.setattr(releases, "published", slow)
        with ThreadPoolExecutor(1) as pool:
            told = pool.submit(feed.notice)
            assert comes_true(lambda: feed._is_hurried)
            releases.block.set()
            told.result(SECONDS)
        assert version_in(feed.current()) == "2.0.0"

    def test_others_see_a_write_by_themselves(self, feed: Feed, releases: Releases) -> None:
        feed.wait()
        releases.number = 2
        assert comes_true(lambda: version_in(feed.current()) == "2.0.0")

    @pytest.mark.usefixtures("soon_silent")
    def test_a_frozen_database_keeps_no_request(self, feed: Feed, releases: Releases) -> None:
        feed.wait()
        releases.blocked.clear()
        releases.block.clear()
        assert releases.blocked.wait(SECONDS)
        began = time.monotonic()
        while time.monotonic() - began < 1.5:
            before = time.monotonic()
            assert version_in(feed.wait()) == "1.0.0"
            assert time.monotonic() - before < 1.0
        releases.number = 2
        releases.block.set()
        assert comes_true(lambda: version_in(feed.current()) == "2.0.0")

    @pytest.mark.usefixtures("soon_silent")
    def test_a_frozen_database_from_the_start(self, feed: Feed, releases: Releases) -> None:
        releases.block.clear()
        began = time.monotonic()
        assert feed.wait() is None
        assert 0.1 < time.monotonic() - began < SECONDS / 2
        began = time.monotonic()
        assert feed.wait() is None
        assert time.monotonic() - began < 0.2

    @pytest.mark.parametrize("error", [OSError("gone"), RuntimeError("a bug"), MemoryError(), ValueError("no version")])
    def test_it_survives_whatever_is_raised(self, feed: Feed, releases: Releases, error: Exception) -> None:
        releases.broken = error
        assert feed.wait() is None
        thread = feed._thread
        releases.broken = None
        assert comes_true(lambda: version_in(feed.current()) == "1.0.0")
        assert feed._thread is thread

    def test_it_rests_when_nobody_asks_and_looks_first_when_somebody_does(
        self, feed: Feed, releases: Releases, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        feed.wait()
        monkeypatch.setattr(module, "IDLE_SECONDS", 0.1)
        assert comes_true(lambda: feed._is_paused)
        assert releases.closed >= 1  # No connection is held for nobody.
        looks = releases.looks
        time.sleep(0.1)
        assert releases.looks == looks
        releases.number = 2
        feed.notice()
        assert releases.looks == looks
        assert feed.current() is None
        assert version_in(feed.wait()) == "2.0.0"

    def test_after_a_rest_with_the_database_away(self, feed: Feed, releases: Releases, monkeypatch: pytest.MonkeyPatch) -> None:
        """Who asks is told the last answer, but only once the database was asked."""
        feed.wait()
        monkeypatch.setattr(module, "IDLE_SECONDS", 0.1)
        assert comes_true(lambda: feed._is_paused)
        monkeypatch.setattr(module, "IDLE_SECONDS", SECONDS)
        releases.broken = OSError()
        assert feed.current() is None
        assert version_in(feed.wait()) == "1.0.0"

    def test_after_a_rest_that_began_in_an_outage(self, feed: Feed, releases: Releases, monkeypatch: pytest.MonkeyPatch) -> None:
        """That the database was away then says nothing of now."""
        feed.wait()
        releases.broken = OSError()
        assert comes_true(lambda: feed._has_failed)
        monkeypatch.setattr(module, "IDLE_SECONDS", 0.1)
        assert comes_true(lambda: feed._is_paused)
        monkeypatch.setattr(module, "FRESH_SECONDS", 0.0)
        releases.broken, releases.number = None, 2
        releases.block.clear()
        assert feed.current() is None
        releases.block.set()

    def test_no_thread_can_be_started(self, feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
        class NoThread(threading.Thread):
            def start(self) -> None:
                raise RuntimeError("can't start new thread")

        with monkeypatch.context() as patch:
            patch.setattr(module, "Thread", NoThread)
            patch.setattr(module, "WAIT_SECONDS", 0.1)
            assert feed.wait() is None
        assert version_in(feed.wait()) == "1.0.0"

    def test_who_asks_while_it_changes_never_sees_a_mixture(self, feed: Feed, releases: Releases) -> None:
        """Version, notes, ETag and the dynamic form are of one state each time, whichever it is."""
        feed.wait()
        seen: set[str] = set()
        lock, over = Lock(), Event()

        def ask(_number: int) -> None:
            own = set()
            while not over.is_set():
                answers = feed.wait()
                assert answers is not None
                static = answers.check("")
                dynamic = answers.check("target=darwin&arch=aarch64&current_version=0.0.1")
                number = static.body.decode().partition('.0.0","notes"')[0].removeprefix('{"version":"')
                assert f'"version":"{number}.0.0","notes":"Notes {number}"' in static.body.decode()
                assert f'"version":"{number}.0.0","url"' in dynamic.body.decode()
                assert f'"notes":"Notes {number}"' in dynamic.body.decode()
                assert ("ETag", static.etag) in static.headers
                assert ("Content-Length", str(len(static.body))) in static.headers
                own.add(number)
                time.sleep(0.001)  # As a client's way to the server and back; else the threads of this test starve the feed's.
            with lock:
                seen.update(own)

        with ThreadPoolExecutor(65) as pool:
            asking = [pool.submit(ask, number) for number in range(64)]
            for _ in range(20):
                releases.number += 1
                feed.notice()
            over.set()
            for each in asking:
                each.result(SECONDS)
        assert len(seen) > 5

    def test_a_forked_process_begins_anew(self, feed: Feed, releases: Releases) -> None:
        feed.wait()
        releases.number = 2
        source, told = os.pipe()
        with feed._changed:  # Held by another thread at the moment of the fork.
            child = os.fork()
            if child == 0:
                try:
                    feed.forget()
                    os.write(told, (version_in(feed.wait()) or "nothing").encode())
                finally:
                    os._exit(0)
        try:
            assert os.read(source, 20) == b"2.0.0"
        finally:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def test_a_fork_forgets_what_the_process_knew() -> None:
    """The one feed of a process is registered for it."""
    module.feed._begun = 5
    child = os.fork()
    if child == 0:
        os._exit(0 if module.feed._begun == 0 else 1)
    _pid, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0

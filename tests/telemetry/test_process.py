"""What a worker publishes of itself."""

import gc
import threading
from typing import Any

import pytest

from sage_platform.telemetry import process
from sage_platform.telemetry.multiprocess import worker
from sage_platform.telemetry.process import Publisher


def test_the_processors_time_is_added_up_and_never_falls() -> None:
    own = Publisher()
    own.publish()
    first = process.PROCESSOR._value.get()
    sum(range(200_000))
    own.publish()
    second = process.PROCESSOR._value.get()
    assert 0 < second - first < 10
    own.publish()
    assert process.PROCESSOR._value.get() >= second


def test_collections_are_counted_by_generation() -> None:
    own = Publisher()
    own.publish()
    before = [process.COLLECTIONS.labels(str(generation))._value.get() for generation in range(3)]
    gc.collect(1)
    gc.collect(2)
    gc.collect(2)
    own.publish()
    after = [process.COLLECTIONS.labels(str(generation))._value.get() for generation in range(3)]
    assert after[1] - before[1] >= 1
    assert after[2] - before[2] >= 2


def test_what_is_set_aside_is_an_object_too_and_is_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def frozen() -> int:
        asked.append(1)
        return 1_000_000

    monkeypatch.setattr(gc, "get_freeze_count", frozen)
    own = Publisher()
    own.look_at_frozen()
    for _ in range(3):
        own.publish()
        assert process.OBJECTS._value.get() > 1_000_000
    assert asked == [1]


def test_it_goes_on_when_no_file_is_left_to_be_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    over = threading.Event()

    def publish() -> None:
        done.append("published")
        raise OSError(24, "Too many open files")

    def sleep(seconds: float) -> None:
        assert seconds == 5
        if len(done) >= 6:
            over.set()
            threading.Event().wait()  # It never ends by itself.

    monkeypatch.setattr(process.publisher, "publish", publish)
    monkeypatch.setattr(worker, "go_on", lambda: done.append("settled"))
    monkeypatch.setattr(process, "time", type("Clock", (), {"sleep": staticmethod(sleep)}))
    process.publish_always()
    assert over.wait(20)
    assert done == ["settled", "published"] * 3


def test_one_publishes_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A scrape may come at the same time as the thread."""
    own, inside = Publisher(), []

    def once(*given: Any) -> None:
        inside.append(own._lock.locked())

    monkeypatch.setattr(own, "_publish", once)
    own.publish()
    assert inside == [True]

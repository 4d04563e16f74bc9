"""How old what desktops are told is, for the metrics."""

from prometheus_client import REGISTRY

from sage_platform.telemetry.process import publisher
from tests.versions.test_feed import Worker, worker

__all__ = ["worker"]


def asked_for(worker: Worker, seconds: int) -> float:
    """The age when a desktop has asked each second for so long."""
    for _ in range(seconds):
        worker.time.now += 1
        worker.told()
    return worker.feed.age()


def test_while_nobody_asks_there_is_none(worker: Worker) -> None:
    assert worker.feed.age() == 0
    worker.time.now += 1000
    assert worker.feed.age() == 0
    worker.told()
    worker.feed.look()
    worker.time.now += 59
    assert worker.feed.age() == 59
    worker.time.now += 1
    assert worker.feed.age() == 0


def test_it_is_that_of_the_last_confirmation(worker: Worker) -> None:
    worker.told()
    worker.feed.look()
    assert asked_for(worker, 10) == 10
    worker.feed.look()
    assert worker.feed.age() == 0
    worker.releases.broken = OSError("connection refused")
    for _ in range(4):
        asked_for(worker, 50)
        worker.feed.look()
    assert worker.feed.age() == 200
    worker.releases.broken = None
    worker.feed.look()
    assert worker.feed.age() == 0


def test_what_nobody_asked_for_was_not_late(worker: Worker) -> None:
    """The answer from before the rest is old, and nobody got it."""
    worker.told()
    worker.feed.look()
    worker.time.now += 7200
    worker.told()
    assert worker.feed.age() == 0
    assert asked_for(worker, 5) == 5
    worker.feed.look()
    assert worker.feed.age() == 0


def test_a_worker_that_never_had_an_answer(worker: Worker) -> None:
    worker.releases.broken = OSError("connection refused")
    worker.told()
    worker.feed.look()
    assert asked_for(worker, 40) == 40


def test_it_is_published_with_the_worker_s_other_figures() -> None:
    publisher.publish()
    assert REGISTRY.get_sample_value("sage_server_check_age_seconds") == 0

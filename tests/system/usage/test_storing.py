"""One batch at a time, and a rest after a large one. Time is the test's own."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from sage_platform.turns import turns
from system.usage import storing as module
from system.usage.storing import Storing


class Clock:
    """In the place of `time`. Whoever sleeps moves it on."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []
        self.turns_free: list[int] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 6))
        self.turns_free.append(turns._free)
        self.now += seconds


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def store(storing: Storing, time: Clock, events: int, seconds: float) -> None:
    with storing.alone(events):
        time.now += seconds


def test_after_a_large_batch_the_next_waits_half_as_long_as_it_took(time: Clock) -> None:
    storing = Storing()
    store(storing, time, 100, 0.03)
    store(storing, time, 1, 0.001)
    assert time.slept == [0.015]


def test_what_has_passed_since_is_a_part_of_the_rest(time: Clock) -> None:
    storing = Storing()
    store(storing, time, 500, 0.0625)
    time.now += 0.015625
    store(storing, time, 500, 0.0625)
    time.now += 0.0625
    store(storing, time, 500, 0.0625)
    assert time.slept == [0.015625]


def test_nobody_waits_after_a_small_one(time: Clock) -> None:
    storing = Storing()
    for _ in range(3):
        store(storing, time, 99, 0.2)
    assert time.slept == []


def test_a_batch_that_took_long_itself_makes_no_long_rest(time: Clock) -> None:
    """It may have waited for a lock of the database."""
    storing = Storing()
    store(storing, time, 500, 4)
    store(storing, time, 500, 4)
    assert time.slept == [0.05]


def test_one_that_fails_is_followed_by_a_rest_too(time: Clock) -> None:
    storing = Storing()
    with suppress(KeyError), storing.alone(500):
        time.now += 0.02
        raise KeyError
    store(storing, time, 500, 0.02)
    assert time.slept == [0.01]


def test_who_has_waited_for_long_stores_at_once(time: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    storing = Storing()
    store(storing, time, 500, 0.03)
    enter = storing._turns.enter

    def others_first() -> None:
        time.now += 0.5
        storing._rests_until = time.now + 0.03
        enter()

    monkeypatch.setattr(storing._turns, "enter", others_first)
    store(storing, time, 500, 0.03)
    assert time.slept == []


@contextmanager
def one_turn() -> Iterator[None]:
    turns.set_amount(1)
    try:
        with turns.taken():
            yield
    finally:
        turns.set_amount(0)


def test_others_have_the_turn_meanwhile(time: Clock) -> None:
    storing = Storing()
    with one_turn():
        store(storing, time, 500, 0.03)
        store(storing, time, 500, 0.03)
        assert turns._free == 0
    assert (time.slept, time.turns_free) == ([0.015], [1])

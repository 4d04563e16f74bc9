"""Turns: few at once, in the order of arrival, lent while waiting, and never a reason to stand still."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Barrier, Event, Lock, Thread

import pytest

from sage_platform import turns as module
from sage_platform.turns import Turns

SOON = 20.0


@contextmanager
def running(*acts: Callable[[], None]) -> Iterator[None]:
    """Each on a thread of its own, all of which end with the block."""
    failures: list[BaseException] = []

    def run(act: Callable[[], None]) -> None:
        try:
            act()
        except BaseException as error:  # noqa: BLE001  It is raised again on the thread of the test.
            failures.append(error)

    threads = [Thread(target=run, args=[act], daemon=True) for act in acts]
    for thread in threads:
        thread.start()
    yield
    for thread in threads:
        thread.join(SOON)
        assert not thread.is_alive()
    if failures:
        raise failures[0]


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


@pytest.mark.parametrize("amount", [1, 2, 3])
def test_so_many_run_at_once_and_no_more(amount: int) -> None:
    turns, lock, inside, most = Turns(amount), Lock(), [0], [0]

    def request() -> None:
        for _ in range(20):
            with turns.taken():
                with lock:
                    inside[0] += 1
                    most[0] = max(most[0], inside[0])
                time.sleep(0.0005)
                with lock:
                    inside[0] -= 1

    with running(*[request] * 8):
        pass
    assert (inside, most) == ([0], [amount])


def test_no_limit() -> None:
    turns, all_in = Turns(0), Barrier(16)

    def request() -> None:
        with turns.taken():
            all_in.wait(SOON)

    with running(*[request] * 16):
        pass


def test_they_are_served_in_the_order_of_their_arrival() -> None:
    turns, served, done = Turns(1), list[int](), Event()

    def holder() -> None:
        with turns.taken():
            done.wait(SOON)

    def waiter(number: int) -> Callable[[], None]:
        def run() -> None:
            with turns.taken():
                served.append(number)

        return run

    with running(holder):
        until(lambda: turns._free == 0)
        threads = []
        for number in range(10):
            threads.append(Thread(target=waiter(number)))
            threads[-1].start()
            until(lambda number=number: len(turns._waiting) == number + 1)  # type: ignore[misc]
        done.set()
        for thread in threads:
            thread.join(SOON)
    assert served == list(range(10))


def test_who_lends_is_next_before_all_who_came_later() -> None:
    turns, order = Turns(1), list[str]()
    lent, answered, first_of_the_later = Event(), Event(), Event()

    def early() -> None:
        with turns.taken():
            with turns.lent():
                lent.set()
                answered.wait(SOON)
            order.append("early")

    def later(name: str) -> Callable[[], None]:
        def run() -> None:
            lent.wait(SOON)
            with turns.taken():
                if not order:
                    first_of_the_later.set()
                    until(lambda: len(turns._waiting) == 2)  # The other one of the later, and then the early one.
                order.append(name)

        return run

    with running(early, later("later"), later("later")):
        first_of_the_later.wait(SOON)
        until(lambda: len(turns._waiting) == 1)
        answered.set()
    assert order == ["later", "early", "later"]


def test_everybody_can_wait_at_once_where_each_lends() -> None:
    """As with a database that is frozen: whoever waits for it stops nobody."""
    turns, all_waiting = Turns(1), Barrier(12)

    def request() -> None:
        with turns.taken(), turns.lent():
            all_waiting.wait(SOON)

    with running(*[request] * 12):
        pass
    with turns.taken():
        assert turns._free == 0
    assert turns._free == 1


def test_a_long_loop_gives_way_between_pieces() -> None:
    """Who waits has the turn after 50 items, and not after all of them."""
    turns, got, seen = Turns(1), list[int](), list[int]()

    def other() -> None:
        with turns.taken():
            got.append(len(seen))

    turns.enter()
    with running(other):
        until(lambda: bool(turns._waiting))
        for item in turns.giving_way(range(120)):
            seen.append(item)
        turns.leave()
    assert got == [50]
    assert seen == list(range(120))


def test_lending_may_be_nested_and_survives_what_is_raised() -> None:
    turns = Turns(1)
    with turns.taken():
        with suppress(KeyError), turns.lent():
            with turns.lent():
                assert turns._free == 1
            assert turns._free == 1
            raise KeyError
        assert turns._free == 0
    assert turns._free == 1


def test_a_thread_without_a_turn_has_none_to_lend() -> None:
    turns = Turns(1)
    with turns.lent():
        assert turns._free == 1
    assert turns._free == 1


def test_what_is_raised_gives_the_turn_back() -> None:
    turns = Turns(1)
    with pytest.raises(KeyError), turns.taken():
        raise KeyError
    assert turns._free == 1


def test_a_holder_that_hangs_slows_the_others_by_a_second_and_does_not_stop_them() -> None:
    turns, hangs, served = Turns(1), Event(), list[float]()

    def holder() -> None:
        with turns.taken():
            hangs.wait(SOON)

    with running(holder):
        until(lambda: turns._free == 0)
        began = time.monotonic()
        with turns.taken(), turns.lent():
            served.append(time.monotonic() - began)
        assert turns._waiting == []
        hangs.set()
    assert [1 <= took < 3 for took in served] == [True]
    assert turns._free == 1


def test_a_turn_that_comes_at_the_last_moment_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given while the waiter has just lost patience, over and over: none may be given twice, and none may vanish."""
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.0005)
    turns = Turns(1)

    def request() -> None:
        for _ in range(200):
            with turns.taken():
                time.sleep(0.0004)

    with running(*[request] * 6):
        pass
    assert (turns._free, turns._waiting) == (1, [])

"""Which requests are recorded: our own share, and what callers ask for, up to a bound."""

import time

import pytest

from sage_platform.telemetry.otlp import ASKED_A_SECOND, Sampler, new_trace_id


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The clock that the bound is counted by."""
    moment = [1000.2]
    monkeypatch.setattr(time, "monotonic", lambda: moment[0])
    return moment


def test_a_share_of_all_is_all_and_of_none_is_none() -> None:
    assert [Sampler(1).takes() for _ in range(1000)] == [True] * 1000
    assert [Sampler(0).takes() for _ in range(1000)] == [False] * 1000


def test_a_share_is_drawn() -> None:
    sampler = Sampler(0.5)
    assert 4000 < sum(sampler.takes() for _ in range(10_000)) < 6000


def test_who_asks_is_recorded_up_to_a_bound_each_second(now: list[float]) -> None:
    sampler = Sampler(0)
    assert sum(sampler.takes_asked() for _ in range(1000)) == ASKED_A_SECOND
    now[0] += 0.7
    assert sum(sampler.takes_asked() for _ in range(1000)) == 0
    now[0] += 0.3
    assert sum(sampler.takes_asked() for _ in range(1000)) == ASKED_A_SECOND


def test_who_asks_has_our_own_share_besides(now: list[float]) -> None:
    assert all(Sampler(1).takes_asked() for _ in range(1000))
    half = Sampler(0.5)
    assert 4000 < sum(half.takes_asked() for _ in range(10_000)) < 6000


def test_a_trace_that_nobody_records_has_an_id_all_the_same() -> None:
    ids = {new_trace_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert all(len(each) == 32 and int(each, 16) for each in ids)

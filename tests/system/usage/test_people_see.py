"""The report that people see: each list with its first lines, and how many more there are."""

from datetime import date

import pytest
from pytest_django import DjangoAssertNumQueries

from system.usage.days import Days
from system.usage.report import Line, Ranking, Report, Sums
from tests.people import Caller
from tests.system.usage.bodies import REPORT, batch, event

pytestmark = pytest.mark.usefixtures("noon")
DAY = date(2026, 11, 27)


def test_report(as_alice: Caller) -> None:
    called = event("a", model="m", input_tokens=5, occurred_at="2026-11-27T23:59:59Z")
    done = event("b", agent_id="other", count=3, occurred_at="2026-11-27T00:00:00Z")
    as_alice.post(REPORT, batch(called, done))
    one, three = Sums(calls=1, model_calls=1, input_tokens=5), Sums(calls=3)
    both = Sums(calls=4, model_calls=1, input_tokens=5)
    assert Report.of(Days(DAY, DAY), shown=1) == Report(
        days=Days(DAY, DAY),
        sums=both,
        sessions=1,
        by_day=[Line("2026-11-27", both)],
        by_agent=Ranking([Line("writer", one)], more=1),
        by_user=Ranking([Line("alice", both, label="alice")], more=0),
        by_action=Ranking([Line("search", both)], more=0),
        by_model=Ranking([Line("m", one)], more=0),
    )
    assert Report.of(Days(DAY, DAY), agent_id="other").sums == three


def test_of_one_user_all_is_theirs(as_alice: Caller, as_bob: Caller, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    """So nobody is ranked: one query less than of everybody."""
    as_alice.post(REPORT, batch(event("a", count=2, occurred_at="2026-11-27T12:00:00Z")))
    as_bob.post(REPORT, batch(event("b", occurred_at="2026-11-27T12:00:00Z")))
    with django_assert_num_queries(6):
        report = Report.of(Days(DAY, DAY), user_id="alice")
    assert (report.sums, report.by_user) == (Sums(calls=2), Ranking([Line("alice", Sums(calls=2), label="alice")], more=0))
    assert Report.of(Days(DAY, DAY), user_id="nobody").by_user == Ranking([], more=0)
    with django_assert_num_queries(7):
        assert Report.of(Days(DAY, DAY)).by_user.lines[0].name == "alice"

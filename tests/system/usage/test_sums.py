"""The sums are those of the events, in whatever order, split and repetition these come. Property-based."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from sage_platform.accounts.models import User
from system.usage.models import DailySession, DailyUsage, UsageCaller, UsageEvent, UsageName
from tests.people import Caller, envelope, signed_in
from tests.racing import at_once
from tests.system.usage.bodies import REPORT, batch, taken
from tests.system.usage.reporters import program
from tests.system.usage.stored import check_sums

pytestmark = pytest.mark.usefixtures("noon")
PEOPLE, PROGRAMS = ("alice", "bob"), ("robot", "crawler")
# Few of each, so that they meet.
TIMES = (
    None,
    "2026-11-27T23:59:59.999999Z",
    "2026-11-28T00:00:00Z",
    "2026-11-28T13:59:59+14:00",
    "2026-11-27T12:00:00-12:00",
    "2026-11-28T12:00:00.5Z",
)
numbers = st.none() | st.sampled_from([0, 1, 170_496, 10**12])
ids = st.sampled_from([f"e{number}" for number in range(8)])
events = st.fixed_dictionaries(
    {
        "agent_id": st.sampled_from(["writer", "\U0001f600"]),
        "session_id": st.sampled_from(["s1", "s2"]),
        "action": st.sampled_from(["search", "read"]),
        "user_id": st.sampled_from(PEOPLE),
        "request_source": st.sampled_from([None, "", "web"]),
        "model": st.sampled_from([None, "", "m", "n"]),
        "count": st.sampled_from([None, 1, 3, 10**6]),
        "input_tokens": numbers,
        "output_tokens": numbers,
        "cached_tokens": numbers,
        "reasoning_tokens": numbers,
        "occurred_at": st.sampled_from(TIMES),
    }
)
reporters = st.sampled_from([*PEOPLE, *PROGRAMS])
Event = Mapping[str, Any]
Delivery = tuple[str, list[tuple[str, Event]]]
# Who sends what. An id may come with other numbers each time.
deliveries = st.lists(st.tuples(reporters, st.lists(st.tuples(ids, events), min_size=1, max_size=8)), min_size=1, max_size=6)
many = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@dataclass
class Reporters:
    """The callers by name."""

    callers: dict[str, Caller] = field(default_factory=dict)

    def send(self, delivery: Delivery) -> dict[str, Any]:
        name, sent = delivery
        # A person's events are their own.
        own = {"user_id": name} if name in PEOPLE else {}
        caller = Caller(headers=self.callers[name].headers)
        return envelope(caller.post(REPORT, batch(*({"event_id": event_id, **event, **own} for event_id, event in sent))))


@pytest.fixture
def reports(alice: User, bob: User) -> Reporters:
    people = {user.pk: signed_in(user, token=True) for user in (alice, bob)}
    return Reporters(people | {name: program(name) for name in PROGRAMS})


def forget() -> None:
    for model in (UsageName, UsageEvent, UsageCaller, DailyUsage, DailySession):
        model.objects.all().delete()


def new_in(sent: Iterable[tuple[str, Event]], seen: set[str]) -> int:
    """How many of these are new, which they are no more then."""
    before = len(seen)
    seen.update(event_id for event_id, _event in sent)
    return len(seen) - before


@many
@given(deliveries=deliveries)
def test_one_after_the_other(reports: Reporters, deliveries: list[Delivery]) -> None:
    forget()
    seen: dict[str, set[str]] = {name: set() for name in reports.callers}
    first: dict[tuple[str, str], Event] = {}
    for name, sent in deliveries:
        new = new_in(sent, seen[name])
        assert reports.send((name, sent)) == taken(new, len(sent) - new)
        for event_id, event in sent:
            first.setdefault((name, event_id), event)
    stored = UsageEvent.objects.values_list("caller__name", "event_id", "count", "input_tokens")
    assert sorted(stored) == sorted((*key, event["count"] or 1, event["input_tokens"] or 0) for key, event in first.items())
    assert check_sums() == len(first)


@many
@given(data=st.data())
def test_the_order_and_the_split_are_all_the_same(reports: Reporters, data: st.DataObject) -> None:
    """The same events, each id with the same numbers, in one batch of each caller, and then in another order with repetitions."""
    planned = data.draw(st.dictionaries(reporters, st.dictionaries(ids, events, min_size=1), min_size=1))
    forget()
    for name, named in planned.items():
        reports.send((name, list(named.items())))
    wanted = sums()
    forget()
    pieces = [(name, [pair]) for name, named in planned.items() for pair in named.items()]
    for name, sent in data.draw(st.permutations(pieces)):
        more = data.draw(st.lists(st.sampled_from(list(planned[name].items())), max_size=5))
        reports.send((name, [*more[:2], *sent, *more[2:]]))
    assert sums() == wanted
    assert check_sums() == len(pieces)


def sums() -> list[Any]:
    return [
        sorted(tuple(row.values()) for row in model.objects.values(*names))
        for model in (DailyUsage, DailySession)
        for names in [[field.name for field in model._meta.fields if field.name != "id"]]
    ]


@pytest.mark.django_db(transaction=True)
@settings(many, max_examples=10, phases=[Phase.explicit, Phase.reuse, Phase.generate])  # No smaller race would be the same.
@given(deliveries=st.lists(deliveries, min_size=4, max_size=4))
def test_all_at_once(reports: Reporters, deliveries: list[list[Delivery]]) -> None:
    forget()

    def send(number: int) -> list[dict[str, Any]]:
        return [reports.send(delivery) for delivery in deliveries[number]]

    answers = [answer for of_thread in at_once(len(deliveries), send) for answer in of_thread]
    assert {answer["code"] for answer in answers} == {200}
    sent = {(name, event_id) for of_thread in deliveries for name, events in of_thread for event_id, _event in events}
    assert sum(answer["data"]["accepted"] for answer in answers) == len(sent)
    assert check_sums() == len(sent)

"""POST /api/system/agent/usage from many at the same moment. Processes do so in tests/e2e/test_usage_over_processes.py."""

from collections import Counter

import pytest
from django.db import transaction

from sage_platform.accounts.models import User
from system.usage.models import UsageCaller, UsageEvent
from tests.people import Caller, envelope, signed_in
from tests.racing import all_at_once, at_once, begin, where_rows_are_locked
from tests.system.usage.bodies import REPORT, batch, event, numbered, taken
from tests.system.usage.reporters import program
from tests.system.usage.stored import check_sums

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("noon")]


def again(caller: Caller) -> Caller:
    """The same at another connection."""
    return Caller(headers=caller.headers)


@pytest.fixture
def by_token(alice: User) -> Caller:
    return signed_in(alice, token=True)


def test_the_first_batch_of_a_caller_by_eight(by_token: Caller) -> None:
    answers = at_once(8, lambda _number: envelope(again(by_token).post(REPORT, numbered(100))))
    assert sorted(answers, key=str) == sorted([taken(100)] + [taken(0, 100)] * 7, key=str)
    assert UsageCaller.objects.values_list("name", "batches", "events_of_day", "names_of_day").get() == ("alice", 8, 100, 3)
    assert check_sums() == 100


def test_the_last_batches_of_a_minute(by_token: Caller) -> None:
    by_token.post(REPORT, numbered(1))
    UsageCaller.objects.update(batches=597)
    statuses = at_once(8, lambda number: again(by_token).post(REPORT, batch(event(f"of{number}"))).status_code)
    assert Counter(statuses) == {200: 3, 429: 5}
    assert (UsageCaller.objects.get().batches, check_sums()) == (600, 4)


@pytest.mark.parametrize(("counter", "used"), [("events_of_day", 99_970), ("names_of_day", 9_970)])
def test_the_last_room_of_a_day(counter: str, used: int, by_token: Caller) -> None:
    """Ten events with a session each: three batches fit."""
    by_token.post(REPORT, numbered(1))
    UsageCaller.objects.update(**{counter: used})

    def report(number: int) -> int:
        events = [event(f"of{number}-{one}", session_id=f"of{number}-{one}") for one in range(10)]
        return again(by_token).post(REPORT, batch(*events)).status_code

    assert Counter(at_once(8, report)) == {200: 3, 429: 5}
    assert (UsageEvent.objects.count(), UsageCaller.objects.values_list(counter, flat=True).get()) == (31, used + 30)
    assert check_sums() == 31


@where_rows_are_locked
def test_a_caller_waits_for_itself_alone(alice: User, bob: User) -> None:
    """While a batch of one is stored those of others come through, also for the same user."""
    robot, crawler, as_bob = program("robot"), program("crawler"), signed_in(bob, token=True)
    for_alice = batch(event(user_id="alice"))
    for caller in (robot, crawler):
        assert envelope(caller.post(REPORT, for_alice)) == taken(1)
    with transaction.atomic():
        UsageCaller.objects.select_for_update().get(name="robot")
        waits = begin(lambda: envelope(again(robot).post(REPORT, batch(event("e2", user_id="alice")))))
        assert not waits.done()
        meanwhile = all_at_once(
            lambda: envelope(as_bob.post(REPORT, batch(event("e2")))),
            lambda: envelope(crawler.post(REPORT, batch(event("e2", user_id="alice")))),
        )
        assert meanwhile == [taken(1), taken(1)]
        assert not waits.done()
    assert waits.result(20) == taken(1)
    assert check_sums() == 5

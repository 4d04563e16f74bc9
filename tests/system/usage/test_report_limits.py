"""POST /api/system/agent/usage: how many batches a minute, and what a plain user's day has room for."""

from datetime import date, datetime
from typing import Any

import pytest
from django.utils import timezone

from sage_platform.accounts.models import User
from system.usage.models import UsageCaller, UsageEvent, UsageName
from tests.answers import refused
from tests.clock import Clock
from tests.people import Caller, Response, envelope, signed_in
from tests.system.usage.bodies import MINE, REPORT, assert_mistake, batch, event, taken
from tests.system.usage.reporters import product_of, program
from tests.system.usage.stored import check_sums, everything

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]
TODAY = date(2026, 11, 28)
NO_ROOM = (
    "That is more than a day has room for: 100000 events, 10000 new agents, sessions and actions, "
    "20000 new combinations of names. The next day begins at midnight UTC."
)


def assert_too_many(response: Response, message: str, retry_after: int) -> None:
    assert (response.status_code, envelope(response)) == (429, refused(429, message))
    assert response.headers["Retry-After"] == str(retry_after)


def assert_too_soon(response: Response, retry_after: int) -> None:
    assert_too_many(response, "Too many requests. Please wait and try again.", retry_after)


def named(number: int, **fields: object) -> dict[str, Any]:
    return event(f"e{number}", **fields)


# -- Batches in a minute ---------------------------------------------------------------------------------------------------


def test_the_601st_batch_in_a_minute(clock: Clock, as_alice: Caller) -> None:
    assert envelope(as_alice.post(REPORT, batch(named(1)))) == taken(1)
    UsageCaller.objects.update(batches=599)
    clock.forward(seconds=10)
    assert envelope(as_alice.post(REPORT, batch(named(2)))) == taken(1)
    before = everything()
    clock.forward(seconds=20.5)
    for body in (batch(named(3)), batch(named(1))):
        assert_too_soon(as_alice.post(REPORT, body), 30)
    assert everything() == before
    clock.forward(seconds=29.4)
    assert_too_soon(as_alice.post(REPORT, batch(named(3))), 1)
    clock.forward(seconds=0.1)
    assert envelope(as_alice.post(REPORT, batch(named(3)))) == taken(1)
    assert UsageCaller.objects.values_list("batches", "minute_began").get() == (1, datetime.fromisoformat("2026-11-28T12:01:00Z"))


def test_a_minute_is_a_caller_s_own(as_alice: Caller, as_bob: Caller, as_admin: Caller, alice: User) -> None:
    """A product's batches are the person's; a program's its own. Administrators and programs have no more than others."""
    robot, other = program(), program("other")
    of_alice = batch(event(user_id="alice"))
    for caller in (as_alice, as_admin, robot):
        caller.post(REPORT, batch(named(1)) if caller is as_admin else of_alice)
    UsageCaller.objects.update(batches=600)
    for caller in (as_alice, product_of(alice), robot):
        assert_too_soon(caller.post(REPORT, of_alice), 60)
    assert_too_soon(as_admin.post(REPORT, batch(event())), 60)
    assert envelope(as_bob.post(REPORT, batch(event()))) == taken(1)
    assert envelope(other.post(REPORT, of_alice)) == taken(1)


def test_what_is_refused_as_it_stands_counts_no_batch(as_alice: Caller) -> None:
    as_alice.post(REPORT, batch(event()))
    for sent in (batch(), batch(named(2, count=0)), batch(named(2, user_id="bob"))):
        assert as_alice.post(REPORT, sent).status_code in {403, 422}
    assert UsageCaller.objects.get().batches == 1
    # A repetition does.
    as_alice.post(REPORT, batch(event()))
    assert UsageCaller.objects.get().batches == 2


def test_an_earlier_moment_begins_no_new_minute(clock: Clock, as_alice: Caller) -> None:
    """Those that come at once do not get there in the order of their times. A clock that was set back locks nobody out."""
    as_alice.post(REPORT, batch(event()))
    UsageCaller.objects.update(batches=600)
    clock.forward(seconds=-3)
    assert_too_soon(as_alice.post(REPORT, batch(event())), 63)
    clock.forward(minutes=-2)
    assert envelope(signed_in(as_alice.user).post(REPORT, batch(event()))) == taken(0, 1)


# -- A plain user's day ----------------------------------------------------------------------------------------------------


def test_the_100001st_event_of_a_day(clock: Clock, as_alice: Caller) -> None:
    assert envelope(as_alice.post(REPORT, batch(named(1)))) == taken(1)
    UsageCaller.objects.update(events_of_day=99_998)
    # Those of before count for nothing.
    assert envelope(as_alice.post(REPORT, batch(named(1), named(2), named(3)))) == taken(2, 1)
    assert UsageCaller.objects.get().events_of_day == 100_000
    before = everything()[1:]
    for late in ({}, {"occurred_at": "2026-11-27T12:00:00Z"}):
        assert_too_many(as_alice.post(REPORT, batch(named(1), named(4, **late))), NO_ROOM, 12 * 3600)
    chinese = (
        "超出了一天的上限：100000 个事件，10000 个新的智能体、会话和操作名称，20000 个新的名称组合。新的一天从 UTC 零点开始。"
    )
    assert_too_many(as_alice.post(REPORT, batch(named(4)), Accept_Language="zh-CN"), chinese, 12 * 3600)
    assert everything()[1:] == before
    # An answer that was lost is still to be had.
    assert envelope(as_alice.post(REPORT, batch(named(1), named(2), named(3)))) == taken(0, 3)
    assert UsageCaller.objects.values_list("events_of_day", "names_of_day", "day").get() == (100_000, 3, TODAY)
    clock.forward(hours=11, minutes=59, seconds=59.9)
    assert_too_many(as_alice.post(REPORT, batch(named(4))), NO_ROOM, 1)
    clock.forward(seconds=0.1)
    assert envelope(as_alice.post(REPORT, batch(named(4)))) == taken(1)
    assert UsageCaller.objects.values_list("events_of_day", "names_of_day", "day").get() == (1, 0, date(2026, 11, 29))
    assert check_sums() == 4


def test_more_at_once_than_there_is_room_for(as_alice: Caller) -> None:
    as_alice.post(REPORT, batch(named(1)))
    UsageCaller.objects.update(events_of_day=99_999)
    before = everything()[1:]
    assert_too_many(as_alice.post(REPORT, batch(named(2), named(3))), NO_ROOM, 12 * 3600)
    assert everything()[1:] == before
    assert envelope(as_alice.post(REPORT, batch(named(2)))) == taken(1)


@pytest.mark.parametrize("kind", ["agent_id", "session_id", "action"])
def test_the_10001st_name_of_a_day(kind: str, clock: Clock, as_alice: Caller) -> None:
    assert envelope(as_alice.post(REPORT, batch(named(1, agent_id="a", session_id="a", action="a")))) == taken(1)
    assert UsageCaller.objects.get().names_of_day == 3
    UsageCaller.objects.update(names_of_day=9_999)
    same = {"agent_id": "a", "session_id": "a", "action": "a"}
    assert envelope(as_alice.post(REPORT, batch(named(2, **same), named(3, **same | {kind: "b"})))) == taken(2)
    before = everything()[1:]
    assert_too_many(as_alice.post(REPORT, batch(named(4, **same | {kind: "c"}))), NO_ROOM, 12 * 3600)
    assert everything()[1:] == before
    # Names that are known, models and sources are none of them.
    known = same | {kind: "b", "model": "new", "request_source": "new"}
    assert envelope(as_alice.post(REPORT, batch(named(4, **known)))) == taken(1)
    clock.forward(days=1)
    assert envelope(as_alice.post(REPORT, batch(named(5, **same | {kind: "c"})))) == taken(1)
    assert UsageCaller.objects.get().names_of_day == 1
    assert list(UsageName.objects.order_by("pk").values_list("name", "first_day"))[-1] == ("c", date(2026, 11, 29))


def test_the_20001st_combination_of_a_day(clock: Clock, as_alice: Caller, as_bob: Caller) -> None:
    """Each is a row that no age removes: of a day with agent, action and model, or with session, agent and source."""
    same = {"agent_id": "a", "session_id": "a", "action": "a"}

    def of_day() -> int:
        return UsageCaller.objects.values_list("sums_of_day", flat=True).get(name="alice")

    assert envelope(as_bob.post(REPORT, batch(named(1, **same)))) == taken(1)
    assert envelope(as_alice.post(REPORT, batch(named(1, **same), named(2, **same)))) == taken(2)
    assert of_day() == 2
    assert envelope(as_alice.post(REPORT, batch(named(3, **same, model="m"), named(4, **same, request_source="s")))) == taken(2)
    assert of_day() == 4
    UsageCaller.objects.filter(name="alice").update(sums_of_day=19_999)
    assert envelope(as_alice.post(REPORT, batch(named(5, **same, model="n"), named(6, **same, model="m")))) == taken(2)
    assert of_day() == 20_000
    before = everything()[1:]
    for new in ({"model": "o"}, {"request_source": "o"}, {"occurred_at": "2026-11-27T12:00:00Z"}):
        assert_too_many(as_alice.post(REPORT, batch(named(7, **same, **new))), NO_ROOM, 12 * 3600)
    assert everything()[1:] == before
    assert envelope(as_alice.post(REPORT, batch(named(7, **same, model="m", request_source="s")))) == taken(1)
    clock.forward(days=1)
    assert envelope(as_alice.post(REPORT, batch(named(8, **same, model="o")))) == taken(1)
    assert of_day() == 2


def test_one_name_of_three_kinds_is_three(as_alice: Caller, as_bob: Caller) -> None:
    """And of two people two."""
    for caller in (as_alice, as_bob):
        caller.post(REPORT, batch(named(1, agent_id="a", session_id="a", action="a")))
    assert list(UsageCaller.objects.values_list("names_of_day", flat=True)) == [3, 3]


def test_a_day_that_is_full_takes_ten_tries_a_minute(clock: Clock, as_alice: Caller) -> None:
    """Else whoever has filled their day could have the platform insert a thousand rows for nothing all the time."""
    as_alice.post(REPORT, batch(named(1)))
    UsageCaller.objects.update(events_of_day=100_000, batches=0)
    before = everything()[1:]
    for _ in range(10):
        assert_too_many(as_alice.post(REPORT, batch(named(2))), NO_ROOM, 12 * 3600)
    for sent in (named(2), named(1)):
        assert_too_soon(as_alice.post(REPORT, batch(sent)), 60)
    assert (UsageCaller.objects.get().batches, everything()[1:]) == (600, before)
    # An answer that was lost is still to be had, a minute later.
    clock.forward(minutes=1)
    assert envelope(as_alice.post(REPORT, batch(named(1)))) == taken(0, 1)
    assert_too_many(as_alice.post(REPORT, batch(named(2))), NO_ROOM, 12 * 3600 - 60)


def test_one_of_before_midnight_that_comes_after_it(clock: Clock, alice: User) -> None:
    """It counts in the new day, and does not give its room back."""
    clock.set("2026-11-29T00:00:00Z")
    as_alice = signed_in(alice)
    as_alice.post(REPORT, batch(named(1)))
    UsageCaller.objects.update(events_of_day=100_000)
    clock.forward(seconds=-1)
    assert_too_many(as_alice.post(REPORT, batch(named(2))), NO_ROOM, 1)
    # A clock that was wrong by years locks nobody out.
    UsageCaller.objects.update(day=date(2036, 1, 1))
    assert envelope(as_alice.post(REPORT, batch(named(2)))) == taken(1)


def test_the_events_are_judged_first(as_alice: Caller) -> None:
    as_alice.post(REPORT, batch(named(1)))
    UsageCaller.objects.update(events_of_day=100_000, batches=600)
    assert_mistake(as_alice.post(REPORT, batch(named(2, count=0))), "events.0.count", "A whole number from 1 to 1000000.")


def test_administrators_and_programs_have_no_such_day(as_admin: Caller, alice: User) -> None:
    robot = program()
    for caller, user_id in ((as_admin, "admin"), (robot, "alice")):
        caller.post(REPORT, batch(named(1, user_id=user_id)))
        UsageCaller.objects.update(day=TODAY, events_of_day=100_000, names_of_day=10_000)
        assert envelope(caller.post(REPORT, batch(named(2, user_id=user_id, agent_id="new")))) == taken(1)
    assert not UsageName.objects.exists()


@pytest.mark.parametrize("role", ["admin", "user"])
def test_the_role_counts_that_the_database_holds_now(role: str, as_alice: Caller, alice: User) -> None:
    as_alice.post(REPORT, batch(named(1)))
    UsageCaller.objects.update(events_of_day=100_000)
    User.objects.update(role=role)
    assert as_alice.post(REPORT, batch(named(2))).status_code == (200 if role == "admin" else 429)
    assert product_of(alice).post(REPORT, batch(named(3))).status_code == (200 if role == "admin" else 429)


def test_a_real_day_of_names(as_alice: Caller) -> None:
    """Counted, and not only added to a number that was set."""
    for start in range(0, 9_000, 1_000):
        events = [named(start + one, session_id=f"s{start + one}") for one in range(1_000)]
        assert envelope(as_alice.post(REPORT, batch(*events))) == taken(1_000)
    # Nine thousand sessions, one agent, one action.
    events = [named(9_000 + one, session_id=f"s{9_000 + one}") for one in range(999)]
    assert_too_many(as_alice.post(REPORT, batch(*events)), NO_ROOM, 12 * 3600)
    assert envelope(as_alice.post(REPORT, batch(*events[:-1]))) == taken(998)
    assert UsageEvent.objects.count() == 9_998
    assert (timezone.now().date(), UsageCaller.objects.get().names_of_day) == (TODAY, 10_000)
    assert envelope(as_alice.post(MINE, {"days": 1}))["data"]["usage"] == {"search": 9_998}

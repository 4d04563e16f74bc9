"""POST /api/system/agent/usage: when an event was, and in which day it counts."""

from typing import Any

import pytest
from django.test import override_settings
from django.utils import timezone
from pytest_django import Settings

from sage_platform.accounts.models import User
from tests.answers import success
from tests.clock import Clock
from tests.people import Caller, envelope, signed_in
from tests.system.usage.bodies import MINE, REPORT, TOKENS, assert_mistake, batch, event, taken
from tests.system.usage.stored import everything

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]
BOUNDS = "No longer ago than 400 days, and at most a day ahead."


def by_day(caller: Caller, days: int = 365) -> dict[str, int]:
    """The days that have calls."""
    told = envelope(caller.post(MINE, {"days": days}))["data"]["by_day"]
    assert len(told) == days
    return {day["date"]: day["calls"] for day in told if day["calls"]}


def times(caller: Caller, first: str, last: str) -> list[Any]:
    told = envelope(caller.post(TOKENS, {"dimension": "agent", "start_date": first, "end_date": last}))["data"]["items"]
    return [(item["started_at"], item["finished_at"]) for item in told]


@pytest.mark.parametrize(
    ("sent", "day", "told"),
    [
        ("2026-11-27T23:59:59Z", "2026-11-27", "2026-11-27T23:59:59Z"),
        ("2026-11-27T23:59:59.999999Z", "2026-11-27", "2026-11-27T23:59:59.999999Z"),
        ("2026-11-28T00:00:00Z", "2026-11-28", "2026-11-28T00:00:00Z"),
        ("2026-11-28T13:59:59+14:00", "2026-11-27", "2026-11-27T23:59:59Z"),
        ("2026-11-28T14:00:00+14:00", "2026-11-28", "2026-11-28T00:00:00Z"),
        # No place has these, and PostgreSQL reads neither.
        ("2026-11-28T23:58:59+23:59", "2026-11-27", "2026-11-27T23:59:59Z"),
        ("2026-11-27T00:01:00-23:59", "2026-11-28", "2026-11-28T00:00:00Z"),
        ("2026-11-27T11:59:59-12:00", "2026-11-27", "2026-11-27T23:59:59Z"),
        ("2026-11-27T12:00:00-12:00", "2026-11-28", "2026-11-28T00:00:00Z"),
        ("2026-11-28T05:29:59+05:30", "2026-11-27", "2026-11-27T23:59:59Z"),
        ("2026-11-28T08:00:00.5+08:00", "2026-11-28", "2026-11-28T00:00:00.500000Z"),
        ("2026-11-28T00:00:00-00:00", "2026-11-28", "2026-11-28T00:00:00Z"),
    ],
)
@pytest.mark.parametrize("zone", ["UTC", "Asia/Shanghai", "America/Los_Angeles"])
def test_days_are_utc(zone: str, sent: str, day: str, told: str, as_alice: Caller) -> None:
    """Whatever the zone is of the server, and of the time that was sent."""
    with override_settings(TIME_ZONE=zone), timezone.override(zone):
        assert envelope(as_alice.post(REPORT, batch(event(occurred_at=sent)))) == taken(1)
        assert by_day(as_alice, 7) == {day: 1}
        assert times(as_alice, day, day) == [(told, told)]


def test_without_a_time_it_is_now(clock: Clock, alice: User) -> None:
    clock.set("2026-11-28T23:59:59.999999Z")
    as_alice = signed_in(alice)
    as_alice.post(REPORT, batch(event("e1"), event("e2", occurred_at=None, agent_id="b")))
    now = "2026-11-28T23:59:59.999999Z"
    assert times(as_alice, "2026-11-28", "2026-11-28") == [(now, now)] * 2
    clock.forward(seconds=1)
    as_alice.post(REPORT, batch(event("e3")))
    assert by_day(as_alice, 7) == {"2026-11-28": 2, "2026-11-29": 1}


def test_a_leap_day(clock: Clock, alice: User) -> None:
    clock.set("2028-03-01T00:00:00Z")
    as_alice = signed_in(alice)
    sent = [
        event("e1", occurred_at="2028-02-28T23:59:59Z"),
        event("e2", occurred_at="2028-02-29T00:00:00Z", count=2),
        event("e3", occurred_at="2028-03-01T13:59:59+14:00", count=3),
        event("e4", occurred_at="2028-03-01T00:00:00Z", count=7),
    ]
    assert envelope(as_alice.post(REPORT, batch(*sent))) == taken(4)
    assert envelope(as_alice.post(MINE, {"days": 3})) == success(
        {
            "usage": {"search": 13},
            "by_day": [
                {"date": "2028-02-28", "calls": 1},
                {"date": "2028-02-29", "calls": 5},
                {"date": "2028-03-01", "calls": 7},
            ],
        }
    )
    wrong = as_alice.post(REPORT, batch(event("e5", occurred_at="2027-02-29T00:00:00Z")))
    assert_mistake(wrong, "events.0.occurred_at", "A time in ISO 8601 with an offset, such as 2026-01-31T08:00:00Z.")
    # Of 365 days that end in a leap year the first is a day later.
    clock.set("2028-12-31T00:00:00Z")
    told = envelope(signed_in(alice).post(MINE, {"days": 365}))["data"]["by_day"]
    assert (len(told), told[0]["date"], told[-1]["date"]) == (365, "2028-01-02", "2028-12-31")


def test_late_events_count_in_their_day(as_alice: Caller) -> None:
    sent = {
        "e1": "2026-11-22T00:00:00Z",
        "e2": "2026-11-21T23:59:59Z",
        "e3": "2025-11-29T00:00:00Z",
        "e4": "2025-11-28T23:59:59Z",
    }
    assert envelope(as_alice.post(REPORT, batch(*(event(name, occurred_at=at) for name, at in sent.items())))) == taken(4)
    assert by_day(as_alice, 1) == {}
    assert by_day(as_alice, 7) == {"2026-11-22": 1}
    assert by_day(as_alice, 365) == {"2025-11-29": 1, "2026-11-21": 1, "2026-11-22": 1}
    assert times(as_alice, "2025-11-28", "2025-11-28") == [("2025-11-28T23:59:59Z", "2025-11-28T23:59:59Z")]


@pytest.mark.parametrize("good", ["2025-10-24T12:00:00Z", "2026-11-29T12:00:00Z", "2026-11-30T02:00:00+14:00"])
def test_at_the_bounds(good: str, as_alice: Caller) -> None:
    """400 days ago to the microsecond, and a day ahead."""
    assert envelope(as_alice.post(REPORT, batch(event(occurred_at=good)))) == taken(1)


@pytest.mark.parametrize(
    "bad",
    [
        "2025-10-24T11:59:59.999999Z",
        "2025-10-25T01:59:59+14:00",
        "2026-11-29T12:00:00.000001Z",
        "2026-11-29T00:00:01-12:00",
        "1970-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-12:00",
    ],
)
def test_beyond_the_bounds(bad: str, as_alice: Caller) -> None:
    sent = batch(event("e1"), event("e2", occurred_at=bad))
    before = everything()
    assert_mistake(as_alice.post(REPORT, sent), "events.1.occurred_at", BOUNDS)
    chinese = as_alice.post(REPORT, sent, Accept_Language="zh-CN")
    assert_mistake(chinese, "events.1.occurred_at", "不能早于 400 天前，也不能晚于一天之后。")
    assert everything() == before


def test_the_bound_is_the_setting_s(as_alice: Caller, settings: Settings) -> None:
    settings.SAGE_USAGE_KEEP_DAYS = 2
    assert envelope(as_alice.post(REPORT, batch(event("e1", occurred_at="2026-11-26T12:00:00Z")))) == taken(1)
    late = as_alice.post(REPORT, batch(event("e2", occurred_at="2026-11-26T11:59:59Z")))
    assert_mistake(late, "events.0.occurred_at", "No longer ago than 2 days, and at most a day ahead.")


def test_an_event_ahead_counts_once_its_day_has_come(clock: Clock, as_alice: Caller) -> None:
    assert envelope(as_alice.post(REPORT, batch(event(occurred_at="2026-11-29T12:00:00Z")))) == taken(1)
    assert by_day(as_alice, 7) == {}
    clock.forward(hours=12)
    assert by_day(as_alice, 7) == {"2026-11-29": 1}

"""POST /api/system/agent/usage-stats: what I have used, by action and by day."""

import json
from datetime import date, timedelta
from typing import Any

import pytest
from django.test import override_settings
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from sage_platform.accounts.models import User
from system.usage.models import DailyUsage
from tests.answers import assert_logged_out, success
from tests.clock import Clock
from tests.people import Caller, envelope, signed_in
from tests.system.usage.bodies import MINE, REPORT, TOKENS, assert_mistake, batch, event, taken
from tests.system.usage.reporters import SCOPE, product_of, program
from tests.system.usage.rows import usage

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]
TODAY = "2026-11-28"
NAME = "A text of 0 to 128 characters, without null characters and lone surrogates."


def mine(used: dict[str, int], by_day: dict[str, int], *, days: int = 7, today: str = TODAY) -> dict[str, Any]:
    """The whole answer. `by_day` names the days on which there were calls."""
    last = date.fromisoformat(today)
    dates = [(last - timedelta(days=back)).isoformat() for back in reversed(range(days))]
    assert by_day.keys() <= set(dates)
    return success({"usage": used, "by_day": [{"date": day, "calls": by_day.get(day, 0)} for day in dates]})


@pytest.fixture
def used(as_alice: Caller, as_bob: Caller) -> None:
    """On each side of each bound, and bob's beside it."""
    moments = {
        "now": "2026-11-28T12:00:00Z",
        "today begins": "2026-11-28T00:00:00Z",
        "yesterday ends": "2026-11-27T23:59:59.999999Z",
        "a week begins": "2026-11-22T00:00:00Z",
        "before that": "2026-11-21T23:59:59.999999Z",
        "a year begins": "2025-11-29T00:00:00Z",
        "before that, too": "2025-11-28T23:59:59.999999Z",
        "tomorrow": "2026-11-29T00:00:00Z",
    }
    events = [event(name, action=name, occurred_at=moment) for name, moment in moments.items()]
    assert envelope(as_alice.post(REPORT, batch(*events))) == taken(8)
    assert envelope(as_bob.post(REPORT, batch(event(count=1000)))) == taken(1)


def test_a_week(used: None, as_alice: Caller) -> None:
    """The whole answer, spelled out: numbers are whole numbers, days are in order, and a day without calls is there."""
    answer = envelope(as_alice.post(MINE, {"days": 7}))
    assert json.dumps(answer["data"]) == (
        '{"usage": {"a week begins": 1, "now": 1, "today begins": 1, "yesterday ends": 1}, "by_day": ['
        '{"date": "2026-11-22", "calls": 1}, {"date": "2026-11-23", "calls": 0}, {"date": "2026-11-24", "calls": 0}, '
        '{"date": "2026-11-25", "calls": 0}, {"date": "2026-11-26", "calls": 0}, {"date": "2026-11-27", "calls": 1}, '
        '{"date": "2026-11-28", "calls": 2}]}'
    )
    assert (answer["code"], answer["message"]) == (200, "success")


@pytest.mark.parametrize("days", [1, 0, -5, -(10**30), -(2**63) - 1])
def test_today(days: int, used: None, as_alice: Caller) -> None:
    """Less than a day acts as one."""
    expected = mine({"now": 1, "today begins": 1}, {TODAY: 2}, days=1)
    assert envelope(as_alice.post(MINE, {"days": days})) == expected


@pytest.mark.parametrize("days", [365, 366, 10**30, 2**63])
def test_a_year(days: int, used: None, as_alice: Caller) -> None:
    """More than a year acts as one."""
    answer = envelope(as_alice.post(MINE, {"days": days}))
    actions = ("a week begins", "a year begins", "before that", "now", "today begins", "yesterday ends")
    calls = {"2025-11-29": 1, "2026-11-21": 1, "2026-11-22": 1, "2026-11-27": 1, TODAY: 2}
    assert answer == mine(dict.fromkeys(actions, 1), calls, days=365)
    assert (len(answer["data"]["by_day"]), answer["data"]["by_day"][0]["date"]) == (365, "2025-11-29")


@pytest.mark.parametrize(
    ("now", "days", "first"),
    [
        ("2028-03-01T00:00:00Z", 2, "2028-02-29"),
        ("2028-02-29T23:59:59Z", 1, "2028-02-29"),
        ("2028-12-31T12:00:00Z", 365, "2028-01-02"),  # The year has 366.
        ("2027-03-01T12:00:00Z", 2, "2027-02-28"),
        ("2027-01-01T00:00:00Z", 2, "2026-12-31"),
    ],
)
def test_leap_days_and_new_year(now: str, days: int, first: str, clock: Clock, alice: User) -> None:
    clock.set(now)
    as_alice = signed_in(alice)
    as_alice.post(REPORT, batch(event("e1"), event("e2", occurred_at=f"{first}T00:00:00Z")))
    answer = envelope(as_alice.post(MINE, {"days": days}))
    calls = {first: 1, now[:10]: 1} if first != now[:10] else {first: 2}
    assert answer == mine({"search": 2}, calls, days=days, today=now[:10])
    assert answer["data"]["by_day"][0]["date"] == first


def test_midnight_is_utc_in_the_zone_of_shanghai(clock: Clock, alice: User) -> None:
    """There it is the next day from 16:00 UTC on."""
    with override_settings(TIME_ZONE="Asia/Shanghai"), timezone.override("Asia/Shanghai"):
        clock.set("2026-11-28T23:59:59Z")
        as_alice = signed_in(alice)
        assert envelope(as_alice.post(REPORT, batch(event()))) == taken(1)
        assert envelope(as_alice.post(MINE, {"days": 2})) == mine({"search": 1}, {"2026-11-28": 1}, days=2)
        clock.forward(seconds=1)
        after = mine({"search": 1}, {"2026-11-28": 1}, days=2, today="2026-11-29")
        assert envelope(as_alice.post(MINE, {"days": 2})) == after


def test_the_most_called_action_comes_first(as_alice: Caller) -> None:
    events = [event(name, action=name, count=count) for name, count in (("b", 2), ("d", 9), ("c", 2), ("a", 1), ("e", 3))]
    as_alice.post(REPORT, batch(*events, event("again", action="b", model="m", count=2)))
    answer = envelope(as_alice.post(MINE, {"days": 1}))
    assert json.dumps(answer["data"]["usage"]) == '{"d": 9, "b": 4, "e": 3, "c": 2, "a": 1}'


def test_one_agent(as_alice: Caller, as_bob: Caller) -> None:
    as_alice.post(REPORT, batch(event("e1"), event("e2", agent_id="\U0001f916", action="read", count=5)))
    as_bob.post(REPORT, batch(event("e3", agent_id="bobs")))
    asked = {"days": 1, "agent_id": "writer"}
    assert envelope(as_alice.post(MINE, asked)) == mine({"search": 1}, {TODAY: 1}, days=1)
    asked = {"days": 1, "agent_id": "\U0001f916"}
    assert envelope(as_alice.post(MINE, asked)) == mine({"read": 5}, {TODAY: 5}, days=1)
    for nobodys in ("bobs", "Writer", "writer ", "%", "x" * 128):
        assert envelope(as_alice.post(MINE, {"days": 1, "agent_id": nobodys})) == mine({}, {}, days=1)
    everything = mine({"read": 5, "search": 1}, {TODAY: 6}, days=1)
    for name, value in (("agent_id", ""), ("agent_id", None), ("user_id", "bob"), ("x", [])):
        assert envelope(as_alice.post(MINE, {"days": 1, name: value})) == everything


@pytest.mark.parametrize("named", [{}, {"user_id": "alice"}, {"agent_id": "writer"}])
def test_everybody_is_told_of_themselves_alone(named: dict[str, str], as_alice: Caller, as_admin: Caller) -> None:
    """An administrator, too."""
    as_alice.post(REPORT, batch(event()))
    assert envelope(as_admin.post(MINE, {"days": 7} | named)) == mine({}, {})


def test_the_thousand_most_called_actions(as_alice: Caller) -> None:
    """The days count all of them."""
    rows = [usage(action=f"a{number:04}", calls=1 + (number == 1000)) for number in range(1001)]
    DailyUsage.objects.bulk_create(rows)
    data = envelope(as_alice.post(MINE, {"days": 1}))["data"]
    assert list(data["usage"]) == ["a1000", *(f"a{number:04}" for number in range(999))]
    assert data["by_day"] == [{"date": TODAY, "calls": 1002}]


def test_what_no_number_holds(as_alice: Caller) -> None:
    """Sums are told as far as 64 bits hold them."""
    largest = 2**62 - 1
    DailyUsage.objects.bulk_create([usage(agent_id=f"a{number}", calls=largest) for number in range(3)])
    assert envelope(as_alice.post(MINE, {"days": 1})) == mine({"search": 2**63 - 1}, {TODAY: 2**63 - 1}, days=1)
    DailyUsage.objects.all().delete()
    DailyUsage.objects.bulk_create([usage(agent_id=f"a{number}", calls=2**52) for number in range(2)])
    assert envelope(as_alice.post(MINE, {"days": 1})) == mine({"search": 2**53}, {TODAY: 2**53}, days=1)


NO_NUMBERS: tuple[object, ...] = ("7", "", None, True, 7.0, 7.5, [], {}, [7])
NO_NAMES: tuple[object, ...] = ("x" * 129, "a\0", "\ud83d", 5, True, [], {})
REFUSALS: list[tuple[Any, str, str]] = [
    ({}, "days", "This field is required."),
    ({"agent_id": "writer"}, "days", "This field is required."),
    *(({"days": bad}, "days", "A whole number.") for bad in NO_NUMBERS),
    *(({"days": 1, "agent_id": bad}, "agent_id", NAME) for bad in NO_NAMES),
    ([], "body", "Send a JSON object."),
    (b'{"days": 1, "days": 2}', "body", "The body is not valid JSON in UTF-8."),
    (b'{"days": NaN}', "body", "The body is not valid JSON in UTF-8."),
    (b'{"days": 1e400}', "days", "A whole number."),
]


def test_refusals(as_alice: Caller) -> None:
    for body, field, message in REFUSALS:
        assert_mistake(as_alice.post(MINE, body), field, message)


def test_refusals_in_chinese(as_alice: Caller) -> None:
    assert_mistake(as_alice.post(MINE, {}, Accept_Language="zh-CN"), "days", "该字段是必填项。")
    assert_mistake(as_alice.post(MINE, {"days": "7"}, Accept_Language="zh-CN"), "days", "应为整数。")
    told = "应为 0 到 128 个字符的文本，不含空字符和孤立的代理项。"
    assert_mistake(as_alice.post(MINE, {"days": 7, "agent_id": 5}, Accept_Language="zh-CN"), "agent_id", told)


def test_who_is_not_signed_in(anyone: Caller) -> None:
    assert_logged_out(anyone.post(MINE, {"days": "7"}))
    assert_logged_out(anyone.post(MINE, {"days": 1}, Authorization="Bearer nonsense"), 'Bearer error="invalid_token"')


@pytest.mark.parametrize("path", [MINE, TOKENS])
@pytest.mark.parametrize("scope", [SCOPE, f"openid {SCOPE}", "openid"])
def test_no_third_party_reads(scope: str, path: str, alice: User, as_alice: Caller) -> None:
    """Neither for the person who signed in to it nor for itself, with whatever scope, in whatever state the body is."""
    as_alice.post(REPORT, batch(event()))
    callers = [product_of(alice, scope=scope), *([program()] if scope == SCOPE else [])]
    for caller in callers:
        caller.client = as_alice.client  # Beside a good cookie, too.
        for body in ({"days": 1}, {"dimension": "agent", "start_date": TODAY, "end_date": TODAY}, {}, b"{"):
            answer = caller.post(path, body)
            refusal = {"code": 403, "message": "Permission denied", "data": None}
            assert (answer.status_code, envelope(answer)) == (403, refusal)
            assert answer.headers["WWW-Authenticate"] == 'Bearer error="insufficient_scope", scope="first-party"'


@pytest.mark.parametrize("token", [False, True])
def test_queries(token: bool, alice: User, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    """Who asks, by action, by day; with a cookie the session, too."""
    caller = signed_in(alice, token=token)
    caller.post(REPORT, batch(*(event(f"e{number}", action=f"a{number}") for number in range(50))))
    with django_assert_num_queries(3):
        caller.post(MINE, {"days": 365, "agent_id": "writer"})

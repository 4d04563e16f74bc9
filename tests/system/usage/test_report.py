"""POST /api/system/agent/usage: an event counts once, and what events add up to."""

from typing import Any

import pytest
from prometheus_client import REGISTRY

from sage_platform.accounts.models import User
from system.usage.models import DailySession, DailyUsage, UsageEvent
from tests.answers import success
from tests.people import Caller, envelope, signed_in
from tests.system.usage.bodies import MINE, REPORT, TOKENS, assert_mistake, batch, event, numbered, taken
from tests.system.usage.reporters import product_of, program
from tests.system.usage.stored import check_sums, everything

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]
YESTERDAY, TODAY = "2026-11-27", "2026-11-28"


def usage(caller: Caller, days: int = 1) -> Any:
    return envelope(caller.post(MINE, {"days": days}))["data"]["usage"]


def tokens(caller: Caller, first: str = TODAY, last: str = TODAY, dimension: str = "agent") -> Any:
    return envelope(caller.post(TOKENS, {"dimension": dimension, "start_date": first, "end_date": last}))["data"]


def test_an_event_counts_once(as_alice: Caller) -> None:
    sent = batch(event("e1", occurred_at=None), event("e1", count=5), event("e2", count=2, action="read"))
    assert envelope(as_alice.post(REPORT, sent)) == taken(2, 1)
    assert envelope(as_alice.post(MINE, {"days": 2})) == success(
        {"usage": {"read": 2, "search": 1}, "by_day": [{"date": YESTERDAY, "calls": 0}, {"date": TODAY, "calls": 3}]}
    )


def test_an_answer_was_lost_and_the_batch_is_sent_again(as_alice: Caller) -> None:
    sent = batch(event("e1", input_tokens=5), event("e2", occurred_at="2026-11-27T23:59:59Z"), event("e3", model="m"))
    assert envelope(as_alice.post(REPORT, sent)) == taken(3)
    before = [usage(as_alice, 2), tokens(as_alice, YESTERDAY), UsageEvent.objects.count()]
    assert envelope(as_alice.post(REPORT, sent)) == taken(0, 3)
    assert [usage(as_alice, 2), tokens(as_alice, YESTERDAY), UsageEvent.objects.count()] == before
    # Half of the next one was in it.
    assert envelope(as_alice.post(REPORT, batch(event("e3"), event("e4", action="read")))) == taken(1, 1)
    assert usage(as_alice, 2) == {"search": 3, "read": 1}


def test_the_same_id_with_other_numbers_changes_nothing(as_alice: Caller) -> None:
    assert envelope(as_alice.post(REPORT, batch(event(count=2, input_tokens=7, model="m")))) == taken(1)
    before = everything()[2:]
    other = event(
        count=9, input_tokens=100, model="n", agent_id="a", session_id="s", action="b", occurred_at="2026-11-01T00:00:00Z"
    )
    assert envelope(as_alice.post(REPORT, batch(other))) == taken(0, 1)
    assert everything()[2:] == before
    assert usage(as_alice, 365) == {"search": 2}


def test_one_id_of_two_callers_is_two_events(as_alice: Caller, as_bob: Caller, alice: User) -> None:
    """Also where both report for one user, and where a client has the id of a user as its name."""
    robot, other, namesake = program("robot"), program("other"), program("alice")
    for caller in (robot, other, namesake):
        assert envelope(caller.post(REPORT, batch(event(user_id="alice")))) == taken(1)
    assert envelope(as_alice.post(REPORT, batch(event()))) == taken(1)
    assert envelope(as_bob.post(REPORT, batch(event(count=7)))) == taken(1)
    assert (usage(as_alice), usage(as_bob)) == ({"search": 4}, {"search": 7})
    # Whoever acts for a person reports as the person.
    assert envelope(product_of(alice).post(REPORT, batch(event()))) == taken(0, 1)
    assert usage(as_alice) == {"search": 4}


def test_ids_are_compared_character_by_character(as_alice: Caller) -> None:
    """Case, white space, and an accent that is written in two ways."""
    ids = ["a", "A", "a ", " a", "\u00e9", "e\u0301", "\U0001f600", "a\n", "1", "01"]
    assert envelope(as_alice.post(REPORT, batch(*map(event, ids)))) == taken(10)
    assert envelope(as_alice.post(REPORT, batch(*map(event, ids)))) == taken(0, 10)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_bad_event_and_nothing_is_stored(place: int, as_alice: Caller) -> None:
    as_alice.post(REPORT, batch(event("e0")))
    before = everything()
    events = [event("e1"), event("e2"), event("e3")]
    events[place]["count"] = "7"
    assert_mistake(as_alice.post(REPORT, batch(*events)), f"events.{place}.count", "A whole number from 1 to 1000000.")
    assert everything() == before
    # None of the three ids was used up.
    assert envelope(as_alice.post(REPORT, batch(event("e1"), event("e2"), event("e3")))) == taken(3)


def test_a_duplicate_that_is_bad_is_refused_too(as_alice: Caller) -> None:
    as_alice.post(REPORT, batch(event()))
    before = everything()
    assert_mistake(as_alice.post(REPORT, batch(event(count=0))), "events.0.count", "A whole number from 1 to 1000000.")
    assert everything() == before


def test_a_thousand_events_in_one_call(as_alice: Caller) -> None:
    """With every member, and the longest names there are: four bytes a character, in each place of an index."""
    long = dict.fromkeys(("agent_id", "session_id", "action", "request_source", "model"), "\U0001f600" * 128)
    numbers = dict.fromkeys(("input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens"), 10**12)
    events = [event("\U0001f600" * 124 + f"{number:04}", count=10**6, **numbers) for number in range(999)]
    assert envelope(as_alice.post(REPORT, batch(*events, event("\U0001f600" * 128, **long)))) == taken(1000)
    assert usage(as_alice) == {"search": 999 * 10**6, "\U0001f600" * 128: 1}
    assert tokens(as_alice)["summary"] == {
        "session_count": 2,
        "input_tokens": 999 * 10**12,
        "output_tokens": 999 * 10**12,
        "total_tokens": 1998 * 10**12,
        "average_tokens_per_session": 999e12,
        "model_call_count": 1,
    }
    assert check_sums() == 1000


@pytest.mark.parametrize("amount", [0, 1001])
def test_a_thousand_is_the_most(amount: int, as_alice: Caller) -> None:
    before = everything()
    assert_mistake(as_alice.post(REPORT, numbered(amount)), "events", "A list of 1 to 1000 entries.")
    assert everything() == before


def test_tokens_add_up(as_alice: Caller) -> None:
    """Cached tokens are a part of input, reasoning tokens of output. None is multiplied by the count."""
    sent = batch(
        event("e1", model="m", input_tokens=219921, cached_tokens=170496, output_tokens=3562),
        event("e2", model="m", output_tokens=100, reasoning_tokens=60, session_id="s2"),
        event("e3", model="n", count=5, input_tokens=1000, agent_id="reader"),
        event("e4", input_tokens=10, session_id="s3", action="read"),
    )
    assert envelope(as_alice.post(REPORT, sent)) == taken(4)
    of_agent = {"agent_id": None, "user_id": None, "session_id": None}
    times = {"started_at": "2026-11-28T12:00:00Z", "finished_at": "2026-11-28T12:00:00Z"}
    assert tokens(as_alice) == {
        "summary": {
            "session_count": 3,
            "input_tokens": 220931,
            "output_tokens": 3662,
            "total_tokens": 224593,
            "average_tokens_per_session": 74864.333333333328,
            "model_call_count": 7,
        },
        "items": [
            {
                **of_agent,
                "agent_id": "writer",
                "session_count": 3,
                "input_tokens": 219931,
                "output_tokens": 3662,
                "total_tokens": 223593,
                "model_call_count": 2,
                **times,
            },
            {
                **of_agent,
                "agent_id": "reader",
                "session_count": 1,
                "input_tokens": 1000,
                "output_tokens": 0,
                "total_tokens": 1000,
                "model_call_count": 5,
                **times,
            },
        ],
    }
    per_session = {item["session_id"]: item["total_tokens"] for item in tokens(as_alice, dimension="session")["items"]}
    assert per_session == {"s1": 219921 + 3562 + 1000, "s2": 100, "s3": 10}
    assert per_session["s1"] - 1000 == 223483


def test_a_session_over_midnight_is_one(as_alice: Caller) -> None:
    sent = batch(
        event("e1", model="m", input_tokens=1, occurred_at="2026-11-27T23:59:59.999999Z"),
        event("e2", model="m", input_tokens=2, occurred_at="2026-11-28T00:00:00Z"),
    )
    assert envelope(as_alice.post(REPORT, sent)) == taken(2)
    of_day = {"session_count": 1, "output_tokens": 0, "model_call_count": 1}
    sums = {"session_count": 1, "input_tokens": 3, "output_tokens": 0, "total_tokens": 3, "model_call_count": 2}
    for day, amount in ((YESTERDAY, 1), (TODAY, 2)):
        assert tokens(as_alice, day, day)["summary"] == of_day | {
            "input_tokens": amount,
            "total_tokens": amount,
            "average_tokens_per_session": amount,
        }
    assert tokens(as_alice, YESTERDAY, dimension="session") == {
        "summary": {**sums, "average_tokens_per_session": 3.0},
        "items": [
            {
                "agent_id": None,
                "user_id": None,
                "session_id": "s1",
                **sums,
                "started_at": "2026-11-27T23:59:59.999999Z",
                "finished_at": "2026-11-28T00:00:00Z",
            }
        ],
    }


def test_a_sum_stops_before_it_does_not_fit(alice: User, admin: User) -> None:
    """Nothing fails, for whoever reports or asks, and no number becomes another one."""
    as_alice = signed_in(alice)
    as_alice.post(REPORT, batch(event("e1", model="m", count=1, input_tokens=1, output_tokens=1)))
    most = 2**62 - 1
    DailyUsage.objects.update(calls=most - 5, input_tokens=most - 5)
    large = {"count": 10, "input_tokens": 10**12, "output_tokens": 1, "model": "m"}
    assert envelope(as_alice.post(REPORT, batch(event("e2", **large), event("e3", **large)))) == taken(2)
    assert list(DailyUsage.objects.values_list("calls", "input_tokens", "output_tokens")) == [(most, most, 3)]
    assert envelope(as_alice.post(REPORT, batch(event("e4", **large)))) == taken(1)
    DailySession.objects.update(input_tokens=most, output_tokens=most, model_calls=most)
    assert envelope(as_alice.post(REPORT, batch(event("e5", **large)))) == taken(1)
    assert list(DailySession.objects.values_list("model_calls", "input_tokens", "output_tokens")) == [(most, most, most)]
    for caller in (as_alice, signed_in(admin)):
        told = tokens(caller)["summary"]
        sums = [told[name] for name in ("model_call_count", "input_tokens", "output_tokens", "total_tokens")]
        # On SQLite sums are exact up to 2⁵³.
        assert [abs(sum_ - wanted) <= 1 for sum_, wanted in zip(sums, [most, most, most, 2 * most], strict=True)] == [True] * 4


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({}, "ok"),
        ({"occurred_at": "2020-01-01T00:00:00Z"}, "refused"),
        ({"user_id": "bob"}, "refused"),
    ],
)
def test_each_batch_is_counted_among_the_operations(sent: dict[str, str], status: str, as_alice: Caller) -> None:
    def counted() -> dict[str, float]:
        names = {"category": "usage", "name": "ingest"}
        return {
            status: REGISTRY.get_sample_value("sage_server_operations_total", names | {"status": status}) or 0
            for status in ("ok", "refused", "error")
        }

    before = counted()
    as_alice.post(REPORT, batch(event(**sent)))
    assert counted() == before | {status: before[status] + 1}

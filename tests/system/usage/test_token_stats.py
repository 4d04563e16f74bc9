"""POST /api/token-usage/stats: tokens by agent, user or session. Refusals are in test_token_stats_refusals.py."""

import json
from datetime import timedelta

import pytest
from pytest_django import DjangoAssertNumQueries

from sage_platform.accounts.models import User
from system.usage.models import DailySession
from tests.people import Caller, envelope, signed_in
from tests.system.usage.bodies import REPORT, TOKENS, batch, event, taken
from tests.system.usage.rows import DAY, session
from tests.system.usage.token_answers import Item, Sums, ask, tokens

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]
FRIDAY, TODAY = "2026-11-27", "2026-11-28"
MIDNIGHT, ONE, TWO = f"{TODAY}T00:00:00Z", f"{TODAY}T01:00:00Z", f"{TODAY}T02:00:00Z"
BEFORE, THREE = f"{FRIDAY}T23:59:59.999999Z", f"{TODAY}T03:00:00.250000Z"
NOTHING = Sums()


@pytest.fixture
def used(as_alice: Caller, as_bob: Caller) -> None:
    """Alice's first session lasts over midnight and has two agents. Bob's has the same id."""
    called = {"model": "m", "request_source": "web"}
    alices = [
        event("e1", input_tokens=100, output_tokens=10, occurred_at=BEFORE, **called),
        event("e2", input_tokens=1000, cached_tokens=900, occurred_at=MIDNIGHT, **called),
        event("e3", agent_id="reader", request_source="cli", input_tokens=5, occurred_at=ONE),
        event("e4", session_id="s2", model="m", count=3, output_tokens=7, reasoning_tokens=7, occurred_at=TWO),
    ]
    assert envelope(as_alice.post(REPORT, batch(*alices))) == taken(4)
    bobs = event("e1", input_tokens=50, output_tokens=50, occurred_at=THREE, **called)
    assert envelope(as_bob.post(REPORT, batch(bobs))) == taken(1)


ALICES, BOBS, ALL = Sums(2, 1105, 17, 5), Sums(1, 50, 50, 1), Sums(3, 1155, 67, 6)
READER = Item("reader", Sums(1, 5, 0, 0), ONE)
ALICES_WRITER = Item("writer", Sums(2, 1100, 17, 5), BEFORE, TWO)
SESSION_1 = Item("s1", Sums(1, 1105, 10, 2), BEFORE, ONE)
SESSION_2 = Item("s2", Sums(1, 0, 7, 3), TWO)
BOBS_SESSION = Item("s1", BOBS, THREE)


def test_an_answer_spelled_out(used: None, as_alice: Caller) -> None:
    """Numbers are whole numbers, but for the average."""
    body = {"dimension": "session", "session_id": "s2"}
    assert json.dumps(envelope(as_alice.post(TOKENS, body))["data"]) == (
        '{"summary": {"session_count": 1, "input_tokens": 0, "output_tokens": 7, "total_tokens": 7, "model_call_count": 3, '
        '"average_tokens_per_session": 7.0}, "items": [{"agent_id": null, "user_id": null, "session_id": "s2", '
        '"session_count": 1, "input_tokens": 0, "output_tokens": 7, "total_tokens": 7, "model_call_count": 3, '
        '"started_at": "2026-11-28T02:00:00Z", "finished_at": "2026-11-28T02:00:00Z"}]}'
    )


def test_each_dimension_of_ones_own(used: None, as_alice: Caller) -> None:
    by_agent = tokens("agent", ALICES, 561.0, ALICES_WRITER, READER)
    assert ask(as_alice, "agent", FRIDAY, TODAY) == by_agent
    assert ask(as_alice, "user", FRIDAY, TODAY) == tokens("user", ALICES, 561.0, Item("alice", ALICES, BEFORE, TWO))
    assert ask(as_alice, "session", FRIDAY, TODAY) == tokens("session", ALICES, 561.0, SESSION_1, SESSION_2)


def test_each_dimension_of_everybody(used: None, as_admin: Caller) -> None:
    average = 1222 / 3
    writer = Item("writer", Sums(3, 1150, 67, 6), BEFORE, THREE)
    assert ask(as_admin, "agent", FRIDAY, TODAY) == tokens("agent", ALL, average, writer, READER)
    people = Item("alice", ALICES, BEFORE, TWO), Item("bob", BOBS, THREE)
    assert ask(as_admin, "user", FRIDAY, TODAY) == tokens("user", ALL, average, *people)
    assert ask(as_admin, "session", FRIDAY, TODAY) == tokens("session", ALL, average, SESSION_1, BOBS_SESSION, SESSION_2)


def test_a_session_over_midnight(used: None, as_alice: Caller) -> None:
    """It counts once over both days, and in each of them when each is asked by itself."""
    of_friday = Sums(1, 100, 10, 1)
    assert ask(as_alice, "session", FRIDAY) == tokens("session", of_friday, 110.0, Item("s1", of_friday, BEFORE))
    of_today = Item("s1", Sums(1, 1005, 0, 1), MIDNIGHT, ONE)
    assert ask(as_alice, "session", TODAY) == tokens("session", Sums(2, 1005, 7, 4), 506.0, of_today, SESSION_2)
    assert ask(as_alice, "session", "2026-11-29", "2026-12-31") == tokens("session", NOTHING, 0.0)
    assert ask(as_alice, "session", "2026-01-01", "2026-11-26") == tokens("session", NOTHING, 0.0)
    # All that there has been, and to come: the calendar's ends.
    assert ask(as_alice, "session", "0001-01-01", "9999-12-31") == tokens("session", ALICES, 561.0, SESSION_1, SESSION_2)


def test_each_filter_for_an_administrator(used: None, as_admin: Caller) -> None:
    def both(**filters: object) -> object:
        return ask(as_admin, "agent", FRIDAY, TODAY, **filters)

    bobs = tokens("agent", BOBS, 100.0, Item("writer", BOBS, THREE))
    assert both(user_id="bob") == bobs
    assert both(user_id="alice") == tokens("agent", ALICES, 561.0, ALICES_WRITER, READER)
    assert both(agent_id="reader") == tokens("agent", READER.sums, 5.0, READER)
    writer = Item("writer", Sums(2, 1150, 60, 3), BEFORE, THREE)
    assert both(session_id="s1") == tokens("agent", Sums(2, 1155, 60, 3), 607.5, writer, READER)
    assert both(request_source="web") == tokens("agent", writer.sums, 605.0, writer)
    assert both(request_source="web", user_id="bob", agent_id="writer", session_id="s1") == bobs
    for nobodys in ({"user_id": "carol"}, {"agent_id": "Writer"}, {"session_id": "s"}, {"request_source": "%"}):
        assert both(**nobodys) == tokens("agent", NOTHING, 0.0)
    assert both(user_id="bob", agent_id="reader") == tokens("agent", NOTHING, 0.0)
    # The empty text is none.
    everything = both()
    assert both(user_id="", agent_id="", session_id="", request_source="") == everything
    assert both(user_id=None, agent_id=None, session_id=None, request_source=None) == everything


@pytest.mark.parametrize("dimension", ["agent", "user", "session"])
def test_each_dimension_takes_each_filter(dimension: str, used: None, as_alice: Caller, as_admin: Caller) -> None:
    """Alone and together, with days and, of a session, without."""
    names = {"agent": "reader", "user": "alice", "session": "s1"}
    expected = tokens(dimension, READER.sums, 5.0, Item(names[dimension], READER.sums, ONE))
    for caller in (as_alice, as_admin):
        assert ask(caller, dimension, TODAY, agent_id="reader") == expected
        assert ask(caller, dimension, TODAY, request_source="cli") == expected
        assert ask(caller, dimension, TODAY, request_source="cli", session_id="s1", user_id="alice") == expected
        assert ask(caller, "session", session_id="s1", agent_id="reader")["data"]["summary"] == expected["data"]["summary"]


@pytest.mark.parametrize("none", [None, ""])
def test_a_session_whenever_it_was(none: str | None, used: None, as_alice: Caller, as_admin: Caller) -> None:
    """Empty dates are those of a form in which nobody chose any."""
    body = {"dimension": "session", "session_id": "s1", "start_date": none, "end_date": none}
    assert envelope(as_alice.post(TOKENS, body)) == tokens("session", Sums(1, 1105, 10, 2), 1115.0, SESSION_1)
    both = tokens("session", Sums(2, 1155, 60, 3), 607.5, SESSION_1, BOBS_SESSION)
    assert envelope(as_admin.post(TOKENS, body)) == both
    assert envelope(as_admin.post(TOKENS, body | {"user_id": "bob"})) == tokens("session", BOBS, 100.0, BOBS_SESSION)


FILTERS = [
    {"user_id": "bob"}, {"user_id": "admin"}, {"user_id": "nobody"}, {"user_id": "%"}, {"user_id": "alice"}, {"user_id": None},
]  # fmt: skip


@pytest.mark.parametrize("named", FILTERS)
def test_alice_sees_herself_whomever_she_names(named: dict[str, str], used: None, as_alice: Caller) -> None:
    whole = tokens("user", ALICES, 561.0, Item("alice", ALICES, BEFORE, TWO))
    assert ask(as_alice, "user", FRIDAY, TODAY, **named) == whole
    sessions = tokens("session", SESSION_1.sums, 1115.0, SESSION_1)
    assert ask(as_alice, "session", session_id="s1", **named) == sessions


def test_alice_never_sees_what_is_bobs(as_alice: Caller, as_bob: Caller) -> None:
    """Not by any name of his."""
    names = {"agent_id": "bobs agent", "session_id": "bobs session", "request_source": "bobs source"}
    as_bob.post(REPORT, batch(event(input_tokens=5, model="m", **names)))
    for some in ({}, *({name: value} for name, value in names.items()), names, names | {"user_id": "bob"}):
        for dimension in ("agent", "user", "session"):
            assert ask(as_alice, dimension, FRIDAY, TODAY, **some) == tokens(dimension, NOTHING, 0.0)
    assert ask(as_alice, "session", session_id="bobs session", user_id="bob") == tokens("session", NOTHING, 0.0)


def test_who_is_no_longer_an_administrator(used: None, admin: User, as_admin: Caller) -> None:
    assert ask(as_admin, "user", FRIDAY, TODAY)["data"]["summary"]["session_count"] == 3
    User.objects.filter(pk=admin.pk).update(role="user")
    assert ask(as_admin, "user", FRIDAY, TODAY, user_id="bob") == tokens("user", NOTHING, 0.0)


def test_a_deleted_user_s_rows_stay_for_administrators(used: None, as_admin: Caller) -> None:
    before = [ask(as_admin, dimension, FRIDAY, TODAY) for dimension in ("agent", "user", "session")]
    assert as_admin.post("/api/user/delete", {"user_id": "bob"}).status_code == 200
    assert not User.objects.filter(pk="bob").exists()
    assert [ask(as_admin, dimension, FRIDAY, TODAY) for dimension in ("agent", "user", "session")] == before
    assert ask(as_admin, "user", TODAY, user_id="bob") == tokens("user", BOBS, 100.0, Item("bob", BOBS, THREE))


def test_names_that_could_be_taken_for_one_another(as_admin: Caller) -> None:
    """A session's id has the sign between the two that make a session; names differ by case, white space and accents."""
    names = ("s", ":s", "s:", "S", "s ", " s", "é", "e\u0301", "\U0001f600", "a/b?c=d&e='\"<x>%_\\")
    DailySession.objects.bulk_create(session(session_id=name, input_tokens=2) for name in names)
    others = [("bob", "s"), ("alic", "e:s")]
    DailySession.objects.bulk_create(session(user_id=user, session_id=name, input_tokens=1) for user, name in others)
    answer = ask(as_admin, "session", TODAY)["data"]
    assert answer["summary"]["session_count"] == 12
    assert sorted(item["session_id"] for item in answer["items"]) == sorted([*names, "s", "e:s"])
    for name in names:
        (first, *_others) = ask(as_admin, "session", session_id=name)["data"]["items"]
        assert (first["session_id"], first["total_tokens"]) == (name, 2)


def test_the_thousand_items_with_most_tokens(as_admin: Caller) -> None:
    """The summary is of all of them. Of as many tokens the names are in order."""
    rows = [session(session_id=f"s{number:04}", input_tokens=1 + (number == 1001), model_calls=1) for number in range(1002)]
    DailySession.objects.bulk_create(rows)
    data = ask(as_admin, "session", TODAY)["data"]
    assert data["summary"] == {**Sums(1002, 1003, 0, 1002).wire, "average_tokens_per_session": 1003 / 1002}
    assert [item["session_id"] for item in data["items"]] == ["s1001", *(f"s{number:04}" for number in range(999))]
    assert data["items"][0] == Item("s1001", Sums(1, 2, 0, 1), f"{TODAY}T08:00:00Z").wire("session")


def test_ties_are_in_the_order_of_names(as_admin: Caller) -> None:
    """Of sessions with one id, in that of their users."""
    rows = [
        session(user_id=user, session_id=name, agent_id=name, input_tokens=tokens_)
        for user, name, tokens_ in (("b", "s", 3), ("c", "s", 3), ("a", "s", 3), ("b", "r", 3), ("b", "z", 4), ("a", "a", 2))
    ]
    DailySession.objects.bulk_create(rows)
    found = {dimension: ask(as_admin, dimension, TODAY)["data"]["items"] for dimension in ("agent", "user", "session")}
    assert [(item["agent_id"], item["total_tokens"]) for item in found["agent"]] == [("s", 9), ("z", 4), ("r", 3), ("a", 2)]
    assert [(item["user_id"], item["total_tokens"]) for item in found["user"]] == [("b", 10), ("a", 5), ("c", 3)]
    ids = [item["session_id"] for item in found["session"]]
    assert ids == ["z", "r", "s", "s", "s", "a"]


def test_what_no_number_holds(as_admin: Caller) -> None:
    """Sums are told as far as 64 bits hold them, and one user's large numbers keep nobody from the rest."""
    rows = [session(session_id=f"s{number}", input_tokens=2**62 - 1, output_tokens=2**62 - 1) for number in range(5)]
    DailySession.objects.bulk_create([*rows, session(user_id="bob", input_tokens=2**52, output_tokens=2**52)])
    largest = 2**63 - 1
    answer = ask(as_admin, "user", TODAY)["data"]
    sums = {"input_tokens": largest, "output_tokens": largest, "total_tokens": largest, "model_call_count": 0}
    average = answer["summary"].pop("average_tokens_per_session")
    assert answer["summary"] == {"session_count": 6, **sums}
    assert average == pytest.approx(10 * 2**62 / 6, rel=1e-3)
    alice, bob = answer["items"]
    assert {name: alice[name] for name in sums} == sums
    assert bob == Item("bob", Sums(1, 2**52, 2**52), f"{TODAY}T08:00:00Z").wire("user")


@pytest.mark.parametrize("token", [False, True])
@pytest.mark.parametrize("dimension", ["agent", "user", "session"])
def test_queries(dimension: str, token: bool, admin: User, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    """Who asks, the summary, the items."""
    caller = signed_in(admin, token=token)
    DailySession.objects.bulk_create(
        session(user_id=f"u{number}", session_id=f"s{number}", day=DAY - timedelta(days=number)) for number in range(50)
    )
    with django_assert_num_queries(3):
        assert len(ask(caller, dimension, "2026-01-01", TODAY)["data"]["items"]) == (1 if dimension == "agent" else 50)

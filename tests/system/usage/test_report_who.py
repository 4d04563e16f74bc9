"""POST /api/system/agent/usage: who reports, and for whom."""

import pytest

from sage_platform.accounts.models import User
from sage_platform.oauth2.models import Application
from system.usage.models import UsageCaller, UsageEvent
from tests.answers import assert_forbidden, assert_logged_out
from tests.conftest import make_user
from tests.people import Caller, envelope, signed_in
from tests.system.usage.bodies import MINE, REPORT, TOKENS, assert_mistake, batch, event, taken
from tests.system.usage.reporters import product_of, program
from tests.system.usage.stored import check_sums, everything

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]


def usage(caller: Caller) -> object:
    return envelope(caller.post(MINE, {"days": 1}))["data"]["usage"]


def test_who_is_not_signed_in(anyone: Caller) -> None:
    assert_logged_out(anyone.post(REPORT, batch(event())))
    assert_logged_out(anyone.post(REPORT, batch(event()), Authorization="Bearer nonsense"), 'Bearer error="invalid_token"')
    assert everything() == [[]] * 5


@pytest.mark.parametrize("by", ["cookie", "token", "product"])
def test_a_person_reports_for_themselves_alone(by: str, alice: User, as_bob: Caller) -> None:
    """However they come. Nobody is told whether somebody else is there."""
    caller = product_of(alice) if by == "product" else signed_in(alice, token=by == "token")
    assert envelope(caller.post(REPORT, batch(event("e1"), event("e2", user_id="alice"), event("e3", user_id=None)))) == taken(3)
    before = everything()
    for other in ("bob", "nobody", "ALICE", "alice ", "Alice"):
        assert_forbidden(caller.post(REPORT, batch(event("e4"), event("e5", user_id=other))))
    assert everything() == before
    assert list(UsageCaller.objects.values_list("kind", "name")) == [("user", "alice")]
    assert set(UsageEvent.objects.values_list("user_id", flat=True)) == {"alice"}
    assert usage(as_bob) == {}


def test_the_events_are_judged_before_the_user(as_alice: Caller, as_bob: Caller) -> None:
    sent = batch(event(user_id="bob"), event(user_id="bob", count=0))
    assert_mistake(as_alice.post(REPORT, sent), "events.1.count", "A whole number from 1 to 1000000.")
    sent = batch(event(user_id="bob"), event(user_id="bob", occurred_at="2020-01-01T00:00:00Z"))
    assert_mistake(as_alice.post(REPORT, sent), "events.1.occurred_at", "No longer ago than 400 days, and at most a day ahead.")
    # And the user before the limits.
    as_alice.post(REPORT, batch(event()))
    UsageCaller.objects.update(batches=600)
    assert_forbidden(as_alice.post(REPORT, batch(event(user_id="bob"))))
    assert as_alice.post(REPORT, batch(event(user_id="alice"))).status_code == 429


def test_an_administrator_reports_for_themselves_alone(as_admin: Caller, alice: User) -> None:
    before = everything()
    assert_forbidden(as_admin.post(REPORT, batch(event(user_id="alice"))))
    assert everything() == before
    assert envelope(as_admin.post(REPORT, batch(event()))) == taken(1)
    assert usage(as_admin) == {"search": 1}


def test_alice_cannot_burn_bob_s_ids(as_alice: Caller, as_bob: Caller) -> None:
    theirs = batch(*(event(f"e{number}") for number in range(10)))
    assert envelope(as_alice.post(REPORT, theirs)) == taken(10)
    assert envelope(as_bob.post(REPORT, theirs)) == taken(10)
    assert (usage(as_alice), usage(as_bob)) == ({"search": 10}, {"search": 10})


def test_a_program_reports_for_anybody(as_alice: Caller, as_bob: Caller, hashed: str) -> None:
    """Also for who cannot sign in any more."""
    make_user("carol", hashed, is_active=False)
    robot = program()
    sent = [event("e1", user_id="alice"), event("e2", user_id="bob", count=2), event("e3", user_id="carol", count=3)]
    assert envelope(robot.post(REPORT, batch(*sent))) == taken(3)
    assert (usage(as_alice), usage(as_bob)) == ({"search": 1}, {"search": 2})
    assert list(UsageEvent.objects.order_by("event_id").values_list("user_id", "count")) == [
        ("alice", 1),
        ("bob", 2),
        ("carol", 3),
    ]
    assert list(UsageCaller.objects.values_list("kind", "name", "day")) == [("client", "robot", None)]
    # An id is the program's, whoever the event is of.
    assert envelope(robot.post(REPORT, batch(event("e1", user_id="bob")))) == taken(0, 1)
    assert usage(as_bob) == {"search": 2}


@pytest.mark.parametrize(
    ("user_id", "message", "chinese"),
    [
        (None, "This field is required.", "该字段是必填项。"),
        ("nobody", "There is no such user.", "用户不存在。"),
        ("ALICE", "There is no such user.", "用户不存在。"),
        ("alice ", "There is no such user.", "用户不存在。"),
        ("alice@sage.example", "There is no such user.", "用户不存在。"),
        ("x" * 64, "There is no such user.", "用户不存在。"),
    ],
)
def test_a_program_names_a_user_that_there_is(user_id: str | None, message: str, chinese: str, alice: User) -> None:
    robot = program()
    before = everything()
    sent = batch(event("e1", user_id="alice"), event("e2", user_id=user_id), event("e3", user_id=user_id))
    assert_mistake(robot.post(REPORT, sent), "events.1.user_id", message)
    assert_mistake(robot.post(REPORT, sent, Accept_Language="zh-CN"), "events.1.user_id", chinese)
    assert everything() == before


def test_a_program_asks_for_nobody(alice: User) -> None:
    """It reports, and reads nothing."""
    robot = program()
    assert envelope(robot.post(REPORT, batch(event(user_id="alice")))) == taken(1)
    for path, body in ((MINE, {"days": 1}), (TOKENS, {"dimension": "user"})):
        assert robot.post(path, body).status_code == 403


@pytest.mark.parametrize("beside", [False, True])
@pytest.mark.parametrize("kind", ["program", "product"])
def test_without_the_scope(*, kind: str, beside: bool, alice: User, as_alice: Caller) -> None:
    """Also beside a good cookie, which counts for nothing then. The body is not looked at."""
    other = program(scope="release:write") if kind == "program" else product_of(alice, scope="openid")
    caller = as_alice if beside else Caller()
    before = everything()
    for body in (batch(event(user_id="alice")), batch()):
        answer = caller.post(REPORT, body, Authorization=other.headers["Authorization"])
        assert_forbidden(answer)
        assert answer.headers["WWW-Authenticate"] == 'Bearer error="insufficient_scope", scope="usage:write"'
    assert everything() == before


def test_the_scope_is_taken_from_a_client(alice: User) -> None:
    """Tokens that it has lose it at once. One that has no other opens nothing any more."""
    robot, other, lage = program(scope="release:write usage:write"), program("other"), product_of(alice)
    for caller in (robot, other, lage):
        assert envelope(caller.post(REPORT, batch(event(user_id="alice")))) == taken(1)
    Application.objects.update(scope="openid release:write")
    before = everything()
    for caller in (robot, lage):
        assert_forbidden(caller.post(REPORT, batch(event("e2", user_id="alice"))))
    assert_logged_out(other.post(REPORT, batch(event("e2", user_id="alice"))), 'Bearer error="invalid_token"')
    assert everything() == before


def test_a_client_that_is_disabled_or_gone(alice: User) -> None:
    robot, other = program(), program("other")
    sent = batch(event(user_id="alice"))
    assert envelope(robot.post(REPORT, sent)) == taken(1)
    Application.objects.filter(client_id="robot").update(enabled=False)
    Application.objects.filter(client_id="other").delete()
    before = everything()
    for caller in (robot, other):
        assert_logged_out(caller.post(REPORT, batch(event("e2", user_id="alice"))), 'Bearer error="invalid_token"')
    assert everything() == before


@pytest.mark.parametrize("by", ["token", "product"])
def test_a_deactivated_person(by: str, alice: User) -> None:
    caller = product_of(alice) if by == "product" else signed_in(alice, token=True)
    assert envelope(caller.post(REPORT, batch(event()))) == taken(1)
    alice.is_active = False
    alice.save()
    before = everything()
    assert_logged_out(caller.post(REPORT, batch(event("e2"))), 'Bearer error="invalid_token"')
    assert everything() == before


def test_a_deleted_user_s_rows_stay(as_admin: Caller, as_alice: Caller, alice: User) -> None:
    robot = program()
    assert envelope(as_alice.post(REPORT, batch(event("e1", model="m", input_tokens=5)))) == taken(1)
    assert envelope(robot.post(REPORT, batch(event("e1", user_id="alice", session_id="s2")))) == taken(1)
    before = everything()
    assert envelope(as_admin.post("/api/user/delete", {"user_id": "alice"}))["code"] == 200
    assert everything() == before
    asked = {"dimension": "user", "start_date": "2026-11-28", "end_date": "2026-11-28"}
    sums = {"session_count": 2, "input_tokens": 5, "output_tokens": 0, "total_tokens": 5, "model_call_count": 1}
    assert envelope(as_admin.post(TOKENS, asked))["data"] == {
        "summary": {**sums, "average_tokens_per_session": 2.5},
        "items": [
            {
                "agent_id": None,
                "user_id": "alice",
                "session_id": None,
                **sums,
                "started_at": "2026-11-28T12:00:00Z",
                "finished_at": "2026-11-28T12:00:00Z",
            }
        ],
    }
    # Nothing more comes to them.
    assert_mistake(robot.post(REPORT, batch(event("e2", user_id="alice"))), "events.0.user_id", "There is no such user.")
    assert as_alice.post(REPORT, batch(event("e2"))).status_code == 401
    assert everything() == before
    assert check_sums() == 2

"""GET /sage/usage: the page of one's own usage, and what the account page says of it."""

import html
import re

import pytest
from pytest_django import DjangoAssertNumQueries

from tests.clock import Clock
from tests.people import Caller
from tests.system.usage.bodies import REPORT, batch, event

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]
PAGE = "/sage/usage"


def text(caller: Caller, address: str = PAGE, query: dict[str, str] | None = None) -> str:
    """What a person reads."""
    response = caller.get(address, query or {}, Accept_Language="en")
    assert response.status_code == 200
    bare = re.sub(r"(?s)<style>.*?</style>|<svg.*?</svg>", "", response.content.decode())
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", bare)).split())


def report(caller: Caller, *, agent: str, days_ago: int = 0, **fields: object) -> None:
    day = 28 - days_ago
    occurred = f"2026-11-{day:02}T11:00:00Z" if day > 0 else f"2026-10-{day + 31:02}T11:00:00Z"
    given = event(f"{agent} {days_ago}", agent_id=agent, action=f"{agent}-does", occurred_at=occurred, **fields)
    assert caller.post(REPORT, batch(given)).status_code == 200


@pytest.fixture
def both(noon: Clock, as_alice: Caller, as_bob: Caller) -> None:
    """At noon: a fixture of a class comes before those of its file, so that this has to ask for it."""
    tokens = {"input_tokens": 219921, "cached_tokens": 170496, "output_tokens": 3562}
    report(as_alice, agent="writer", count=1200, model="writing-2", **tokens)
    report(as_alice, agent="reader", days_ago=29, count=34)
    report(as_alice, agent="older", days_ago=30, count=500)
    report(as_bob, agent="stranger", count=7, model="strange-model", **tokens)


def test_logged_out(anyone: Caller) -> None:
    response = anyone.get(f"{PAGE}?days=7")
    assert (response.status_code, response.headers["Location"]) == (302, "/sage/login?next=%2Fsage%2Fusage%3Fdays%3D7")


@pytest.mark.usefixtures("both")
class TestOnesOwn:
    def test_in_whole_numbers(self, as_alice: Caller) -> None:
        shown = text(as_alice)
        assert "Calls 1,234 1,200 of models" in shown
        assert "Input tokens 219,921 170,496 cached" in shown
        assert "Output tokens 3,562 0 reasoning" in shown
        assert "Tokens in all 223,483" in shown
        assert "writer 1,200 223,483 reader 34 0" in shown
        assert "writer-does 1,200 223,483 reader-does 34 0" in shown
        assert "writing-2 1,200 223,483" in shown
        assert "older" not in shown

    @pytest.mark.parametrize(("days", "calls"), [("7", "1,200"), ("30", "1,234"), ("90", "1,734"), ("365", "1,734")])
    def test_of_so_many_days(self, days: str, calls: str, as_alice: Caller) -> None:
        assert f"Calls {calls} " in text(as_alice, query={"days": days})
        chosen = as_alice.get(PAGE, {"days": days}).content.decode()
        assert re.findall(r'href="\?days=(\d+)" aria-current="true"', chosen) == [days]

    @pytest.mark.parametrize("days", ["", "0", "8", "-7", "366", "７", "x" * 5000, "7\0"])
    def test_any_other_number_is_thirty(self, days: str, as_alice: Caller) -> None:
        assert "Calls 1,234 " in text(as_alice, query={"days": days})

    @pytest.mark.parametrize("name", ["user", "user_id", "id", "owner", "agent_id", "days"])
    @pytest.mark.parametrize("value", ["bob", "stranger"])
    def test_never_anybody_elses(self, name: str, value: str, as_alice: Caller, as_admin: Caller) -> None:
        assert text(as_alice, query={name: value}) == text(as_alice)
        assert "strange-model" not in as_alice.get(PAGE, {name: value}).content.decode()
        assert "No usage in the last 30 days." in text(as_admin, query={name: value})

    def test_the_account_page_says_how_much(self, as_alice: Caller, as_bob: Caller, clock: Clock) -> None:
        assert "Your usage 1,234 calls and 223,483 tokens in the last 30 days. See your usage" in text(as_alice, "/sage/")
        assert "Your usage 7 calls and 223,483 tokens in the last 30 days." in text(as_bob, "/sage/")
        clock.forward(days=1)
        assert "Your usage 1,200 calls and 223,483 tokens in the last 30 days." in text(as_alice, "/sage/")

    def test_queries(self, as_alice: Caller, as_bob: Caller, django_assert_num_queries: DjangoAssertNumQueries) -> None:
        for caller in (as_alice, as_bob):
            text(caller)
            with django_assert_num_queries(7):  # Who asks, and the report's.
                text(caller, query={"days": "365"})


def test_none_yet(as_alice: Caller) -> None:
    assert "No usage in the last 30 days." in text(as_alice)
    assert "No usage in the last 365 days." in text(as_alice, query={"days": "365"})
    assert "Your usage No usage in the last 30 days." in text(as_alice, "/sage/")


def test_one_call(as_alice: Caller) -> None:
    report(as_alice, agent="writer")
    assert "Your usage 1 call and 0 tokens in the last 30 days." in text(as_alice, "/sage/")

"""manage.py usage_report"""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from sage_platform.accounts.models import User
from tests.clock import Clock
from tests.people import Caller
from tests.system.usage.bodies import REPORT, batch, event

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the terminal is that the tests run in."""
    monkeypatch.setenv("COLUMNS", "160")


def run(*options: str) -> str:
    out = StringIO()
    call_command("usage_report", *options, stdout=out)
    return out.getvalue()


@pytest.fixture
def used(noon: Clock, as_alice: Caller, as_bob: Caller) -> None:
    """At noon: a fixture of a class comes before those of its file, so that this has to ask for it."""
    tokens = {"input_tokens": 219921, "cached_tokens": 170496, "output_tokens": 3562, "reasoning_tokens": 60}
    as_alice.post(REPORT, batch(event("a", model="m", count=1200, **tokens)))
    as_alice.post(REPORT, batch(event("b", agent_id="[red]reader\x1b[2J", action="=read", occurred_at="2026-10-30T12:00:00Z")))
    as_alice.post(REPORT, batch(event("c", agent_id="older", occurred_at="2026-10-29T12:00:00Z")))
    as_bob.post(REPORT, batch(event("d", session_id="s2", count=3, input_tokens=5)))


def numbers(*sums: int) -> dict[str, int]:
    names = ("calls", "model_call_count", "input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens", "total_tokens")
    return dict(zip(names, sums, strict=True))


ALICE = numbers(1200, 1200, 219921, 170496, 3562, 60, 223483)
BOB = numbers(3, 0, 5, 0, 0, 0, 5)
BOTH = numbers(1203, 1200, 219926, 170496, 3562, 60, 223488)


@pytest.mark.usefixtures("used")
class TestUsed:
    def test_json(self) -> None:
        assert json.loads(run("--days", "1", "--format", "json")) == {
            "start_date": "2026-11-28",
            "end_date": "2026-11-28",
            "user_id": None,
            "agent_id": None,
            "summary": {"session_count": 2, **BOTH},
            "by_day": [{"date": "2026-11-28", **BOTH}],
            "by_agent": {"items": [{"agent_id": "writer", **BOTH}], "more": 0},
            "by_user": {
                "items": [
                    {"user_id": "alice", "username": "alice", **ALICE},
                    {"user_id": "bob", "username": "bob", **BOB},
                ],
                "more": 0,
            },
            "by_action": {"items": [{"action": "search", **BOTH}], "more": 0},
            "by_model": {"items": [{"model": "m", **ALICE}], "more": 0},
        }

    def test_csv(self) -> None:
        assert run("--days", "1", "--format", "csv", "--top", "1", "--user", "bob") == (
            '\ufeff"kind","name","username","calls","model_calls","input_tokens","cached_tokens","output_tokens",'
            '"reasoning_tokens","total_tokens","sessions"\r\n'
            '"total","2026-11-28/2026-11-28","",3,0,5,0,0,0,5,1\r\n'
            '"day","2026-11-28","",3,0,5,0,0,0,5,""\r\n'
            '"agent","writer","",3,0,5,0,0,0,5,""\r\n'
            '"user","bob","bob",3,0,5,0,0,0,5,""\r\n'
            '"action","search","",3,0,5,0,0,0,5,""\r\n'
        )

    def test_table(self) -> None:
        """With names as they are, and nothing in them that steers a terminal."""
        shown = run("--top", "1", "--from", "2026-10-30", "--to", "2026-11-28")
        assert shown.splitlines()[0] == "2026-10-30 to 2026-11-28, UTC. Sessions: 2."
        cells = [[cell.strip() for cell in line.strip("│┃").replace("┃", "│").split("│")] for line in shown.splitlines()]
        rows = [row for row in cells if len(row) == 8]
        head = ["calls", "model calls", "input", "cached", "output", "reasoning", "tokens"]
        everything = ["1,204", "1,200", "219,926", "170,496", "3,562", "60", "223,488"]
        most = ["1,203", *everything[1:]]
        alices = ["1,201", "1,200", "219,921", "170,496", "3,562", "60", "223,483"]
        first = ["1,200", *alices[1:]]
        more = ["and 1 more", *[""] * 7]
        assert rows == [
            ["day", *head],
            ["2026-10-30", "1", *["0"] * 6],
            ["2026-11-28", *most],
            ["all", *everything],
            ["agent", *head],
            ["writer", *most],
            more,
            ["user", *head],
            ["alice", *alices],
            more,
            ["action", *head],
            ["search", *most],
            more,
            ["model", *head],
            ["m", *first],
        ]
        assert "[red]reader [2J" in run("--agent", "[red]reader\x1b[2J")

    @pytest.mark.parametrize("name", ["alice", "Alice Smith"])
    def test_of_one_user_by_id_or_name(self, name: str, alice: User) -> None:
        User.objects.filter(pk="alice").update(username="Alice Smith", username_key="alice smith")
        told = json.loads(run("--user", name, "--format", "json"))
        assert (told["user_id"], told["summary"]["calls"]) == ("alice", 1201)
        assert [item["username"] for item in told["by_user"]["items"]] == ["Alice Smith"]

    def test_of_a_deleted_user(self, alice: User) -> None:
        alice.delete()
        told = json.loads(run("--user", "alice", "--format", "json"))
        assert [(item["user_id"], item["username"]) for item in told["by_user"]["items"]] == [("alice", None)]

    def test_of_one_agent(self) -> None:
        told = json.loads(run("--agent", "older", "--days", "31", "--format", "json"))
        assert (told["agent_id"], told["summary"]["calls"]) == ("older", 1)

    def test_thirty_days_unless_said_otherwise(self) -> None:
        told = json.loads(run("--format", "json"))
        assert (told["start_date"], told["end_date"], told["summary"]["calls"]) == ("2026-10-30", "2026-11-28", 1204)
        assert json.loads(run("--format", "json", "--days", "31"))["summary"]["calls"] == 1205


def test_nothing_at_all(db: None) -> None:
    assert run() == "No usage from 2026-10-30 to 2026-11-28.\n"
    told: dict[str, Any] = json.loads(run("--format", "json", "--days", "2"))
    assert told["summary"] == {"session_count": 0, **numbers(*[0] * 7)}
    assert [day["date"] for day in told["by_day"]] == ["2026-11-27", "2026-11-28"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--user", "nobody"], "There is no user with the id or name nobody, and no usage of one."),
        (["--from", "2026-11-01"], "Give both --from and --to, or --days."),
        (["--to", "2026-11-01"], "Give both --from and --to, or --days."),
        (["--from", "2026-11-02", "--to", "2026-11-01"], "--to is before --from."),
        (["--from", "2026-11-01", "--to", "2026-11-02", "--days", "3"], "Give --from and --to, or --days, not all of them."),
        (["--from", "0001-01-01", "--to", "2026-11-02"], "From --from to --to are 739922 days; at most 3660."),
        (["--from", "2026-02-30", "--to", "2026-11-01"], "Error: argument --from: expected a day such as 2026-01-31"),
        (["--days", "0"], "Error: argument --days: expected a whole number from 1 to 3660"),
        (["--top", "1001"], "Error: argument --top: expected a whole number from 1 to 1000"),
    ],
)
def test_what_is_refused(options: list[str], message: str) -> None:
    with pytest.raises(CommandError) as refused:
        run(*options)
    assert str(refused.value) == message

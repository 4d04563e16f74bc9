"""manage.py prune --user: what is kept of a user's usage goes, and nothing else."""

from collections.abc import Callable
from io import StringIO
from itertools import count

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from sage_platform.accounts.models import Session, SignIn, User
from sage_platform.accounts.services import pruning
from system.usage.models import DailySession, DailyUsage, UsageCaller, UsageEvent, UsageName
from tests.people import Caller, envelope
from tests.racing import all_at_once, begin, where_rows_are_locked
from tests.system.usage.bodies import REPORT, batch, event, numbered, taken
from tests.system.usage.reporters import program
from tests.system.usage.stored import check_sums, everything

pytestmark = pytest.mark.django_db

NOTHING = (
    "usage names: 0 removed\nusage callers: 0 removed\nusage events: 0 removed\n"
    "usage by day: 0 removed\nsessions by day: 0 removed\nNothing is kept about the user id alice.\n"
)


def run(*options: str) -> str:
    out = StringIO()
    call_command("prune", *options, stdout=out)
    return out.getvalue()


def left_of(user_id: str) -> list[int]:
    return [
        UsageName.objects.filter(caller__name=user_id).count(),
        UsageCaller.objects.filter(name=user_id).count(),
        *(model.objects.filter(user_id=user_id).count() for model in (UsageEvent, DailyUsage, DailySession)),
    ]


@pytest.fixture
def robot(as_alice: Caller, as_bob: Caller) -> Caller:
    """Alice and bob have reported, and a program for both: of alice three events in two days and two sessions."""
    robot = program()
    yesterday = event("e2", occurred_at="2026-11-27T12:00:00Z", session_id="s2")
    for caller in (as_alice, as_bob):
        assert envelope(caller.post(REPORT, batch(event(), yesterday))) == taken(2)
    assert envelope(robot.post(REPORT, batch(event(user_id="alice"), event("e2", user_id="bob")))) == taken(2)
    return robot


@pytest.mark.usefixtures("noon", "robot")
class TestWhatGoes:
    def test_a_dry_run_only_says(self) -> None:
        before = everything()
        assert run("--user", "alice", "--dry-run") == (
            "usage names: 4 to remove\nusage callers: 1 to remove\nusage events: 3 to remove\n"
            "usage by day: 2 to remove\nsessions by day: 2 to remove\n"
        )
        assert everything() == before

    def test_all_of_hers_and_nothing_of_others(self, alice: User) -> None:
        Session.objects.create(session_key="old", session_data="x", expire_date="2001-01-01T00:00:00Z")
        bobs = left_of("bob")
        assert run("--user", "alice") == (
            "usage names: 4 removed\nusage callers: 1 removed\nusage events: 3 removed\n"
            "usage by day: 2 removed\nsessions by day: 2 removed\n"
        )
        assert left_of("alice") == [0] * 5
        assert left_of("bob") == bobs == [4, 1, 3, 2, 2]
        assert Session.objects.filter(session_key="old").exists()
        assert UsageCaller.objects.filter(name="robot").exists()
        assert SignIn.objects.filter(user=alice).exists()
        assert run("--user", "alice") == NOTHING

    def test_of_a_user_who_was_deleted(self, alice: User) -> None:
        alice.delete()
        assert left_of("alice") == [4, 1, 3, 2, 2]
        run("--user", "alice")
        assert left_of("alice") == [0] * 5

    def test_ids_that_are_forgotten_count_again(self, as_alice: Caller, as_bob: Caller, robot: Caller) -> None:
        """Her own and those that a program reported of her; not a program's of somebody else."""
        run("--user", "alice")
        assert envelope(as_alice.post(REPORT, batch(event()))) == taken(1)
        assert envelope(robot.post(REPORT, batch(event(user_id="alice"), event("e2", user_id="bob")))) == taken(1, 1)
        assert envelope(as_bob.post(REPORT, batch(event()))) == taken(0, 1)

    def test_in_batches(self, monkeypatch: pytest.MonkeyPatch, as_alice: Caller) -> None:
        monkeypatch.setattr(pruning, "BATCH", 2)
        as_alice.post(REPORT, batch(*(event(f"more {number}", session_id=f"s{number}") for number in range(5))))
        assert "usage events: 8 removed\n" in run("--user", "alice")
        assert left_of("alice") == [0] * 5
        assert left_of("bob") == [4, 1, 3, 2, 2]

    def test_cut_short_and_run_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Once the caller is gone its events are found all the same."""

        def stop(began: float) -> None:
            if not UsageCaller.objects.filter(name="alice").exists():
                raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(pruning, "_pause", stop)
            with pytest.raises(KeyboardInterrupt):
                run("--user", "alice")
        assert left_of("alice") == [0, 0, 3, 2, 2]
        run("--user", "alice")
        assert left_of("alice") == [0] * 5


def test_an_unknown_id(db: None) -> None:
    assert run("--user", "alice") == NOTHING


def test_a_name_in_the_place_of_an_id(alice: User) -> None:
    User.objects.filter(pk="alice").update(username="Alice Smith", username_key="alice smith")
    assert run("--user", "Alice Smith").splitlines()[-2:] == [
        "Nothing is kept about the user id Alice Smith.",
        "There is a user with that name, whose id is alice.",
    ]


def test_no_id_at_all_is_not_all(db: None) -> None:
    """As where a script's variable is empty."""
    Session.objects.create(session_key="old", session_data="x", expire_date="2001-01-01T00:00:00Z")
    with pytest.raises(CommandError, match=r"^--user: expected the id of a user\.$"):
        run("--user", "")
    assert Session.objects.filter(session_key="old").exists()


@pytest.mark.django_db(transaction=True)
def test_reports_go_on_meanwhile(as_alice: Caller, as_bob: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of her by herself and by two programs, of bob by one of them: nobody is refused, and bob's numbers are whole."""
    monkeypatch.setattr(pruning, "BATCH", 3)
    robots = [program("one"), program("two")]
    as_alice.post(REPORT, numbered(50))
    numbers = count()

    def reporting(caller: Caller, *users: str) -> Callable[[], list[object]]:
        def report() -> list[object]:
            agents = [f"a{number}" for number in range(4)]
            answers = []
            for _time in range(10):
                named = [{"user_id": user} for user in users] or [{}]
                events = [event(f"n{next(numbers)}", agent_id=agent, **fields) for agent in agents for fields in named]
                answers.append((envelope(caller.post(REPORT, batch(*events))), taken(len(events))))
            return [answer for answer, wanted in answers if answer != wanted]

        return report

    acts: list[Callable[[], object]] = [
        reporting(as_alice),
        reporting(robots[0], "alice", "bob"),
        reporting(robots[1], "bob", "alice"),
        lambda: [run("--user", "alice") for _time in range(5)] and [],
    ]
    assert all_at_once(*acts) == [[]] * 4
    assert UsageEvent.objects.exclude(caller__in=UsageCaller.objects.all()).count() == 0
    run("--user", "alice")
    assert left_of("alice") == [0] * 5
    assert check_sums() == UsageEvent.objects.filter(user_id="bob").count() == 80


@pytest.mark.django_db(transaction=True)
@where_rows_are_locked
@pytest.mark.parametrize("model", [UsageCaller, UsageEvent, DailyUsage, DailySession])
def test_it_waits_for_what_a_request_holds(
    model: type[UsageCaller | UsageEvent | DailyUsage | DailySession], as_alice: Caller
) -> None:
    """And leaves nothing of it, as the daily run would."""
    as_alice.post(REPORT, numbered(3))
    with transaction.atomic():
        list(model.objects.select_for_update())
        waiting = begin(lambda: run("--user", "alice"))
        assert not waiting.done()
    waiting.result(timeout=20)
    assert left_of("alice") == [0] * 5

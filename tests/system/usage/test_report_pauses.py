"""POST /api/system/agent/usage: a large batch stops again and again for others, and never within its transaction."""

import pytest
from django.db import connection

from sage_platform.turns import turns
from system.usage.models import UsageCaller, UsageEvent
from tests.people import Caller, envelope
from tests.system.usage.bodies import REPORT, batch, event, numbered, taken
from tests.system.usage.stored import check_sums

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("noon")]


@pytest.fixture
def in_transactions(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Of each pause, whether it was within a transaction."""
    found: list[bool] = []
    monkeypatch.setattr(turns, "give_way", lambda: found.append(connection.in_atomic_block))
    return found


def test_others_run_between_pieces_and_before_the_transaction(as_alice: Caller, in_transactions: list[bool]) -> None:
    """SQLite has one lock for writing: each pause within the transaction would be one of all that write."""
    events = [event(f"e{number}", session_id=f"s{number}", action=f"a{number}") for number in range(500)]
    assert envelope(as_alice.post(REPORT, batch(*events))) == taken(500)
    # Of 500 there are ten pieces: of the body, of the rows, of what is added up, and of the rows of both sums.
    assert in_transactions == [False] * 9 * 5
    assert check_sums() == 500


def test_a_batch_of_which_a_part_is_known(as_alice: Caller, in_transactions: list[bool]) -> None:
    """What it adds to the sums is only known within the transaction, and there it does not stop."""
    as_alice.post(REPORT, numbered(150))
    in_transactions.clear()
    assert envelope(as_alice.post(REPORT, numbered(500))) == taken(350, 150)
    assert in_transactions == [False] * 9 * 3
    assert check_sums() == 500


def test_nothing_is_made_of_a_large_batch_that_comes_too_soon(as_alice: Caller, in_transactions: list[bool]) -> None:
    as_alice.post(REPORT, batch(event("first")))
    UsageCaller.objects.update(batches=600)
    assert as_alice.post(REPORT, numbered(500)).status_code == 429
    assert in_transactions == [False] * 9, "the body was read, and that was all"
    assert (UsageEvent.objects.count(), UsageCaller.objects.get().batches) == (1, 600)

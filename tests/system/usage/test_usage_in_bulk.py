"""The rows that the benchmark measures with: they are what reporting the same events makes."""

from typing import Any

import pytest
from django.utils import timezone

from sage_platform.accounts.models import User
from system.usage.events import Event
from system.usage.ingest import Reporter, ingest
from system.usage.models import DailySession, DailyUsage, UsageCaller, UsageEvent
from tests.benchmarks.usage_rows import KINDS, PEOPLE, usage_rows

DAYS, SESSIONS = 9, 2
# Each row of sums has one event, and each second of them another.
EVENTS = DAYS * PEOPLE * KINDS * SESSIONS * 3 // 2


def sums() -> list[list[dict[str, Any]]]:
    usage = DailyUsage.objects.order_by("day", "user_id", "action")
    sessions = DailySession.objects.order_by("day", "user_id", "session_id")
    return [[without(row, "id") for row in rows.values()] for rows in (usage, sessions)]


def without(row: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in names}


@pytest.mark.django_db
def test_sums_made_in_bulk_are_those_of_reporting_the_events() -> None:
    User.objects.bulk_create([User(id=f"person{number}", username=f"person{number}") for number in range(PEOPLE)])
    assert usage_rows(EVENTS // 3, SESSIONS, DAYS) == EVENTS // 3
    assert usage_rows(EVENTS, SESSIONS, DAYS) == EVENTS - EVENTS // 3
    made = sums()
    assert [len(each) for each in made] == [DAYS * PEOPLE * KINDS, DAYS * PEOPLE * KINDS * SESSIONS]
    events = [Event(**without(row, "id", "caller_id", "received_at")) for row in UsageEvent.objects.values()]
    for model in (DailyUsage, DailySession, UsageEvent):
        model.objects.all().delete()
    reporter = Reporter(UsageCaller.Kind.CLIENT, "bulk")
    for first in range(0, EVENTS, 1000):
        ingest(reporter, events[first : first + 1000], at=timezone.now())
    assert sums() == made

"""The rows that the benchmark measures with: their sums are a recount of their events, as those of reported ones."""

import pytest

from system.usage.models import DailySession, DailyUsage
from tests.benchmarks.usage_rows import KINDS, PEOPLE, usage_rows
from tests.system.usage.stored import check_sums

DAYS, SESSIONS = 9, 2
KINDS_OF_WORK = DAYS * PEOPLE * KINDS
# Each session has an event, and every second one another.
EVENTS = KINDS_OF_WORK * SESSIONS * 3 // 2


@pytest.mark.django_db
def test_the_sums_are_those_of_the_events() -> None:
    for end in (EVENTS // 3, EVENTS):
        usage_rows(end, SESSIONS, DAYS)
        assert check_sums() == end
    assert (DailyUsage.objects.count(), DailySession.objects.count()) == (KINDS_OF_WORK, KINDS_OF_WORK * SESSIONS)

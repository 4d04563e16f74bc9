"""The rows that the benchmark measures with: their sums are a recount of their events, as those of reported ones."""

import pytest
from django.utils import timezone

from sage_platform.accounts.models import User
from sage_platform.api.bodies import strict_json
from sage_platform.api.structs import checked
from system.usage.events import Batch
from system.usage.ingest import Ingested, Reporter, ingest
from system.usage.models import DailySession, DailyUsage, UsageCaller
from tests.benchmarks import reporting
from tests.benchmarks.usage_rows import KINDS, PEOPLE, usage_rows
from tests.system.usage.stored import check_sums

DAYS, SESSIONS = 9, 2
KINDS_OF_WORK = DAYS * PEOPLE * KINDS
# Each session has an event, and every second one another.
EVENTS = KINDS_OF_WORK * SESSIONS * 3 // 2


@pytest.mark.django_db
@pytest.mark.usefixtures("noon")
def test_the_sums_are_those_of_the_events() -> None:
    for end in (EVENTS // 3, EVENTS):
        usage_rows(end, SESSIONS, DAYS)
        assert check_sums() == end
    assert (DailyUsage.objects.count(), DailySession.objects.count()) == (KINDS_OF_WORK, KINDS_OF_WORK * SESSIONS)


@pytest.mark.django_db
def test_what_the_reporters_send_counts() -> None:
    users = [User.objects.create(id=f"person{number}", username=f"person{number}").pk for number in range(reporting.USERS)]
    batch = checked(Batch, strict_json(reporting.events(1, 0, users).encode()))
    taken = ingest(Reporter(UsageCaller.Kind.CLIENT, "reporter"), batch.events, at=timezone.now())
    assert taken == Ingested(accepted=reporting.BATCH, duplicates=0)
    # The moments of a batch are of half a second, which may have had midnight in it.
    assert DailySession.objects.values("session_id").distinct().count() == reporting.SESSIONS

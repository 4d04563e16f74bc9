"""Events of usage count once, and add up, however many processes take them at the same moment. The server is in Shanghai."""

import json
from typing import Any

import pytest

from tests.e2e.crashes import database
from tests.e2e.served import lay_database, prepared
from tests.system.usage.stored import check_sums

pytestmark = [pytest.mark.served, pytest.mark.xdist_group("timed")]
MADE_UP = "SELECT count(*) FROM system_usageevent WHERE event_id LIKE 'made-up-%'"


def test_eight_processes_report_at_once() -> None:
    with prepared(TZ="Asia/Shanghai", SAGE_ALLOWED_HOSTS="testserver") as platform:
        lay_database(platform)
        done = platform.run_module("tests.e2e.reporting_usage")
        assert done.returncode == 0, done.stderr
        told: dict[str, Any] = {}
        for line in done.stdout.splitlines():
            told |= json.loads(line)
        with database(platform) as execute:
            made_up = execute(MADE_UP).fetchone()[0]
            stored = check_sums(execute)
            of_day = execute("SELECT events_of_day FROM system_usagecaller WHERE name = 'bob'").fetchone()[0]
    sent = told["anything"]["accepted"] + told["anything"]["duplicates"]
    assert told == {
        "same_batch": {"statuses": {"200": 8}, "accepted": 500, "duplicates": 3500},
        "overlapping": {"statuses": {"200": 48}, "accepted": 2880, "duplicates": 0},
        "anything": {"statuses": {"200": 96}, "accepted": made_up, "duplicates": sent - made_up},
        "last_room": {"statuses": {"200": 3, "429": 5}, "accepted": 300, "duplicates": 0},
    }, done.stderr
    assert (stored, of_day) == (500 + 2880 + made_up + 300, 99_950)

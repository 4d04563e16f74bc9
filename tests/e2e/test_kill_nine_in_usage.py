"""`kill -9` of the whole server while usage is reported: what was acknowledged counts once, a batch is there whole or not at all,
and the sums are those of the events.
"""

import json
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest

from tests.e2e.crashes import Senders, database, kill_nine
from tests.e2e.served import Browser, Platform, served
from tests.system.usage.stored import check_sums

pytestmark = [pytest.mark.served, pytest.mark.xdist_group("timed")]

REPORT = "/api/system/agent/usage"
SECRET = "kQ9x-Zr4tV7b_Lm2nW8pYc3dHf6jGs1u"
PROGRAMS = ("robot", "crawler")
CLIENTS = {
    "grant_types": ["client_credentials"],
    "client_secret": SECRET,
    "scope": "usage:write",
    "token_endpoint_auth_method": "client_secret_post",
}
CLIENTS_AT_ONCE = 6
BATCHES = 250
EVENTS = 40
KILLS = 3
STORED = """
SELECT caller.name, event.event_id FROM system_usageevent event JOIN system_usagecaller caller ON caller.id = event.caller_id
"""


@dataclass(frozen=True)
class Batch:
    """Of one caller. Batches have their agents and sessions in common, so that all add to the same sums."""

    caller: str
    number: int

    @property
    def ids(self) -> list[tuple[str, str]]:
        return [(self.caller, f"{self.number}-{one}") for one in range(EVENTS)]

    def body(self, user_id: str) -> dict[str, Any]:
        named = {"user_id": user_id, "session_id": f"s{self.number % 3}", "action": "search", "model": "m", "count": 2}
        return {
            "events": [
                {"event_id": event_id, "agent_id": f"agent{index % 5}", "input_tokens": self.number, **named}
                for index, (_caller, event_id) in enumerate(self.ids)
            ]
        }


@dataclass
class Reports(Senders[Batch]):
    """Two programs and a person, who send a batch again when they got no answer."""

    platform: Platform
    user_id: str
    callers: dict[str, Browser]
    at_once: ClassVar[int] = CLIENTS_AT_ONCE
    acknowledged: list[Batch] = field(default_factory=list)
    # Told at the second try that all of it was there.
    found_stored: list[Batch] = field(default_factory=list)

    def send(self, batch: Batch) -> None:
        caller = self.callers[batch.caller]
        answer = Browser(caller.base, {"Authorization": str(caller.session.headers["Authorization"])}).post(
            REPORT, batch.body(self.user_id)
        )
        assert answer.status_code == 200, answer.text
        told = answer.json()["data"]
        if told == {"accepted": 0, "duplicates": EVENTS}:
            # The answer was lost. Somebody who was never cut off has sent nothing twice.
            assert batch in self.unanswered
            self.found_stored.append(batch)
        else:
            assert told == {"accepted": EVENTS, "duplicates": 0}
        self.acknowledged.append(batch)

    @property
    def done(self) -> int:
        return len(self.acknowledged)


def check_stored(reports: Reports) -> None:
    """While no server runs, so that nobody has mended anything yet."""
    with database(reports.platform) as execute:
        if not reports.platform.environment["DATABASE_URL"]:
            assert execute("PRAGMA integrity_check").fetchone() == ("ok",)
        stored = Counter((caller, event_id) for caller, event_id in execute(STORED).fetchall())
        assert set(stored.values()) <= {1}
        whole = {batch for batch in {*reports.acknowledged, *reports.unanswered} if all(one in stored for one in batch.ids)}
        assert set(reports.acknowledged) <= whole
        # Of what is unanswered a batch is there whole or not at all, and nothing else is there.
        assert len(stored) == len(whole) * EVENTS
        assert check_sums(execute) == len(stored)


def program(platform: Platform, name: str) -> Browser:
    fields = {"grant_type": "client_credentials", "client_id": name, "client_secret": SECRET}
    token = platform.caller().send("POST", "/oauth2/token", data=fields).json()["access_token"]
    return platform.caller(Authorization=f"Bearer {token}")


def test_every_acknowledged_batch_counts_once() -> None:
    seed = random.getrandbits(32)
    print(f"seed of the kills: {seed}")
    moments = random.Random(seed)
    clients = json.dumps([CLIENTS | {"client_id": name, "name": name.title()} for name in PROGRAMS])
    with served(workers=2, SAGE_OAUTH2_CLIENTS=clients) as platform:
        admin = platform.admin()
        user_id = admin.get("/api/auth/session").json()["data"]["user"]["userid"]
        reports = Reports(platform, user_id, {user_id: admin} | {name: program(platform, name) for name in PROGRAMS})
        for number in range(BATCHES):
            reports.waiting.put(Batch([*PROGRAMS, user_id][number % 3], number))
        for _ in range(KILLS):
            reports.start()
            reports.wait_for(len(reports.acknowledged) + moments.randint(20, 50))
            time.sleep(moments.uniform(0, 0.03))
            assert platform.process is not None
            kill_nine(platform.process)
            platform.process = None
            reports.end()
            check_stored(reports)
            platform.start()
        reports.start()
        reports.wait_for(BATCHES)
        reports.end()
        check_stored(reports)
        platform.stop()

    cut_off, stored = len(reports.unanswered), len(reports.found_stored)
    print(f"{len(reports.acknowledged)} acknowledged, {cut_off} cut off, {stored} of them stored all the same")
    assert reports.unanswered, "no kill came in the middle of a report"
    assert Counter(batch.number for batch in reports.acknowledged) == Counter(range(BATCHES))

"""`kill -9` of the whole server in the middle of registrations: what was acknowledged is there, and nothing is half-made."""

import random
import time
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest

from tests.e2e.crashes import Senders, database, kill_nine
from tests.e2e.served import Platform, served

pytestmark = [pytest.mark.served, pytest.mark.xdist_group("timed")]

REGISTRATIONS = 500
CLIENTS = 8
KILLS = 4
PASSWORD = "correct horse battery"
CODE = "271828"

# What 500 mails would have left behind: mailing them is not the point here, and would take minutes.
PREPARE = f"""
from datetime import timedelta
from django.utils import timezone
from sage_platform.accounts.models import RegistrationCode
from sage_platform.accounts.services.limits import keyed_digest
keys = [f"person{{number}}@sage.example" for number in range({REGISTRATIONS})]
later = timezone.now() + timedelta(seconds=300)
RegistrationCode.objects.bulk_create(
    RegistrationCode(email_key=key, digest=keyed_digest(key, "{CODE}"), expires_at=later) for key in keys
)
"""

USERS = """
SELECT id, username, username_key, email, email_key, password, role, is_active
FROM accounts_user WHERE username <> 'admin'
"""
CODES = "SELECT email_key FROM accounts_registrationcode"


@dataclass
class Registrations(Senders[int]):
    """500 people who register, eight at a time. Whoever gets no answer tries again when the server is back."""

    platform: Platform
    at_once: ClassVar[int] = CLIENTS
    acknowledged: dict[int, str] = field(default_factory=dict)  # The user's id by the person's number, in order of the answers.
    found_made: set[int] = field(default_factory=set)  # Told at the second try that the code is used up.

    def send(self, number: int) -> None:
        name = f"person{number}"
        body = {"username": name, "email": f"{name}@sage.example", "password": PASSWORD, "verification_code": CODE}
        answer = self.platform.caller().post("/api/auth/register", body)
        assert answer.status_code == 200, answer.text
        told = answer.json()
        if told["code"] == 200:
            self.acknowledged[number] = told["data"]["user_id"]
            return
        # The user was made and the answer was lost. Somebody who was never cut off is refused nothing.
        assert (told["code"], told["message"]) == (400, "The verification code is wrong or has expired.")
        assert number in self.unanswered
        self.found_made.add(number)

    @property
    def done(self) -> int:
        return len(self.acknowledged) + len(self.found_made)


@dataclass
class Kept:
    """What the database holds."""

    users: list[Any]
    codes: list[str]


def look(platform: Platform) -> Kept:
    with database(platform) as execute:
        if not platform.environment["DATABASE_URL"]:
            assert execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return Kept(execute(USERS).fetchall(), [key for (key,) in execute(CODES).fetchall()])


def check_nothing_is_half_made(kept: Kept) -> None:
    for user_id, username, username_key, email, email_key, password, role, active in kept.users:
        assert user_id
        assert (username_key, email, email_key) == (username, f"{username}@sage.example", f"{username}@sage.example")
        assert (role, bool(active)) == ("user", True)
        assert password.startswith("argon2$")
    # Each of the 500 has either an account or a code to make one with: never both, never neither.
    made = [row[4] for row in kept.users]
    assert sorted(made + kept.codes) == sorted(f"person{number}@sage.example" for number in range(REGISTRATIONS))


def test_every_acknowledged_registration_survives_and_none_is_half_made() -> None:
    seed = random.getrandbits(32)
    print(f"seed of the kills: {seed}")
    moments = random.Random(seed)
    with served(workers=2, DJANGO_SETTINGS_MODULE="tests.e2e.cheap_hashes") as platform:
        assert platform.admin().post("/api/system/update_settings", {"allow_registration": True}).json()["code"] == 200
        prepared = platform.manage("shell", "--no-imports", "-c", PREPARE)
        assert prepared.returncode == 0, prepared.stderr
        people = Registrations(platform)
        for number in range(REGISTRATIONS):
            people.waiting.put(number)
        for _ in range(KILLS):
            people.start()
            people.wait_for(people.done + moments.randint(40, 80))
            time.sleep(moments.uniform(0, 0.02))
            assert platform.process is not None
            kill_nine(platform.process)
            platform.process = None
            people.end()
            # While no server runs, so that nobody has mended anything yet.
            kept = look(platform)
            check_nothing_is_half_made(kept)
            by_name = {row[1]: row[0] for row in kept.users}
            for number, user_id in people.acknowledged.items():
                assert by_name[f"person{number}"] == user_id
            platform.start()
            # Those acknowledged at the last moment before the kill are the ones that could be missing.
            for number in list(people.acknowledged)[-3:]:
                session = platform.signed_in(f"person{number}", PASSWORD).get("/api/auth/session").json()
                assert session["data"]["user"]["userid"] == people.acknowledged[number]
        people.start()
        people.wait_for(REGISTRATIONS)
        people.end()
        kept = look(platform)

    cut_off, made = len(people.unanswered), len(people.found_made)
    print(f"{len(people.acknowledged)} acknowledged, {cut_off} cut off, {made} of them made all the same")
    assert people.unanswered, "no kill came in the middle of a registration"
    assert people.done == REGISTRATIONS
    check_nothing_is_half_made(kept)
    assert (len(kept.users), kept.codes) == (REGISTRATIONS, [])

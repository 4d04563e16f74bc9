"""While somebody does their worst from one address, alice elsewhere signs in within a second and checks a provider.

One test for each thing that one person could have taken from everybody: hashing slots, checks, rows, clients, threads, codes.
"""

import json
import socket
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from urllib.parse import urlencode, urlsplit

import pytest
from requests import Response

from tests.e2e.attacker import EVERYWHERE, NUMBER, Attack
from tests.e2e.served import Platform, served
from tests.oauth2_clients import SECRET, request_of
from tests.vendor import Vendor, scripted_vendor

pytestmark = [pytest.mark.attack, pytest.mark.served, pytest.mark.xdist_group("timed")]

ALICE, ATTACKER = "203.0.113.5", "198.51.100.66"
PASSWORD = "correct horse battery"
ACCOUNTS, ALICES = 24, 20
CHOSEN = "a secret that somebody thought of"
# So many sign-ins in a round, and so many rounds at most: something else may have kept the machine busy.
SIGN_INS, ROUNDS = 5, 3
WORKERS = 2
MOST_SECONDS = 1.0
FIRST, SECOND, THIRD, LAST = (f"attacker{number:08d}" for number in (1, 2, 3, ACCOUNTS - 1))
JSON = {"Content-Type": "application/json", "X-Forwarded-For": ATTACKER}
FORM = {"Content-Type": "application/x-www-form-urlencoded", "X-Forwarded-For": ATTACKER}
KEY = "sk-alice-Qx7Lw2Zt9Vb4Nm6Rk8Hd3"

# Users who share one password, and clients: with a generated secret, with one that an operator thought of, and public.
PEOPLE = f"""
from django.contrib.auth.hashers import make_password
from sage_platform.accounts.models import User
from tests.oauth2_clients import allow, make_client, make_public_client
hashed = make_password({PASSWORD!r})
attackers = (f"attacker{{number:08d}}" for number in range({ACCOUNTS}))
for name in [*(f"alice{{number}}" for number in range({ALICES})), *attackers, "uploader"]:
    user = User.objects.create(username=name, password=hashed)
allow(user, make_client(grant_types=["authorization_code", "client_credentials"], scope="openid profile email usage:write"))
make_client("chosen", client_secret={CHOSEN!r}, grant_types=["client_credentials"], scope="usage:write", redirect_uris="")
make_public_client()
"""
COUNTS = """
import json
from sage_platform.accounts.models import LimitedAct
from sage_platform.oauth2.models import Grant
print(json.dumps([LimitedAct.objects.count(), Grant.objects.count()]))
"""


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    with served(workers=WORKERS, SAGE_TRUSTED_PROXIES="127.0.0.1", SAGE_PROBE_RATE="1000/min") as platform:
        made = platform.manage("shell", "-c", PEOPLE)
        assert made.returncode == 0, made.stderr
        yield platform


@pytest.fixture(scope="module")
def vendor() -> Iterator[Vendor]:
    with scripted_vendor() as vendor:
        yield vendor


@pytest.fixture(scope="module")
def alices() -> Iterator[str]:
    return (f"alice{number}" for number in count())


def counts(platform: Platform) -> list[int]:
    """Rows of limits, and codes."""
    found: list[int] = json.loads(platform.manage("shell", "-v", "0", "-c", COUNTS).stdout)
    return found


@dataclass
class Alice:
    """Somebody else in each test, since nobody may sign in more often than they do."""

    platform: Platform
    vendor: Vendor
    name: str
    # What her sign-in may take: a second, or more on a machine that is slow by itself.
    most_seconds: float = MOST_SECONDS

    def signs_in(self) -> float:
        caller = self.platform.caller(address=ALICE)
        began = time.monotonic()
        answer = caller.post("/api/auth/login", {"username_or_email": self.name, "password": PASSWORD})
        took = time.monotonic() - began
        assert (answer.status_code, answer.json()["code"]) == (200, 200), answer.text
        body = {"base_url": self.vendor.base_url, "api_keys": [KEY], "model": "m"}
        checked = caller.post("/api/llm-provider/verify", body)
        assert (checked.status_code, checked.json()["code"]) == (200, 200), checked.text
        return took

    def notices_nothing(self) -> None:
        rounds: list[list[float]] = []
        while not rounds or (statistics.median(rounds[-1]) > self.most_seconds and len(rounds) < ROUNDS):
            rounds.append([self.signs_in() for _ in range(SIGN_INS)])
        assert statistics.median(rounds[-1]) <= self.most_seconds, (self.most_seconds, rounds)


@pytest.fixture
def alice(platform: Platform, vendor: Vendor, alices: Iterator[str]) -> Alice:
    """She has signed in before, with nobody in her way: what the last attack has left in the queue is done."""
    alice = Alice(platform, vendor, next(alices))
    until = time.monotonic() + 10
    body = {"username_or_email": alice.name, "password": PASSWORD}
    while platform.caller(address=ALICE).post("/api/auth/login", body).status_code == 429:
        assert time.monotonic() < until
        time.sleep(0.2)
    at_rest = [alice.signs_in() for _ in range(2 * WORKERS)]
    alice.most_seconds = max(MOST_SECONDS, 4 * statistics.median(at_rest))
    return alice


def sign_in(name: str) -> str:
    return json.dumps({"username_or_email": name, "password": PASSWORD})


def grant(client_id: str, secret: str, **fields: str) -> str:
    return urlencode({"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret} | fields)


def test_right_sign_ins_by_one_account(platform: Platform, alice: Alice) -> None:
    attack = Attack("POST", "/api/auth/login", JSON, sign_in(FIRST))
    with attack.under_way(platform.port):
        alice.notices_nothing()
    assert set(attack.statuses) == {200, 429}
    assert attack.statuses[200] <= 60, "in a minute"


def test_right_sign_ins_by_many_accounts(platform: Platform, alice: Alice) -> None:
    """They keep every slot of each worker hashing, on all cores, so she waits for the hashes under way, and is never refused."""
    attack = Attack("POST", "/api/auth/login", JSON, sign_in(f"attacker{NUMBER}"), numbers=ACCOUNTS)
    with attack.under_way(platform.port):
        alice.notices_nothing()
    assert set(attack.statuses) == {200, 429}


@pytest.mark.parametrize("name", [f"nobody{NUMBER}", "hers"])
def test_guesses_from_everywhere(name: str, platform: Platform, alice: Alice) -> None:
    """Each from another network, so that no limit of an address is reached; also at her own account."""
    body = json.dumps({"username_or_email": alice.name if name == "hers" else name, "password": "a guess"})
    attack = Attack("POST", "/api/auth/login", JSON | {"X-Forwarded-For": EVERYWHERE}, body)
    with attack.under_way(platform.port):
        alice.notices_nothing()
    assert set(attack.statuses) == {200, 429}


def test_changes_of_a_password(platform: Platform, alice: Alice) -> None:
    """The old one is right, and the new one too weak: so the token goes on being good."""
    token = str(platform.signed_in(SECOND, PASSWORD, address=ATTACKER).session.headers["Authorization"])
    body = json.dumps({"old_password": PASSWORD, "new_password": "12345678"})
    attack = Attack("POST", "/api/user/change-password", JSON | {"Authorization": token}, body)
    with attack.under_way(platform.port):
        alice.notices_nothing()
    assert set(attack.statuses) == {200, 429}
    assert attack.statuses[200] <= 60, "in a minute"


@pytest.mark.parametrize(
    ("secret", "status", "address"),
    [(CHOSEN, 200, "198.51.100.67"), (f"{CHOSEN}{NUMBER}", 401, "198.51.100.68")],
    ids=["right", "wrong"],
)
def test_a_client_with_a_chosen_secret(secret: str, status: int, address: str, platform: Platform, alice: Alice) -> None:
    """From addresses that have failed at nothing else."""
    attack = Attack("POST", "/oauth2/token", FORM | {"X-Forwarded-For": address}, grant("chosen", secret))
    with attack.under_way(platform.port):
        alice.notices_nothing()
    assert attack.statuses[status]
    assert set(attack.statuses) <= {status, 429}


def test_checks_of_a_vendor_that_hangs(platform: Platform, alice: Alice) -> None:
    token = str(platform.signed_in(THIRD, PASSWORD, address=ATTACKER).session.headers["Authorization"])
    with scripted_vendor() as hanging:
        hanging.behave("hang")
        body = json.dumps({"base_url": hanging.base_url, "api_keys": [KEY], "model": "m"})
        attack = Attack("POST", "/api/llm-provider/verify", JSON | {"Authorization": token}, body, connections=16 * WORKERS)
        with attack.under_way(platform.port):
            alice.notices_nothing()
            assert hanging.most_at_once == 2 * WORKERS, "a quarter of the slots of each worker"
            hanging.closing.set()
    assert set(attack.statuses) <= {200, 429}
    assert attack.statuses[429]


@pytest.mark.parametrize("door", ["token", "revoke", "introspect"])
def test_clients_that_do_not_exist(door: str, platform: Platform, alice: Alice) -> None:
    rows, _codes = counts(platform)
    attack = Attack("POST", f"/oauth2/{door}", FORM, grant(f"invented-{NUMBER}", "wrong", token="x"))
    with attack.under_way(platform.port):
        alice.notices_nothing()
    assert set(attack.statuses) <= {401, 429}
    assert counts(platform)[0] - rows <= 300 + 3 * ROUNDS * SIGN_INS, "failures of one address in a minute, and what alice did"


def test_failures_in_the_name_of_others(platform: Platform, alice: Alice) -> None:
    """From the very address of the clients that have the right secret, or need none."""
    attack = Attack("POST", "/oauth2/token", FORM, grant("lage", f"wrong-{NUMBER}"))
    program = platform.caller(address=ATTACKER)
    with attack.under_way(platform.port):
        alice.notices_nothing()
        right = program.send("POST", "/oauth2/token", data=grant("lage", SECRET), headers=FORM)
        assert right.status_code == 200, right.text
        exchange = {"client_id": "tool", "grant_type": "authorization_code", "code": "x"}
        public = program.send("POST", "/oauth2/token", data=exchange)
        assert (public.status_code, public.json()["error"]) == (400, "invalid_grant")
    assert attack.statuses[429]


def test_bodies_that_stall(platform: Platform, alice: Alice) -> None:
    lines = ["POST /api/auth/login HTTP/1.1", "Host: 127.0.0.1", *(f"{name}: {value}" for name, value in JSON.items())]
    half = "\r\n".join([*lines, "Content-Length: 100", "", '{"user'])
    with ExitStack() as stack:
        for _ in range(200 * WORKERS):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", platform.port), timeout=20))
            connection.sendall(half.encode())
        alice.notices_nothing()


def test_heads_of_the_authorization_page(platform: Platform, alice: Alice) -> None:
    person = platform.caller(address=ATTACKER)
    person.post("/api/auth/login", json.loads(sign_in(LAST)))
    cookie = f"sage_session={person.session.cookies['sage_session']}"
    attack = Attack("HEAD", f"/oauth2/authorize?{urlencode(request_of())}", FORM | {"Cookie": cookie})
    with attack.under_way(platform.port):
        alice.notices_nothing()
    assert sum(attack.statuses.values()) > 200
    assert counts(platform)[1] == 0, "codes"


def half_of_an_upload(token: str) -> bytes:
    """All but its end."""
    body = '--edge\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n' + "x" * 1000
    headers = {"Authorization": token, "X-Forwarded-For": ATTACKER, "Content-Type": "multipart/form-data; boundary=edge"}
    lines = ["POST /api/oss/upload HTTP/1.1", "Host: 127.0.0.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "Content-Length: 100000", "", body]).encode()


def uploads_by_alice(platform: Platform, name: str) -> Response:
    hers = platform.signed_in(name, PASSWORD, address=ALICE)
    answer = hers.send("POST", "/api/oss/upload", files={"file": ("a.bin", bytes(5_000_000))})
    assert (answer.status_code, answer.json()["code"]) == (200, 200), answer.text
    return answer


def rows_under_way(platform: Platform) -> int:
    told = platform.manage(
        "shell", "-v", "0", "-c", "from uploads.models import *; print(Upload.objects.filter(state='receiving').count())"
    )
    return int(told.stdout)


def test_uploads_that_stall(platform: Platform, alice: Alice) -> None:
    """Of 80 some are refused at once, so that others can upload too; and nothing of them is left when their clients are gone."""
    # The others have signed in as often as a minute allows.
    token = str(platform.signed_in("uploader", PASSWORD, address=ATTACKER).session.headers["Authorization"])
    with ExitStack() as stack:
        for _ in range(80):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", platform.port), timeout=20))
            connection.sendall(half_of_an_upload(token))
        alice.notices_nothing()
        for _ in range(2 * WORKERS):
            uploads_by_alice(platform, alice.name)
        assert 0 < rows_under_way(platform) <= 28 * WORKERS
    until = time.monotonic() + 20
    while rows_under_way(platform):
        assert time.monotonic() < until


def test_downloads_that_stall(platform: Platform, alice: Alice) -> None:
    address = urlsplit(uploads_by_alice(platform, alice.name).json()["data"]["url"]).path
    lines = [f"GET {address} HTTP/1.1", "Host: 127.0.0.1", f"X-Forwarded-For: {ATTACKER}", "", ""]
    with ExitStack() as stack:
        for _ in range(80):
            stalled = stack.enter_context(socket.socket())
            stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            stalled.connect(("127.0.0.1", platform.port))
            stalled.sendall("\r\n".join(lines).encode())
        alice.notices_nothing()
        for _ in range(2 * WORKERS):
            assert len(platform.caller(address=ALICE).get(address).content) == 5_000_000

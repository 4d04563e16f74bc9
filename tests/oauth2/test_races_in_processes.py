"""Two programs with one code, or one refresh token, at the same moment: two processes against a platform with two workers."""

import json
import multiprocessing
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from tests.e2e.served import Browser, Platform, served
from tests.oauth2.rival import rival
from tests.oauth2_clients import CALLBACK, SECRET, VERIFIER, basic, request_of

pytestmark = [pytest.mark.served, pytest.mark.xdist_group("oauth2-races")]
Race = Callable[[dict[str, str]], list[tuple[int, dict[str, Any]]]]
ROUNDS = 50 if os.environ.get("DATABASE_URL", "").startswith("postgres") else 12
CLIENT = {
    "client_id": "lage",
    "name": "Lage",
    "client_secret": SECRET,
    "redirect_uris": [CALLBACK],
    "grant_types": ["authorization_code", "refresh_token"],
    "scope": "openid profile email",
    "token_endpoint_auth_method": "client_secret_basic",
    "skip_consent": True,
}


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    with served(workers=2, SAGE_OAUTH2_CLIENTS=json.dumps([CLIENT])) as platform:
        yield platform


@pytest.fixture(scope="module")
def race(platform: Platform) -> Iterator[Race]:
    """Post the same fields from two processes at once; their answers."""
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(2)
    ours, processes = [], []
    for _ in range(2):
        end, theirs = context.Pipe()
        process = context.Process(target=rival, args=(theirs, barrier, f"{platform.base}/oauth2/token", basic()), daemon=True)
        process.start()
        theirs.close()  # So that a rival that died is an end of file here, and not silence.
        ours.append(end)
        processes.append(process)

    def run(fields: dict[str, str]) -> list[tuple[int, dict[str, Any]]]:
        for end in ours:
            end.send(fields)
        answers = [end.recv() for end in ours]
        return [(status, json.loads(text)) for status, text in answers]

    yield run
    for end in ours:
        with closing(end):
            end.send(None)
    for process in processes:
        process.join(20)


@pytest.fixture(scope="module")
def person(platform: Platform) -> Browser:
    """The administrator, signed in by the cookie."""
    browser = platform.caller()
    answer = browser.post("/api/auth/login", {"username_or_email": "admin", "password": platform.admin_password})
    assert answer.json()["code"] == 200
    return browser


def exchange_of(person: Browser) -> dict[str, str]:
    """The fields that trade a fresh code."""
    answer = person.get("/oauth2/authorize", params=request_of())
    assert answer.status_code == 302, answer.text
    [code] = parse_qs(urlsplit(answer.headers["Location"]).query)["code"]
    return {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}


def is_active(platform: Platform, token: str) -> bool:
    answer = requests.post(f"{platform.base}/oauth2/introspect", {"token": token}, headers={"Authorization": basic()}, timeout=20)
    assert answer.status_code == 200
    active: bool = answer.json()["active"]
    return active


def check(platform: Platform, answers: list[tuple[int, dict[str, Any]]]) -> None:
    """One is served, the other refused, and what the one got is worth nothing any more."""
    assert sorted(status for status, _ in answers) == [200, 400], answers
    for status, body in answers:
        if status == 400:
            assert body["error"] == "invalid_grant"
        else:
            assert not is_active(platform, body["access_token"])
            assert not is_active(platform, body["refresh_token"])


def test_one_code_exchanged_by_two(platform: Platform, race: Race, person: Browser) -> None:
    """RFC 6749 §4.1.2, RFC 9700 §4.14.2: never two living families, never a 5xx."""
    for _ in range(ROUNDS):
        check(platform, race(exchange_of(person)))


def test_one_refresh_token_used_by_two(platform: Platform, race: Race, person: Browser) -> None:
    """RFC 9700 §4.14.2: which of the two is the thief cannot be told, so both lose."""
    for _ in range(ROUNDS):
        given = requests.post(
            f"{platform.base}/oauth2/token", exchange_of(person), headers={"Authorization": basic()}, timeout=20
        ).json()
        assert is_active(platform, given["refresh_token"])
        check(platform, race({"grant_type": "refresh_token", "refresh_token": given["refresh_token"]}))

"""docs/lage.py, run as its guide says: a process of its own, a platform that is served, and a person's browser between them."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
import requests

from tests.e2e.served import ROOT, Platform, served

pytestmark = [pytest.mark.served, pytest.mark.xdist_group(__name__)]

GUIDE = (ROOT / "docs" / "oauth2-clients.md").read_text(encoding="utf-8")
# As the guide says, so that what it says works.
CLIENTS = re.findall("^export SAGE_OAUTH2_CLIENTS='(.+)'$", GUIDE, re.MULTILINE)[0]
SECRET = re.findall("^LAGE_SECRET='(.+)' python3 docs/lage.py http://127.0.0.1:8000/oauth2$", GUIDE, re.MULTILINE)[0]
PASSWORD = "a bird in the hand"


@pytest.fixture(scope="module")
def site() -> Iterator[Platform]:
    with served(SAGE_OAUTH2_CLIENTS=CLIENTS) as platform:
        person = {"username": "alice", "password": PASSWORD, "email": "alice@sage.example"}
        assert platform.admin().post("/api/user/add", person).json()["code"] == 200
        yield platform


@contextmanager
def lage(*arguments: str, secret: str = SECRET) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [sys.executable, "docs/lage.py", *arguments],
        cwd=ROOT,
        env={"LAGE_SECRET": secret, "no_proxy": "*"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def address_of(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    assert process.stdout.readline() == "Open this in a browser:\n"
    return str(process.stdout.readline()).strip()


def outcome(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    printed, complaint = process.communicate(timeout=30)
    return process.returncode, printed, complaint


def token_in(page: requests.Response) -> dict[str, str]:
    found = re.search('name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
    assert found, page.text
    return {"csrfmiddlewaretoken": found[1]}


def walk(address: str, decision: str) -> str:
    """Alice's way with a browser: to our login page, to the question, to the answer. Where she is sent with it.

    The prompt has the question asked, whatever she has answered before.
    """
    address += "&prompt=consent"
    with requests.Session() as browser:
        browser.trust_env = False
        login = browser.get(address)
        assert urlsplit(login.url).path == "/sage/login"
        person = {"username": "alice", "password": PASSWORD, "next": dict(parse_qsl(urlsplit(login.url).query))["next"]}
        question = browser.post(login.url, person | token_in(login))
        assert question.url == address
        answer = browser.post(address, {"decision": decision} | token_in(question), allow_redirects=False)
        return str(answer.headers["Location"])


def visit(address: str) -> requests.Response:
    with requests.Session() as browser:
        browser.trust_env = False
        return browser.get(address, timeout=20)


def test_who_signed_in_is_printed(site: Platform) -> None:
    with lage(f"{site.base}/oauth2") as process:
        back = walk(address_of(process), "allow")
        wrong = urlsplit(back)._replace(path="/favicon.ico", query="").geturl()
        assert visit(wrong).status_code == 404
        assert visit(back).text == "You can close this window.\n"
        code, printed, complaint = outcome(process)
    assert (code, complaint) == (0, "")
    person = json.loads(printed)
    assert person.pop("sub")
    assert person == {
        "iss": f"{site.base}/oauth2",
        "preferred_username": "alice",
        "role": "user",
        "name": "alice",
        "email": "alice@sage.example",
        "email_verified": False,
    }


def test_a_refusal_is_told(site: Platform) -> None:
    with lage(f"{site.base}/oauth2") as process:
        visit(walk(address_of(process), "deny"))
        assert outcome(process) == (1, "", "The platform says no: access_denied\n")


def test_a_wrong_secret_is_told(site: Platform) -> None:
    with lage(f"{site.base}/oauth2", secret="another") as process:
        visit(walk(address_of(process), "allow"))
        code, printed, complaint = outcome(process)
    assert (code, printed) == (1, "")
    said, answer = complaint.split(": ", 1)
    assert (said, json.loads(answer)) == (f"{site.base}/oauth2/token answered 401", {"error": "invalid_client"})


@pytest.mark.parametrize("forged", ["state", "iss"])
def test_an_answer_to_another_sign_in_is_not_taken(forged: str, site: Platform) -> None:
    """RFC 9700 §4.7 and RFC 9207 §2.4: somebody else's code, or another server's."""
    with lage(f"{site.base}/oauth2") as process:
        asked: dict[str, Any] = dict(parse_qsl(urlsplit(address_of(process)).query))
        answer = {"code": "stolen", "state": asked["state"], "iss": f"{site.base}/oauth2"} | {forged: "another"}
        visit(f"{asked['redirect_uri']}?{urlencode(answer)}")
        assert outcome(process) == (1, "", "The answer is not for this sign-in.\n")


def test_an_address_that_is_not_the_issuer(site: Platform) -> None:
    with lage(site.base) as process:
        assert outcome(process) == (1, "", f"The platform calls itself {site.base}/oauth2, not {site.base}.\n")


def test_the_usage_is_told_without_an_address() -> None:
    with lage() as process:
        code, printed, complaint = outcome(process)
    assert (code, printed) == (1, "")
    assert "python3 docs/lage.py http://127.0.0.1:8000/oauth2" in complaint


def test_a_second_start_changes_nothing_and_a_client_that_has_gone_is_switched_off(site: Platform) -> None:
    asked = f"{site.base}/oauth2/authorize?response_type=code&client_id=lage&scope=openid"
    assert site.manage("bootstrap").stdout == ""
    assert urlsplit(visit(asked).url).path == "/sage/login"
    assert site.manage("bootstrap", SAGE_OAUTH2_CLIENTS="").stdout == "Disabled OAuth2 clients: lage.\n"
    assert visit(asked).status_code == 400
    back = site.manage("sync_oauth2_clients")
    assert (back.returncode, back.stdout) == (0, "created: 0\nupdated: 1 (lage)\nunchanged: 0\ndisabled: 0\n")
    assert urlsplit(visit(asked).url).path == "/sage/login"

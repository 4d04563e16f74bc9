"""Uploads as programs and browsers send them: curl, requests, axios, and `fetch` in Chromium."""

import json
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest
import requests

from tests.clients.node import node
from tests.clients.person import PASSWORD
from tests.e2e.chromium import launched
from tests.e2e.served import Browser, Platform

pytestmark = [pytest.mark.programs, pytest.mark.served, pytest.mark.xdist_group("clients")]
HERE = Path(__file__).parent
CONTENT = "Grüße, 世界 🎉\n".encode() * 100_000
NAME = '测试 "x" 🎉.txt'


@pytest.fixture(scope="module")
def alice(site: Platform) -> Browser:
    return site.signed_in("alice", PASSWORD)


@pytest.fixture(scope="module")
def token(alice: Browser) -> str:
    return str(alice.session.headers["Authorization"]).removeprefix("Bearer ")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.txt"
    path.write_bytes(CONTENT)
    return path


def check(told: dict[str, object], name: str, site: Platform) -> None:
    """The answer is whole, and its address gives the file back."""
    facts = (told["filename"], told["size"], told["content_type"], told["sha256"])
    assert facts == (name, len(CONTENT), "text/plain", sha256(CONTENT).hexdigest())
    back = requests.get(str(told["url"]), timeout=20)
    assert (back.status_code, back.content) == (200, CONTENT)


def test_requests(site: Platform, alice: Browser, file: Path) -> None:
    with file.open("rb") as stream:
        answer = alice.send("POST", "/api/oss/upload", files={"file": (NAME, stream)}, data={"path": "from requests"})
    check(answer.json()["data"], NAME, site)


@pytest.mark.parametrize("expect", ["", "100-continue"])
def test_curl(expect: str, site: Platform, token: str, file: Path) -> None:
    named = NAME.replace("\\", "\\\\").replace('"', '\\"')
    command = ["curl", "--silent", "--fail", "-H", f"Authorization: Bearer {token}", "-H", f"Expect: {expect}"]
    command += ["-F", f'file=@{file};filename="{named}"', "-F", "path=from curl", f"{site.base}/api/oss/upload"]
    done = subprocess.run(command, capture_output=True, check=True, timeout=60)
    check(json.loads(done.stdout)["data"], NAME, site)


def test_axios(site: Platform, token: str, file: Path) -> None:
    command = [*node(), "--no-warnings", "axios.mjs", site.base, token, str(file)]
    done = subprocess.run(command, cwd=HERE, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    found = json.loads(done.stdout)
    first, second = (answer["data"] for answer in found["told"])
    check(first, NAME, site)
    check(second, "a.txt", site)
    assert (found["percent"], found["same"]) == (1, True)
    status, data = found["refused"]
    assert (status, [error["field"] for error in data["errors"]]) == (422, ["file"])


FETCH = """async ([name, size]) => {
  const form = new FormData();
  form.append("file", new File(["x".repeat(size)], name, { type: "image/png" }));
  const answer = await fetch("/api/oss/upload", { method: "POST", body: form });
  const told = await answer.json();
  const back = await fetch(told.data.url);
  return [answer.status, told.data, (await back.text()).length, back.headers.get("content-type")];
}"""


def test_fetch_in_a_browser(site: Platform) -> None:
    """By the session's cookie, as the web application sends it."""
    with launched() as browser:
        page = browser.new_page()
        page.goto(f"{site.base}/sage/login")
        page.fill("input[name=username]", "alice")
        page.fill("input[name=password]", PASSWORD)
        page.press("input[name=password]", "Enter")
        page.wait_for_url("**/sage/")
        # Our own pages allow no connections by script; the API's page does.
        page.goto(f"{site.base}/api/docs")
        status, told, length, content_type = page.evaluate(FETCH, [NAME, 3_000_000])
    assert (status, told["filename"], told["content_type"]) == (200, NAME, "text/plain")
    assert (length, content_type) == (3_000_000, "text/plain; charset=utf-8")

"""docs/oauth2-clients.md#report-usage: its client, and its program run as it stands there."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import requests

from tests.e2e.served import ROOT, Platform

pytestmark = [pytest.mark.served, pytest.mark.xdist_group(__name__)]
GUIDE = (ROOT / "docs" / "oauth2-clients.md").read_text(encoding="utf-8")
SECRET = "sage_cs_" + "Us3-" * 10 + "abc"


def block(kind: str) -> str:
    (found,) = re.findall(rf"^```{kind}\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
    return str(found)


@pytest.fixture(scope="module")
def client(platform: Platform) -> Iterator[dict[str, str]]:
    """The guide's own declaration, with a secret in the place of the dots."""
    (row,) = json.loads(block("json client").replace('"…"', json.dumps(SECRET)))
    made = platform.manage("sync_oauth2_clients", SAGE_OAUTH2_CLIENTS=json.dumps([row]))
    assert made.returncode == 0, made.stderr
    yield {"CLIENT_ID": row["client_id"], "CLIENT_SECRET": row["client_secret"]}
    assert platform.manage("sync_oauth2_clients").returncode == 0


@pytest.fixture(scope="module")
def person(platform: Platform) -> Iterator[str]:
    user = {"username": "reported", "password": "a bird in the hand"}
    made: str = platform.admin().post("/api/user/add", user).json()["data"]["user_id"]
    yield made
    assert platform.admin().post("/api/user/delete", {"user_id": made}).json()["code"] == 200


def event(event_id: str, user_id: str, **fields: Any) -> dict[str, Any]:
    return {"event_id": event_id, "user_id": user_id, "agent_id": "writer", "session_id": "s1", "action": "search", **fields}


def report(folder: Path, base: str, client: dict[str, str], events: list[dict[str, Any]]) -> "subprocess.CompletedProcess[str]":
    (folder / "report_usage.py").write_text(block("python report"), encoding="utf-8")
    return subprocess.run(
        [sys.executable, "report_usage.py"],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PLATFORM": base, "no_proxy": "*", **client},
        input="".join(json.dumps(one) + "\n" for one in events),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def outcome(done: "subprocess.CompletedProcess[str]") -> tuple[int, str, str]:
    return done.returncode, done.stdout, done.stderr


def calls_of(platform: Platform, user_id: str, session_id: str) -> int:
    """As an administrator sees it, of events of models."""
    asked = {"dimension": "session", "session_id": session_id, "user_id": user_id}
    data = platform.admin().post("/api/token-usage/stats", asked).json()["data"]
    calls: int = data["summary"]["model_call_count"]
    return calls


def test_more_than_a_batch_counts_once(platform: Platform, client: dict[str, str], person: str, tmp_path: Path) -> None:
    events = [event(f"once-{number}", person, session_id="once", model="m") for number in range(501)]
    assert outcome(report(tmp_path, platform.base, client, events)) == (0, "501 new\n", "")
    assert outcome(report(tmp_path, platform.base, client, events)) == (0, "0 new\n", "")
    assert calls_of(platform, person, "once") == 501
    assert SECRET not in platform.log
    assert "sage_oat_" not in platform.log


@contextmanager
def between(platform: Platform, faults: list[str]) -> Iterator[str]:
    """The address of a proxy that has these faults, one for each report: the others pass."""

    class Proxy(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            fault = faults.pop(0) if self.path == "/api/system/agent/usage" and faults else ""
            if fault == "too soon":
                self.send_response(429)
                self.send_header("Retry-After", "0")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            sent = {name: self.headers[name] for name in ("Authorization", "Content-Type") if name in self.headers}
            answer = requests.post(platform.base + self.path, data=body, headers=sent, timeout=20)
            if fault == "lost":
                assert answer.json()["data"]["accepted"] == 1
                self.close_connection = True
                return
            self.send_response(answer.status_code)
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, *_arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_lost_answer(platform: Platform, client: dict[str, str], person: str, tmp_path: Path) -> None:
    """The first report has no token yet, the second comes too soon, the answer of the third is lost: the event counts once."""
    faults = ["", "too soon", "lost"]
    with between(platform, faults) as base:
        lost = [event("lost", person, session_id="lost", model="m")]
        assert outcome(report(tmp_path, base, client, lost)) == (0, "0 new\n", "")
    assert faults == []
    assert calls_of(platform, person, "lost") == 1


def test_events_that_are_refused_keep_no_other_back(
    platform: Platform, client: dict[str, str], person: str, tmp_path: Path
) -> None:
    events = [
        event("good", person, session_id="part", model="m"),
        event("zero", person, session_id="part", model="m", count=0),
        event("gone", "nobody", session_id="part", model="m"),
        event("good, too", person, session_id="part", model="m"),
    ]
    complaint = "events.1.count A whole number from 1 to 1000000. zero\nevents.1.user_id There is no such user. gone\n"
    assert outcome(report(tmp_path, platform.base, client, events)) == (0, "2 new\n", complaint)
    assert calls_of(platform, person, "part") == 2


def test_a_wrong_secret_ends_it(platform: Platform, client: dict[str, str], person: str, tmp_path: Path) -> None:
    done = report(tmp_path, platform.base, client | {"CLIENT_SECRET": "wrong"}, [event("never", person, session_id="never")])
    assert (done.returncode, done.stdout) == (1, "")
    assert "401 Client Error" in done.stderr

"""The README's tour, run by bash as it stands there, against a platform with two workers."""

import json
import re
import subprocess
from collections.abc import Iterator
from threading import Thread
from typing import Any

import pytest

from tests.e2e.served import ROOT, Platform, served

pytestmark = [pytest.mark.served, pytest.mark.xdist_group(__name__)]

BLOCK = re.compile(r"^```(sh tour|json|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MARK = "--- next block ---"


def tour() -> list[tuple[str, list[str]]]:
    """Each step's commands, and the lines that the README says they print."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    part = text[text.index("## A tour of five minutes") : text.index("## Settings")]
    steps: list[tuple[str, list[str]]] = []
    for kind, body in BLOCK.findall(part):
        if kind == "sh tour":
            steps.append((body, []))
        else:
            steps[-1][1].extend(body.splitlines())
    return steps


@pytest.fixture(scope="module")
def fresh() -> Iterator[Platform]:
    with served(workers=2) as running:
        yield running


def run_tour(platform: Platform, steps: list[tuple[str, list[str]]]) -> list[list[str]]:
    """What each step printed. The mailed code is typed in when it has arrived, as a person would."""
    script = f"\necho '{MARK}'\n".join(commands for commands, _ in steps)
    process = subprocess.Popen(
        ["bash", "-euo", "pipefail", "-c", script],
        # Its own port and data folder, in the settings that the README says to export.
        env=platform.environment | {"no_proxy": "*"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin

    def type_code(keyboard: Any) -> None:
        keyboard.write(platform.mailbox.code_for("alice@sage.example", seconds=90) + "\n")
        keyboard.flush()

    typist = Thread(target=type_code, args=(process.stdin,))
    typist.start()
    typist.join(90)
    output, errors = process.communicate(timeout=90)
    assert (process.returncode, errors) == (0, ""), output + errors
    return [part.strip().splitlines() for part in output.split(MARK)]


def agrees(said: Any, printed: Any, key: str = "") -> bool:
    """As the README says, where … stands for any text and the timestamp for any moment."""
    if key == "timestamp":
        return isinstance(printed, float)
    if isinstance(said, dict) and isinstance(printed, dict):
        return said.keys() == printed.keys() and all(agrees(said[name], printed[name], name) for name in said)
    if isinstance(said, list) and isinstance(printed, list):
        return len(said) == len(printed) and all(agrees(one, other) for one, other in zip(said, printed, strict=True))
    return (isinstance(printed, str) and bool(printed)) if said == "…" else bool(said == printed)


@pytest.mark.timeout(240)  # It starts a hundred programs, and a busy machine is slow at each.
def test_the_tour_does_what_the_readme_says(fresh: Platform) -> None:
    steps = tour()
    printed = run_tour(fresh, steps)
    assert len(printed) == len(steps) == 18
    for (commands, said), lines in zip(steps, printed, strict=True):
        if commands.startswith("printf"):
            assert lines == ["The code:"]
            continue
        assert len(lines) == len(said), (commands, lines)
        for one, other in zip(said, lines, strict=True):
            if one.startswith("{"):
                assert agrees(json.loads(one), json.loads(other)), (commands, one, other)
            else:
                assert one == other, commands
    # The tour leaves the deployment as it found it.
    users = fresh.admin().get("/api/user/list").json()["data"]
    assert [row["username"] for row in users["items"]] == ["admin"]
    assert fresh.caller().get("/api/system/info").json()["data"]["allow_registration"] is False


def test_what_a_newcomer_reads_in_the_terminal_of_make_run_is_the_mail() -> None:
    """EMAIL_URL is not set: the default of development prints the mail with its code."""
    with served(EMAIL_URL="") as platform:
        admin = platform.admin()
        assert admin.post("/api/system/update_settings", {"allow_registration": True}).json()["code"] == 200
        sent = platform.caller().post("/api/auth/register/send-code", {"email": "alice@sage.example"}).json()
        assert sent["code"] == 200
        found = re.search(r"^\s+(\d{6})$", platform.log, re.MULTILINE)
        assert found, platform.log
        body = {"username": "alice", "password": "correct horse battery", "email": "alice@sage.example"}
        answer = platform.caller().post("/api/auth/register", body | {"verification_code": found[1]}).json()
        assert answer["code"] == 200, answer

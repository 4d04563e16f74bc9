"""Releases written by several processes at the same moment, through a real server of two workers."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from tests.e2e.served import Browser, Platform
from tests.versions.rows import PATH, body

pytestmark = [pytest.mark.served, pytest.mark.xdist_group("timed")]
TAKEN = (200, 400, "This version exists already.")
UNKNOWN = (200, 404, "There is no release of this version.")
AT_ONCE = 8


@pytest.fixture(scope="module")
def browsers(platform: Platform) -> list[Browser]:
    """Eight sign-ins of the administrator, who has sixty in a minute, for all the tests of this platform."""
    return [platform.admin() for _ in range(AT_ONCE)]


def at_once(browsers: list[Browser], method: str, path: str, sent: dict[str, Any]) -> list[tuple[int, int, str]]:
    """What eight clients, each over a connection of its own, were answered."""
    start = Barrier(AT_ONCE)

    def run(number: int) -> tuple[int, int, str]:
        start.wait(timeout=30)
        response = browsers[number].send(method, path, json=sent | {"release_notes": f"of {number}"})
        told = response.json()
        return response.status_code, told["code"], told["message"]

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(run, range(AT_ONCE)))


def test_eight_at_once_make_one_and_delete_one(platform: Platform, browsers: list[Browser]) -> None:
    before = len(platform.log)
    for number in range(3):
        version = f"7.{number}.0"
        answers = at_once(browsers, "POST", PATH, body(version))
        assert sorted(answers) == sorted([(200, 200, "success"), *[TAKEN] * (AT_ONCE - 1)])
        made = [row for row in browsers[0].get(PATH).json()["data"] if row["version"] == version]
        assert [row["release_notes"] for row in made] == [f"of {answers.index((200, 200, 'success'))}"]
        answers = at_once(browsers, "DELETE", f"{PATH}/{version}", {})
        assert sorted(answers) == sorted([(200, 200, "success"), *[UNKNOWN] * (AT_ONCE - 1)])
    assert '"level": "ERROR"' not in platform.log[before:]


def test_the_command_beside_the_server(platform: Platform, tmp_path: Path) -> None:
    """As a person runs it: one line, and an exit code that a script sees."""
    (tmp_path / "release.json").write_text(json.dumps(body("8.0.0")))
    arguments = ["create_release", "--from", str(tmp_path / "release.json")]
    made = platform.manage(*arguments)
    assert (made.returncode, made.stdout, made.stderr) == (0, "8.0.0 is published.\n", "")
    assert "8.0.0" in [row["version"] for row in platform.admin().get(PATH).json()["data"]]
    refused = platform.manage(*arguments)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == "CommandError: This version exists already.\n"
    assert platform.admin().send("DELETE", f"{PATH}/8.0.0").json()["code"] == 200

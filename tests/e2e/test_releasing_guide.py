"""docs/releasing.md: its lines run by bash as they stand there, and its workflow."""

import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.served import CALL_SECONDS, ROOT, Platform
from tests.versions.minisigning import SIGNER

GUIDE = (ROOT / "docs" / "releasing.md").read_text(encoding="utf-8")
SECRET = "sage_cs_" + "Rl7-" * 10 + "xyz"
VERSION = "1.4.0"


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def client(platform: Platform) -> Iterator[dict[str, str]]:
    """The guide's own declaration of a client, with a secret in the place of the dots."""
    (declared,) = blocks("json client")
    (row,) = json.loads(declared.replace('"…"', json.dumps(SECRET)))
    made = platform.manage("sync_oauth2_clients", SAGE_OAUTH2_CLIENTS=json.dumps([row]))
    assert made.returncode == 0, made.stderr
    yield {"CLIENT_ID": row["client_id"], "CLIENT_SECRET": row["client_secret"]}
    assert platform.manage("sync_oauth2_clients").returncode == 0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With the builds that the guide names, as Tauri signs them."""
    (listed,) = [block for block in blocks("text") if block.startswith("dist/")]
    for path in map(tmp_path.joinpath, listed.splitlines()):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".sig":
            path.write_text(SIGNER.sign(path.with_suffix("").read_bytes(), f"timestamp:1700000000\tfile:{path.stem}"))
        else:
            path.write_bytes(f"what {path.name} holds".encode())
    (tmp_path / "notes.md").write_text('# "Neues" \\ 🎉\n', encoding="utf-8")
    (tmp_path / "publish.sh").write_text("".join(blocks("sh publish")))
    return tmp_path


def publish(
    folder: Path, platform: Platform, client: dict[str, str], version: str = VERSION
) -> "subprocess.CompletedProcess[str]":
    environment = {"PATH": os.environ["PATH"], "PLATFORM": platform.base, "VERSION": version, "no_proxy": "*", **client}
    return subprocess.run(
        ["bash", "publish.sh"], cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def as_soon_as_known(platform: Platform) -> Any:
    """What updaters are told. Another worker than the one that published knows it within a second."""
    deadline = time.monotonic() + CALL_SECONDS
    while (answer := platform.caller().get("/api/system/version/check")).status_code == 204:
        assert time.monotonic() < deadline, platform.log
        time.sleep(0.05)
    return answer.json()


@pytest.mark.served
@pytest.mark.xdist_group(__name__)
def test_a_pipeline_publishes_as_the_guide_says(platform: Platform, client: dict[str, str], folder: Path) -> None:
    done = publish(folder, platform, client, f"v{VERSION}")
    (said,) = [block for block in blocks("text") if block.startswith("[")]
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    warnings, *rest = done.stdout.splitlines()
    # A platform on this machine is no https one, which is worth a look in each of the four addresses.
    assert [one["message"].partition("begins with ")[2][:7] for one in json.loads(warnings)] == ["http://"] * 4
    assert ["[]", *rest] == said.splitlines()
    (row,) = [row for row in platform.admin().get("/api/system/version").json()["data"] if row["version"] == VERSION]
    assert row["release_notes"] == '# "Neues" \\ 🎉\n'
    has = {one["platform"]: (one["installer_url"][-30:], one["updater_url"][-30:]) for one in row["artifacts"]}
    assert [(name, *[url.rpartition("/")[2] for url in urls]) for name, urls in has.items()] == [
        ("darwin-aarch64", "Sage_1.4.0_aarch64.dmg", "Sage.app.tar.gz"),
        ("linux-x86_64", "Sage_1.4.0_amd64.AppImage", "Sage_1.4.0_amd64.AppImage"),
    ]
    offered = as_soon_as_known(platform)["platforms"]["linux-x86_64"]
    assert platform.caller().get(offered["url"].removeprefix(platform.base)).content == b"what Sage_1.4.0_amd64.AppImage holds"
    # The same job once more changes nothing.
    again = publish(folder, platform, client, f"v{VERSION}")
    assert (again.returncode, again.stdout) == (1, "")
    assert json.loads(again.stderr.partition("\n}")[0] + "\n}")["message"].startswith("A release uses this file")
    assert platform.admin().send("DELETE", f"/api/system/version/{VERSION}").json()["code"] == 200
    assert SECRET not in platform.log
    assert "sage_oat_" not in platform.log


@pytest.mark.served
@pytest.mark.xdist_group(__name__)
def test_a_refusal_is_as_the_guide_says(platform: Platform, client: dict[str, str], folder: Path) -> None:
    (folder / "dist" / "linux-x86_64" / "Sage_1.4.0_amd64.AppImage.sig").write_text("Not Found")
    done = publish(folder, platform, client, VERSION)
    (said,) = blocks("json refused")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", said)
    assert VERSION not in [row["version"] for row in platform.admin().get("/api/system/version").json()["data"]]


@pytest.mark.served
@pytest.mark.xdist_group(__name__)
def test_a_wrong_secret_ends_it_at_once(platform: Platform, client: dict[str, str], folder: Path) -> None:
    done = publish(folder, platform, client | {"CLIENT_SECRET": "wrong"})
    assert done.returncode == 22
    assert done.stdout == ""
    assert "401" in done.stderr


def test_the_workflow_hands_secrets_over_in_the_environment_alone() -> None:
    (text,) = blocks("yaml")
    workflow = yaml.safe_load(text)
    build, publishing = workflow["jobs"]["build"], workflow["jobs"]["publish"]
    steps: list[dict[str, Any]] = [*build["steps"], *publishing["steps"]]
    for step in steps:
        assert "secrets." not in json.dumps({name: value for name, value in step.items() if name != "env"})
    assert publishing["needs"] == "build"
    assert set(publishing["steps"][-1]["env"]) == {"PLATFORM", "VERSION", "CLIENT_ID", "CLIENT_SECRET"}
    assert publishing["steps"][-1]["run"] == "bash publish.sh"


def test_the_application_s_settings_are_json_that_asks_this_platform() -> None:
    (text,) = blocks("json")
    (endpoint,) = json.loads(text)["plugins"]["updater"]["endpoints"]
    path, _mark, query = endpoint.removeprefix("https://sage.example").partition("?")
    assert path == "/api/system/version/check"
    assert re.findall(r"(\w+)=\{\{(\w+)\}\}", query) == [
        (name, name) for name in ("target", "arch", "current_version", "bundle_type")
    ]

"""The image cannot be built in a test: its Dockerfile is checked against the code, and its command is run as in the image."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path

import pytest
import requests
import yaml
from cryptography.fernet import Fernet
from django.conf import settings
from django.core.management import get_commands

from scripts.with_services import spare_port
from tests.e2e.served import bare_environment, end_group
from tests.settings_names import SETTING_NAMES

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "Dockerfile").read_text(encoding="utf-8")
# Comments go, and lines that were broken are put together.
LINES = re.sub(r"\\\n\s*", " ", re.sub(r"^#.*\n", "", TEXT, flags=re.MULTILINE)).splitlines()
INSTRUCTIONS = [tuple(line.split(" ", 1)) for line in LINES if line.strip()]
FINAL = INSTRUCTIONS[[i for i, (word, _) in enumerate(INSTRUCTIONS) if word == "FROM"][-1] :]


def of_kind(word: str, instructions: list[tuple[str, ...]] = INSTRUCTIONS) -> list[str]:
    return [rest for kind, rest in instructions if kind == word]


def copied() -> list[str]:
    """What goes from the repository into the image."""
    return [line.split()[0] for line in of_kind("COPY") if not line.startswith("--from")]


def environment() -> dict[str, str]:
    """What the image sets for the process."""
    pairs = [pair.split("=", 1) for line in of_kind("ENV", FINAL) for pair in line.split()]
    return {pair[0]: pair[1] for pair in pairs}


def test_two_stages_on_a_python_that_the_project_supports() -> None:
    assert of_kind("FROM") == ["python:3.11-slim AS build", "python:3.11-slim"]
    assert sys.version_info[:2] >= (3, 11)


def test_every_copied_path_exists_and_is_let_into_the_build() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert copied()
    for path in copied():
        assert (ROOT / path).exists(), path
        assert path in allowed, path
    assert allowed == set(copied())


def test_all_else_is_kept_out_of_the_build() -> None:
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert lines[0] == "*"
    assert {"**/.env", "**/*.sqlite3*", "**/__pycache__"} <= set(lines)


def test_every_app_of_ours_is_in_the_image() -> None:
    ours = {app.split(".")[0] for app in settings.INSTALLED_APPS if (ROOT / app.split(".")[0]).is_dir()}
    assert ours == {"sage_platform", "providers", "system", "versions", "uploads", "observability"}
    assert ours <= set(copied())


def test_the_settings_exist_and_it_is_a_production_deployment() -> None:
    given = {name: value for name, value in environment().items() if name.startswith("SAGE_")}
    assert given == {"SAGE_ENV": "production", "SAGE_BIND": "0.0.0.0", "SAGE_PORT": "8000", "SAGE_DATA_DIR": "/data"}
    assert set(given) <= SETTING_NAMES


def test_it_runs_as_nobody_special() -> None:
    assert of_kind("USER", FINAL) == ["10001:10001"]
    assert "10001" in json.loads(next(line for line in of_kind("RUN", FINAL) if "useradd" in line))
    after = [kind for kind, _ in FINAL[[kind for kind, _ in FINAL].index("USER") :]]
    assert "RUN" not in after
    assert "COPY" not in after


def test_no_secret_is_built_in() -> None:
    for name in environment():
        assert not re.search(r"KEY|SECRET|PASSWORD|TOKEN|URL", name), name
    assert "ARG" not in [kind for kind, _ in INSTRUCTIONS]


def test_its_commands_exist_and_are_no_shell_text() -> None:
    [command] = of_kind("CMD", FINAL)
    assert isinstance(json.loads(command), list)
    commands = re.findall(r"manage\.py (\w+)", command)
    assert commands == ["bootstrap", "serve"]
    assert set(commands) <= set(get_commands())


def health_check() -> list[str]:
    """The command by which the image is asked whether it is well, with this run's interpreter."""
    [check] = of_kind("HEALTHCHECK", FINAL)
    name, *arguments = json.loads(check.partition("CMD ")[2])
    assert name == "python"
    return [sys.executable, *arguments]


def test_the_port_that_is_served_is_the_one_that_is_named() -> None:
    assert of_kind("EXPOSE", FINAL) == [environment()["SAGE_PORT"]]


@pytest.fixture
def image(tmp_path: Path) -> Iterator[Path]:
    """What the image holds, in a folder where nobody may write."""
    folder = tmp_path / "image"
    folder.mkdir()
    for name in copied():
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, folder / name)
    everything = [folder, *folder.rglob("*")]
    for path in everything:
        path.chmod(0o555 if path.is_dir() else 0o444)
    yield folder
    for path in everything:
        path.chmod(0o755 if path.is_dir() else 0o644)


@pytest.mark.served
def test_its_command_serves_from_files_that_cannot_be_written(image: Path, tmp_path: Path) -> None:
    data, port = tmp_path / "data", spare_port()
    data.mkdir()
    # The interpreter of this run, started by its own path: its packages are found through that.
    command = json.loads(of_kind("CMD", FINAL)[0])
    command[-1] = command[-1].replace("python ", f"{sys.executable} ")
    # Root may write anywhere, whatever the files' modes say, unless it gives that power away.
    powerless = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
    own = {
        "SAGE_PORT": str(port),
        "SAGE_DATA_DIR": str(data),
        "HOME": str(data),
        "SAGE_SECRET_KEY": "kQ9x-Zr4tV7b_Lm2nW8pYc3dHf6jGs1uEa5oRiTq",
        "SAGE_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "SAGE_PUBLIC_URL": "https://sage.example",
        "EMAIL_URL": "smtp://127.0.0.1:1",
    }
    path = environment()["PATH"].replace("$PATH", os.environ["PATH"])
    writes = [*powerless, sys.executable, "-c", "open('written', 'w')"]
    refused = subprocess.run(writes, cwd=image, capture_output=True, text=True, check=False)
    assert "PermissionError" in refused.stderr
    before = sorted(str(path.relative_to(image)) for path in image.rglob("*"))
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [*powerless, *command],
            cwd=image,
            env=bare_environment() | environment() | {"PATH": path} | own,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        answer = wait_for(f"http://127.0.0.1:{port}/active", process, tmp_path / "log")
        assert (answer.status_code, answer.text) == (200, "Service is available.")
        health = requests.get(f"http://127.0.0.1:{port}/api/health", headers={"Host": "sage.example"}, timeout=10)
        assert (health.status_code, health.json()["data"]["status"]) == (200, "healthy")
        asked = {"SAGE_PORT": str(port)}
        assert subprocess.run(health_check(), env=asked, stderr=subprocess.DEVNULL, check=False).returncode == 0
        process.terminate()  # The first process is the server itself: the shell is gone.
        assert process.wait(30) == 0
        assert subprocess.run(health_check(), env=asked, stderr=subprocess.DEVNULL, check=False).returncode == 1
    finally:
        end_group(process)
    assert sorted(str(path.relative_to(image)) for path in image.rglob("*")) == before
    assert (data / "sage.sqlite3").exists()


def wait_for(address: str, process: "subprocess.Popen[bytes]", log: Path) -> requests.Response:
    deadline = time.monotonic() + 60
    while True:
        try:
            return requests.get(address, timeout=5)
        except (requests.ConnectionError, requests.Timeout):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)


def test_in_the_runbooks_compose_file_the_proxy_is_trusted() -> None:
    """Docker gives the network's first address to the machine, as which all that comes through the published port is seen."""
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```yaml\n(services:.*?)^```$", text, re.MULTILINE | re.DOTALL)
    told = yaml.safe_load(block)
    (network,) = told["networks"]["default"]["ipam"]["config"]
    gateway = next(ip_network(network["subnet"]).hosts())
    assert told["services"]["sage"]["environment"]["SAGE_TRUSTED_PROXIES"] == str(gateway)
    assert set(told["services"]["sage"]["environment"]) <= SETTING_NAMES | {f"{name}_FILE" for name in SETTING_NAMES}

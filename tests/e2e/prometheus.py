"""Debian's Prometheus, with the configuration and the rules that we ship, as docs/operations.md has them installed."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import requests

from scripts.with_services import Service
from tests.e2e.deployment import block
from tests.e2e.nginx import changed
from tests.e2e.served import ROOT

T = TypeVar("T")
SECONDS = 60
# What would change this machine is left out, and the files belong to who runs the test.
STAND_INS = """
set -euo pipefail
apt-get() { :; }
systemctl() { :; }
install() { command install -m 0600 /dev/null "${@: -1}"; }
"""
PLACES = {"/etc/": "{folder}/etc/", "/opt/sage/": f"{ROOT}/"}


def installed(folder: Path) -> subprocess.CompletedProcess[str]:
    """The commands of the runbook, in a folder instead of this machine's places."""
    for name in ("sage", "prometheus"):
        (folder / "etc" / name).mkdir(parents=True)
    commands = block("prometheus")
    # The configuration names its files by whole paths.
    copied, check = commands.split("promtool ")
    fit = f"sed -i s,/etc/prometheus,{folder}/etc/prometheus, {folder}/etc/prometheus/prometheus.yml\n"
    for place, here in PLACES.items():
        copied, check = (part.replace(place, here.format(folder=folder)) for part in (copied, check))
    script = f"{STAND_INS}{copied}{fit}promtool {check}"
    return subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60, check=False)


class Prometheus(Service):
    """Its token is there before it is started, for the platform's settings."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        assert shutil.which("prometheus"), "Prometheus is not installed (Debian: apt-get install prometheus)"
        self.installed = installed(folder)
        assert self.installed.returncode == 0, self.installed.stderr
        self.config = folder / "etc" / "prometheus" / "prometheus.yml"

    def watch(self, port: int) -> None:
        """Start, and scrape the platform on this port each second."""
        here = {"_interval: 15s": "_interval: 1s", "127.0.0.1:8000": f"127.0.0.1:{port}"}
        self.config.write_text(changed(self.config.read_text(), here))
        self.start()

    @property
    def token(self) -> str:
        return (self.folder / "etc" / "sage" / "metrics_token").read_text().strip()

    def command(self) -> list[str]:
        return [
            "prometheus",
            f"--config.file={self.config}",
            f"--storage.tsdb.path={self.folder}/data",
            f"--web.listen-address=127.0.0.1:{self.port}",
        ]

    def ready(self) -> bool:
        try:
            return requests.get(f"http://127.0.0.1:{self.port}/-/ready", timeout=5).status_code == 200
        except requests.ConnectionError:
            return False

    def ask(self, path: str, **query: str | list[str]) -> Any:
        """The `data` of an answer of its API."""
        answer = requests.get(f"http://127.0.0.1:{self.port}/api/v1/{path}", params=query, timeout=20).json()
        assert answer["status"] == "success", (query, answer)
        return answer["data"]

    def values(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """What the expression is now: the labels of each and its number."""
        found = self.ask("query", query=expression)
        if found["resultType"] == "scalar":
            return [({}, float(found["result"][1]))]
        return [(one["metric"], float(one["value"][1])) for one in found["result"]]

    def wait_for(self, look: Callable[[], T]) -> T:
        """Until what it says is true."""
        deadline = time.monotonic() + SECONDS
        while not (found := look()):
            assert time.monotonic() < deadline, (self.folder / "log").read_text()[-2000:]
            time.sleep(0.2)
        return found


@contextmanager
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="sage-prometheus-"))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)

"""Measure the routes and print a table of ratios. Needs wrk (Debian's package of that name).

Each target is served by one worker; a second process drives it; rounds go round all targets in turn, and the median counts, so
that a noisy machine is noisy for all of them.
"""

import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[2]
ROUNDS, SECONDS, CONNECTIONS = 5, 2, 8


@dataclass
class Target:
    """One address; `headers` make its caller somebody. `peer` names what the ratio is to."""

    name: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)
    least: float | None = None
    rates: list[float] = field(default_factory=list)

    def drive(self) -> None:
        command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", self.url]
        for name, value in self.headers.items():
            command += ["-H", f"{name}: {value}"]
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        if "Non-2xx" in printed:
            raise SystemExit(f"{self.name}: not every answer was a success\n{printed}")
        rate = re.search(r"Requests/sec:\s+([0-9.]+)", printed)
        self.rates.append(float(rate.group(1)) if rate else 0.0)

    @property
    def median(self) -> float:
        return statistics.median(self.rates)


def spare_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def server(app: str, port: int, env: dict[str, str], probe: str, *, factory: bool = False) -> Iterator[int]:
    """One granian worker; yields its process id."""
    command = [str(Path(sys.executable).with_name("granian")), "--interface=wsgi", f"--port={port}", "--http=1", "--no-ws"]
    command += ["--log-level=error", "--blocking-threads=96", *(["--factory"] if factory else []), app]
    process = subprocess.Popen(command, cwd=ROOT, env=env)
    try:
        for _ in range(200):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}{probe}", timeout=1).read()
                break
            except OSError:
                time.sleep(0.1)
        yield process.pid
    finally:
        process.terminate()
        process.wait(20)


def resident_mib(pid: int) -> float:
    """Of the worker: the server's only child that serves."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    sizes = [int(Path(f"/proc/{child}/statm").read_text().split()[1]) for child in children]
    return max(sizes) * os.sysconf("SC_PAGE_SIZE") / 2**20


def sign_in(base: str, password: str) -> str:
    body = json.dumps({"username_or_email": "admin", "password": password}).encode()
    request = urllib.request.Request(f"{base}/api/auth/login", body, {"Content-Type": "application/json"})
    answer: dict[str, Any] = json.load(urllib.request.urlopen(request, timeout=10))
    return str(answer["data"]["access_token"])


def main() -> None:
    if not shutil.which("wrk"):
        raise SystemExit("make bench needs wrk; install Debian's package wrk.")
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        ports = [spare_port() for _ in range(3)]
        own = {"SAGE_DATA_DIR": folder, "SAGE_PORT": str(ports[2]), "DJANGO_SETTINGS_MODULE": "sage_platform.settings"}
        env = {**os.environ, **own}
        subprocess.run([sys.executable, "manage.py", "bootstrap"], cwd=ROOT, env=env, check=True, stdout=subprocess.DEVNULL)
        stack.enter_context(server("tests.benchmarks.bare:wsgi", ports[0], env, "/"))
        bare_env = {**env, "DJANGO_SETTINGS_MODULE": ""}
        stack.enter_context(server("tests.benchmarks.bare:django_view", ports[1], bare_env, "/bare", factory=True))
        pid = stack.enter_context(server("sage_platform.wsgi:application", ports[2], env, "/active"))
        base = f"http://127.0.0.1:{ports[2]}"
        token = sign_in(base, (Path(folder) / "admin_password").read_text().strip())
        bare = Target("a bare Django view", f"http://127.0.0.1:{ports[1]}/bare")
        targets = [
            Target("a bare WSGI callable", f"http://127.0.0.1:{ports[0]}/"),
            bare,
            Target("GET /active", f"{base}/active", least=5),
            Target("GET /api/system/info", f"{base}/api/system/info", least=0.5),
            Target("GET /api/health", f"{base}/api/health", least=0.3),
            Target("GET /api/auth/session (bearer)", f"{base}/api/auth/session", {"Authorization": f"Bearer {token}"}, least=0.2),
        ]
        for _ in range(ROUNDS):
            for target in targets:
                target.drive()
        report(targets, bare, resident_mib(pid))


def report(targets: list[Target], bare: Target, memory: float) -> None:
    table = Table(title=f"Medians of {ROUNDS} rounds of {SECONDS} s, one worker, {CONNECTIONS} connections")
    for heading in ("route", "of a bare Django view", "spread", "wanted"):
        table.add_column(heading)
    for target in targets:
        ratios = [rate / bare.median for rate in target.rates]
        wanted = f"≥ {target.least}" if target.least else ""
        table.add_row(target.name, f"{target.median / bare.median:.2f}", f"{min(ratios):.2f}-{max(ratios):.2f}", wanted)
    console = Console()
    console.print(table)
    console.print(f"Resident memory of the worker afterwards: {memory:.0f} MiB")
    short = [target.name for target in targets if target.least and target.median / bare.median < target.least]
    if short:
        raise SystemExit(f"Slower than wanted: {', '.join(short)}")


if __name__ == "__main__":
    main()

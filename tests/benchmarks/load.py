"""How a route is driven: as many requests as it answers, over a few connections, by a process that is not the server."""

import math
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks.bounds import BenchError

CONNECTIONS = 8
MISSING = "make bench needs the program wrk, which drives the server: apt-get install wrk (Debian, Ubuntu) or brew install wrk."
MILLISECONDS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}


@dataclass(frozen=True)
class Ask:
    """One request, as often as wanted."""

    url: str
    headers: dict[str, str] = field(default_factory=dict)
    method: str = "GET"
    body: str = ""
    connections: int = CONNECTIONS


@dataclass(frozen=True)
class Load:
    """What came of it: answers a second, and latencies in milliseconds."""

    rate: float
    p50: float
    p99: float


# Drives one request for so many seconds; BenchError when an answer was no success.
Drive = Callable[[Ask, float], Load]


def check_wrk() -> None:
    if not shutil.which("wrk"):
        raise BenchError(MISSING)


def wrk(ask: Ask, seconds: float) -> Load:
    command = ["wrk", "--latency", "-t1", f"-c{ask.connections}", f"-d{math.ceil(seconds)}s"]
    for name, value in ask.headers.items():
        command += ["-H", f"{name}: {value}"]
    with tempfile.TemporaryDirectory() as folder:
        if ask.method != "GET":
            script = Path(folder) / "request.lua"
            script.write_text(f'wrk.method = "{ask.method}"\nwrk.body = [==[{ask.body}]==]\n', encoding="utf-8")
            command += ["-s", str(script)]
        ended = subprocess.run([*command, ask.url], capture_output=True, text=True, check=False)
    if ended.returncode:
        raise BenchError(f"wrk failed: {ended.stdout}{ended.stderr}")
    return read_wrk(ended.stdout)


def read_wrk(printed: str) -> Load:
    """From what wrk prints."""
    if "Non-2xx" in printed or "Socket errors" in printed:
        raise BenchError(f"Not every answer was a success:\n{printed}")
    rate = re.search(r"Requests/sec:\s+([0-9.]+)", printed)
    latencies = {found[1]: float(found[2]) * MILLISECONDS[found[3]] for found in LATENCY.finditer(printed)}
    if rate is None or not {"50", "99"} <= set(latencies):
        raise BenchError(f"wrk printed something unknown:\n{printed}")
    return Load(float(rate[1]), latencies["50"], latencies["99"])


LATENCY = re.compile(r"^\s+(\d+)%\s+([0-9.]+)(us|ms|s|m)\s*$", re.MULTILINE)

"""What is measured: a served platform with one worker, and beside it the two bare servers behind the same server program."""

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from multiprocessing import get_context
from typing import Any

from scripts.with_services import spare_port
from tests.benchmarks import clients, machine
from tests.benchmarks.bounds import BenchError
from tests.benchmarks.load import Ask
from tests.e2e.served import DEFAULT_LOG, ROOT, Platform, bare_environment, served

START_SECONDS = 30
CLIENT_PROCESSES = 2


@dataclass(frozen=True)
class Bare:
    """One of the bare servers."""

    ask: Ask
    worker: int


@dataclass
class World:
    platform: Platform
    django: Bare
    wsgi: Bare
    fleet: Executor
    _headers: dict[str, dict[str, str]] = field(default_factory=dict)
    _found: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def worker(self) -> int:
        assert self.platform.process is not None
        return machine.worker_of(self.platform.process.pid)

    def headers(self, who: str) -> dict[str, str]:
        """What a caller of that kind, a row of CALLERS, sends with each request."""
        if who not in self._headers:
            self._headers[who] = CALLERS[who](self)
        return self._headers[who]

    def inside(self, what: str, *arguments: Any) -> Any:
        """The answer of a function named in inside.py, which runs in a process with this platform's settings and data."""
        ended = subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.inside", what],
            input=json.dumps(arguments),
            cwd=ROOT,
            env=self.platform.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if ended.returncode:
            raise BenchError(f"{what} failed:\n{ended.stderr}")
        return json.loads(ended.stdout)

    def once(self, what: str, *arguments: Any) -> Any:
        """As `inside`, but for the same arguments only the first time; then what it answered then."""
        key = repr((what, arguments))
        if key not in self._found:
            self._found[key] = self.inside(what, *arguments)
        return self._found[key]


def _bearer(world: World) -> dict[str, str]:
    return {"Authorization": str(world.platform.admin().session.headers["Authorization"])}


def _cookie(world: World) -> dict[str, str]:
    browser = world.platform.caller()
    browser.post("/api/auth/login", {"username_or_email": "admin", "password": world.platform.admin_password})
    return {"Cookie": "; ".join(f"{name}={value}" for name, value in browser.session.cookies.items())}


# A new kind of caller is a row here.
CALLERS: dict[str, Callable[[World], dict[str, str]]] = {
    "nobody": lambda world: {},
    "bearer": _bearer,
    "cookie": _cookie,
    "third party": lambda world: {"Authorization": f"Bearer {world.once('oauth2_flow')['userinfo']}"},
    "machine": lambda world: {"Authorization": world.once("oauth2_flow")["machine"]},
}


@contextmanager
def made(*, workers: int = 1, **settings: str) -> Iterator[World]:
    """As many workers each, and processes for clients that have started."""
    with ExitStack() as stack:
        platform = stack.enter_context(served(workers=workers, **DEFAULT_LOG | settings))
        django = stack.enter_context(bare_server(platform, "tests.benchmarks.bare:django_view", "/bare"))
        wsgi = stack.enter_context(bare_server(platform, "tests.benchmarks.bare:wsgi", "/"))
        fleet = stack.enter_context(ProcessPoolExecutor(CLIENT_PROCESSES, mp_context=get_context("spawn")))
        for started in [fleet.submit(clients.ready) for _ in range(CLIENT_PROCESSES)]:
            started.result()
        yield World(platform, django, wsgi, fleet)


@contextmanager
def bare_server(platform: Platform, target: str, path: str) -> Iterator[Bare]:
    """Served by the same program in the same way as the platform, but for port and application."""
    port, environment = spare_port(), platform.environment
    options = {
        "host": "127.0.0.1",
        "port": port,
        "workers": environment["SAGE_WORKERS"],
        "blocking-threads": environment["SAGE_THREADS"] or "96",
        "http": "1",
        "interface": "wsgi",
        "log-level": "error",
    }
    command = [sys.executable, "-m", "granian", *(f"--{name}={value}" for name, value in options.items()), "--no-ws"]
    environ = bare_environment() | {"MALLOC_ARENA_MAX": "1"}
    process = subprocess.Popen([*command, "--factory", target], cwd=ROOT, env=environ)
    try:
        url = f"http://127.0.0.1:{port}{path}"
        wait_for(url, process)
        yield Bare(Ask(url), machine.worker_of(process.pid))
    finally:
        process.terminate()
        process.wait(START_SECONDS)


def wait_for(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            urllib.request.urlopen(url, timeout=1).read()
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise BenchError("a bare server did not start") from None
            time.sleep(0.05)
        else:
            return

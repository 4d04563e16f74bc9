"""The server's own process, where it fails; what it serves is shown in tests/e2e."""

import json
import os
import resource
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from sage_platform import server
from tests.e2e.served import ROOT, bare_environment

# It fails while it has a worker, which does not end with it.
FAILING = """
import logging.config, multiprocessing, sys, time
from sage_platform import server
from sage_platform.logs import logging_config

def serve(told):
    logging.config.dictConfig(logging_config("INFO", access_log=False))
    multiprocessing.Process(target=time.sleep, args=(60,)).start()
    raise LookupError("no such worker")

server.serve = serve
sys.argv[1:] = ["{}"]
server.main()
"""


def test_an_error_of_its_own_ends_it_at_once_so_that_the_supervisor_starts_another(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as log:
        started = subprocess.Popen(
            [sys.executable, "-c", FAILING], cwd=ROOT, env=bare_environment(), stdout=log, stderr=log, start_new_session=True
        )
    try:
        assert started.wait(20) == 1
    finally:
        with suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGKILL)
        started.wait()
    (line,) = (tmp_path / "log").read_text().splitlines()
    told = json.loads(line)
    assert (told["level"], told["logger"]) == ("CRITICAL", "sage.server")
    assert told["message"] == "the server ends, since it has failed: no such worker"
    assert "LookupError" in told["traceback"]


@pytest.mark.parametrize(
    ("soft", "hard", "raised", "taken"),
    [
        (1024, 524_288, 8704, 8192),
        (65_536, 65_536, None, 8192),
        (1024, 4096, 4096, 3584),
        (256, 256, 256, 160),
        (1024, resource.RLIM_INFINITY, 8704, 8192),
        (resource.RLIM_INFINITY, resource.RLIM_INFINITY, None, 8192),
    ],
)
def test_a_worker_takes_as_many_connections_as_it_may_open_files(
    soft: int, hard: int, raised: int | None, taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With 96 threads; more connections than threads in any case."""
    calls: list[object] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _which: (soft, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda _which, limits: calls.append(limits))
    assert server.connections(96) == taken
    assert calls == ([] if raised is None else [(raised, hard)])

"""Runs the programs of other products that sign people in with us, each on a free port and with a folder of its own."""

import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from scripts.with_services import spare_port
from tests.e2e.served import end_group

HERE = Path(__file__).parent
SECRET = "sage_cs_" + "Qw7-" * 12
START_SECONDS = 90


@dataclass
class Program:
    """A program that answers. Its host is not ours, since cookies of one host are shared by all its ports."""

    folder: Path
    port: int

    @property
    def base(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")


def environment(client_id: str, **more: str) -> dict[str, str]:
    """What the guide's programs read, and nothing of the test run's."""
    own = {"CLIENT_ID": client_id, "CLIENT_SECRET": SECRET, "SESSION_SECRET": "s" * 64, "NO_PROXY": "*", "no_proxy": "*"}
    return {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"} | own | more


@contextmanager
def own_folder() -> Iterator[Program]:
    """A program that is yet to be written and run."""
    with tempfile.TemporaryDirectory(prefix="sage-client-", ignore_cleanup_errors=True) as folder:
        yield Program(Path(folder), spare_port())


@contextmanager
def running(program: Program, command: Sequence[str], env: dict[str, str]) -> Iterator[Program]:
    """The program serves until the block ends."""
    with (program.folder / "log").open("ab") as log:
        process = subprocess.Popen(
            command, cwd=program.folder, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _answers(program.port):
            assert process.poll() is None, program.log
            assert time.monotonic() < deadline, program.log
            time.sleep(0.05)
        yield program
    finally:
        process.terminate()
        end_group(process)


def _answers(port: int) -> bool:
    with socket.socket() as attempt:
        return attempt.connect_ex(("127.0.0.1", port)) == 0

"""A desktop application whose updater is Tauri's own, installed as an AppImage is, in a folder and with a display of its own."""

import json
import os
import select
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tests.clients.programs import HERE
from tests.e2e.served import end_group

PYTHON = HERE / ".venvs" / "pytauri" / "bin" / "python"
# As the updater names the machine.
PLATFORM = f"linux-{os.uname().machine}"
# What stands in the place of the application until it has updated itself.
OLD = b"the application before"
ANSWER_SECONDS = 30


class UpdaterError(Exception):
    """What the updater told its application."""


@dataclass
class Desktop:
    process: "subprocess.Popen[bytes]"
    folder: Path

    @property
    def installed(self) -> bytes:
        return (self.folder / "Sage.AppImage").read_bytes()

    def check(self, **options: object) -> dict[str, Any] | None:
        """The update that it is offered; None where it takes itself to be up to date."""
        found: dict[str, Any] | None = self._order("check", options)
        return found

    def offered(self) -> str | None:
        """The version alone."""
        found = self.check()
        return None if found is None else str(found["version"])

    def download(self) -> None:
        """Fetch the update that it was offered, and verify it."""
        self._order("download")

    def install(self) -> None:
        self._order("install")

    def _order(self, name: str, options: object = None) -> Any:
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps([name, options]).encode() + b"\n")
        stdin.flush()
        told, _, _ = select.select([stdout], [], [], ANSWER_SECONDS)
        line = stdout.readline() if told else b""
        assert line, (self.folder / "log").read_text(errors="replace")
        answer = json.loads(line)
        if "error" in answer:
            raise UpdaterError(answer["error"])
        return answer["result"]


@contextmanager
def display() -> Iterator[str]:
    """A screen that nobody sees."""
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-nolisten", "tcp", "-screen", "0", "800x600x24"]
    none = subprocess.DEVNULL
    process = subprocess.Popen(command, stdin=none, stdout=none, stderr=none, pass_fds=[writing], start_new_session=True)
    os.close(writing)
    try:
        with os.fdopen(reading) as told:
            number = told.readline().strip()
        assert number, f"Xvfb ended with {process.wait()}"
        yield f":{number}"
    finally:
        process.terminate()
        end_group(process)


@contextmanager
def desktop(screen: str, endpoints: Sequence[str], public_key: str, *, version: str = "1.0.0") -> Iterator[Desktop]:
    """The application of this version runs until the block ends."""
    updater = {"endpoints": endpoints, "pubkey": public_key, "dangerousInsecureTransportProtocol": True}
    configuration = {"version": version, "plugins": {"updater": updater}}
    with tempfile.TemporaryDirectory(prefix="sage-desktop-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / "Sage.AppImage").write_bytes(OLD)
        # Tauri takes itself to run from an AppImage where its program is in such a folder, and then replaces the AppImage.
        mounted = folder / ".mount_Sage"
        mounted.mkdir()
        program = mounted / "sage"
        shutil.copy(PYTHON.resolve(), program)
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [str(program), str(HERE / "desktop" / "app.py"), json.dumps(configuration)],
                cwd=folder,
                env=environment(folder, mounted) | {"DISPLAY": screen},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        try:
            yield Desktop(process, folder)
        finally:
            with process:
                end_group(process)


def environment(folder: Path, mounted: Path) -> dict[str, str]:
    """Nothing of the test run's but the search path."""
    home, packages = python_folders()
    return {
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "XDG_RUNTIME_DIR": str(folder),
        "APPIMAGE": str(folder / "Sage.AppImage"),
        "APPDIR": str(mounted),
        "PYTHONHOME": home,
        "PYTHONPATH": packages,
        "NO_PROXY": "*",
        "no_proxy": "*",
    }


@cache
def python_folders() -> tuple[str, str]:
    """Where the Python that has pytauri keeps its own modules, and where the packages; a copy of it does not find them."""
    ask = "import sys, sysconfig; print(sys.base_prefix); print(sysconfig.get_path('platlib'))"
    told = subprocess.run([str(PYTHON), "-c", ask], capture_output=True, text=True, check=True).stdout
    home, packages = told.split()
    return home, packages

"""What systemctl does with units, as far as ours need it: for a machine that is a folder and has no systemd.

    usage: systemctl.py FOLDER VERB [--now] [UNIT …]

Units are read from FOLDER/etc/systemd/system with the drop-ins of a common prefix (systemd.unit(5)), and commands are run as
systemd runs them: as the unit's user, in its folder, with no environment but the EnvironmentFile's.
"""

import os
import pwd
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"  # systemd's own.


def service_section(*paths: Path) -> dict[str, list[str]]:
    """The directives of [Service], each with all of its values in their order."""
    found: dict[str, list[str]] = {}
    for path in paths:
        section = ""
        for line in path.read_text().splitlines():
            if line.startswith("["):
                section = line
            elif section == "[Service]" and "=" in line and not line.startswith("#"):
                name, value = line.split("=", 1)
                found.setdefault(name, []).append(value)
    return found


class Unit:
    def __init__(self, machine: Path, name: str) -> None:
        folder = machine / "etc/systemd/system"
        prefix, dash, _rest = name.partition("-")
        drop_ins = sorted((folder / f"{prefix}-.{name.rpartition('.')[2]}.d").glob("*.conf")) if dash else []
        self.machine, self.name = machine, name
        self.directives = service_section(folder / name, *drop_ins)
        self.settings = {name: values[-1] for name, values in self.directives.items()}
        self.pid_file = machine / "run" / f"{name}.pid"

    def environment(self) -> dict[str, str]:
        lines = Path(self.settings["EnvironmentFile"]).read_text().splitlines()
        given = dict(line.split("=", 1) for line in lines if line and line[0] not in "#;")
        return {"PATH": PATH, "LANG": "C.UTF-8"} | given

    def process(self, line: str) -> "subprocess.Popen[bytes]":
        command = shlex.split(line.replace("%%", "%"))
        user = self.settings["User"]
        if user != pwd.getpwuid(os.geteuid()).pw_name:
            group = str(pwd.getpwnam(user).pw_gid)
            command = ["setpriv", f"--reuid={user}", f"--regid={group}", "--init-groups", "--", *command]
        with (self.machine / "log").open("ab") as log:
            return subprocess.Popen(
                command,
                cwd=self.settings["WorkingDirectory"],
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                umask=int(self.settings["UMask"], 8),
            )

    def run(self, directive: str) -> None:
        for line in self.directives.get(directive, []):
            if code := self.process(line).wait():
                sys.exit(f"{self.name}: {line} ended with {code}")

    def start(self) -> None:
        state = self.machine / "var/lib" / self.settings["StateDirectory"]
        state.mkdir(parents=True, exist_ok=True)
        state.chmod(int(self.settings["StateDirectoryMode"], 8))
        shutil.chown(state, self.settings["User"])
        self.run("ExecStartPre")
        if self.settings.get("Type") == "oneshot":
            self.run("ExecStart")
            self.run("ExecStartPost")
        else:
            self.pid_file.write_text(str(self.process(self.settings["ExecStart"]).pid))

    def stop(self) -> None:
        """KillMode=mixed: SIGTERM to the main process alone, and SIGKILL to whatever is left after the time."""
        if not self.pid_file.exists():
            return
        pid = int(self.pid_file.read_text())
        self.pid_file.unlink()
        if lives(pid):
            os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + int(self.settings["TimeoutStopSec"])
        while lives(pid) and time.monotonic() < deadline:
            time.sleep(0.05)
        try:
            os.killpg(pid, signal.SIGKILL)
        except ProcessLookupError:
            return

    def reload(self) -> None:
        main = self.pid_file.read_text()
        self.directives["ExecReload"] = [line.replace("$MAINPID", main) for line in self.directives["ExecReload"]]
        self.run("ExecReload")


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def main(folder: str, verb: str, *arguments: str) -> None:
    machine = Path(folder)
    for name in (argument for argument in arguments if argument not in {"--now", "nginx"}):
        unit = Unit(machine, name if "." in name else f"{name}.service")
        if verb == "enable" and unit.settings:
            unit.start()
        elif verb == "restart":
            unit.stop()
            unit.start()
        elif verb in {"start", "stop", "reload"}:
            {"start": unit.start, "stop": unit.stop, "reload": unit.reload}[verb]()


if __name__ == "__main__":
    main(*sys.argv[1:])

"""deploy/: systemd's units, and the command that runs manage.py as the service does."""

import getpass
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.e2e.systemctl import service_section

ROOT = Path(__file__).resolve().parents[1]
UNITS = ROOT / "deploy" / "systemd"
DROP_IN = UNITS / "sage-.service.d" / "as-the-service.conf"
# What the service has and a command that ends does not need.
OF_A_SERVER = {
    "ExecReload", "ExecStart", "ExecStartPre", "KillMode", "LimitNOFILE", "Restart", "RestartSec", "TimeoutStartSec",
    "TimeoutStopSec",
}  # fmt: skip


def test_the_timers_commands_run_as_the_service_does() -> None:
    service, command = service_section(UNITS / "sage.service"), service_section(DROP_IN)
    assert command.pop("Type") == ["oneshot"]
    assert command == {name: value for name, value in service.items() if name not in OF_A_SERVER}
    assert service["Restart"] == ["always"]


def test_each_timer_has_its_service_and_the_readme_enables_it() -> None:
    timers = {path.stem for path in UNITS.glob("*.timer")}
    assert timers == {path.stem for path in UNITS.glob("sage-*.service")} == {"sage-backup", "sage-probe", "sage-prune"}
    (enabled,) = re.findall(r"^systemctl enable --now (.+)$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(enabled.split()) == {"sage.service"} | {f"{name}.timer" for name in timers}


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed; .ci/run installs it")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    """It also looks whether programs and users are there, so these are ones of this machine."""
    shutil.copytree(UNITS, tmp_path, dirs_exist_ok=True)
    for path in (*tmp_path.glob("*.service"), *tmp_path.glob("*/*.conf")):
        text = path.read_text().replace("/opt/sage/.venv/bin/python", "/usr/bin/env")
        path.write_text(text.replace("User=sage", "User=daemon"))
    names = sorted(str(path) for path in (*tmp_path.glob("*.service"), *tmp_path.glob("*.timer")))
    environment = {"PATH": os.environ["PATH"], "SYSTEMD_UNIT_PATH": f"{tmp_path}:", "SYSTEMD_LOG_LEVEL": "warning"}
    done = subprocess.run(
        ["systemd-analyze", "--man=no", "verify", *names],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture
def sage(tmp_path: Path) -> Path:
    """The command with its places in a folder, where python tells what it was given."""
    python = tmp_path / "opt/sage/.venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\nprintf "%s\\n" "$PWD" "$(umask)" "$@"\nenv\n')
    python.chmod(0o755)
    (tmp_path / "etc/sage").mkdir(parents=True)
    text = (
        (ROOT / "deploy" / "sage").read_text().replace("/etc/sage", f"{tmp_path}/etc/sage").replace("=/opt", f"={tmp_path}/opt")
    )
    command = tmp_path / "sage"
    command.write_text(text.replace("user=sage", f"user={getpass.getuser()}"))
    return command


def ran(command: Path, settings: str | None, *arguments: str) -> tuple[int, list[str], str]:
    if settings is not None:
        (command.parent / "etc/sage/env").write_text(settings)
    own = {"PATH": os.environ["PATH"], "DATABASE_URL": "sqlite:////mine", "SAGE_ENV": "development", "HOME": "/root"}
    done = subprocess.run(["bash", command, *arguments], env=own, capture_output=True, text=True, timeout=20, check=False)
    return done.returncode, done.stdout.splitlines(), done.stderr


def test_a_command_has_the_service_s_settings_and_no_others(sage: Path) -> None:
    settings = "# a comment\n\nSAGE_ENV=production\nDEFAULT_FROM_EMAIL=Sage <noreply@sage.example>\nSAGE_PORT=8001"
    code, lines, complaint = ran(sage, settings, "prune", "--dry-run", "a b")
    assert (code, complaint) == (0, "")
    assert lines[:6] == [f"{sage.parent}/opt/sage", "0077", "manage.py", "prune", "--dry-run", "a b"]
    given = set(lines[6:])
    assert {"SAGE_ENV=production", "DEFAULT_FROM_EMAIL=Sage <noreply@sage.example>", "SAGE_PORT=8001"} <= given
    assert not {line for line in given if line.startswith(("DATABASE_URL=", "HOME="))}


@pytest.mark.parametrize("line", ['A="quoted"', "A='quoted'", "A=goes on \\", "A=pa\\ss", "A=space at its end  "])
def test_what_systemd_would_read_otherwise_is_refused(line: str, sage: Path) -> None:
    code, lines, complaint = ran(sage, f"SAGE_ENV=production\n{line}\n", "prune")
    told = (
        f"sage: {sage.parent}/etc/sage/env: A must be NAME=value on one line, without quotes, backslashes and space at its end.\n"
    )
    assert (code, lines, complaint) == (1, [], told)


@pytest.mark.parametrize("line", ["X Y=topsecret", "topsecret", "1A=topsecret"])
def test_a_line_without_a_name_is_not_told(line: str, sage: Path) -> None:
    code, lines, complaint = ran(sage, f"SAGE_ENV=production\n{line}\n", "prune")
    assert (code, lines, complaint) == (1, [], f"sage: {sage.parent}/etc/sage/env: a line is not NAME=value.\n")


def test_settings_that_cannot_be_read(sage: Path) -> None:
    told = f"sage: {sage.parent}/etc/sage/env cannot be read; run this as root.\n"
    assert ran(sage, None, "prune") == (1, [], told)


def test_what_the_readme_takes_from_this_folder_is_there() -> None:
    named = set(re.findall(r"/opt/sage/(deploy/[\w/.-]+)", (ROOT / "README.md").read_text(encoding="utf-8")))
    assert "deploy/nginx/sage.conf" in named
    assert {path for path in named if not (ROOT / path).exists()} == set()

"""A machine that is set up by the README's text: its commands are run by bash as they stand, and only places differ.

The machine is a folder. What would change this one is stood in for: packages, users, git, make, and systemctl (`systemctl.py`).
"""

import grp
import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import requests

from scripts.with_services import PostgreSQL, Redis, running, spare_port
from tests.e2e.served import ROOT
from tests.e2e.systemctl import Unit, lives
from tests.secrets_in_logs import watch

DOCUMENTS = [ROOT / "README.md", ROOT / "docs" / "operations.md"]
PLACES = re.compile(r"(?<![\w.])/(?:etc/(?:sage|nginx|systemd)|opt/sage|var/(?:lib|backups)/sage|usr/local/sbin/sage)\b")
NOT_CODE = shutil.ignore_patterns(".*", "__pycache__", "build", "data", "node_modules", "tests")
AS_NOBODY = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--init-groups", "--"]
START_SECONDS = 60


class SocketPostgreSQL(PostgreSQL):
    """Lets everybody in who reaches the socket, where Debian's asks for the user's name; only this test reaches it."""

    def create(self) -> None:
        options = ("--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")
        made = self.tool("initdb", "--pgdata=data", "--username=postgres", "--auth=trust", *options)
        assert made.returncode == 0, made.stderr
        self.folder.chmod(0o755)
        self.start()

    def command(self) -> list[str]:
        return [*super().command(), "-c", f"unix_socket_directories={self.folder}"]


def block(name: str) -> str:
    """The commands that the documents have under this name, one block after the other."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in DOCUMENTS)
    found = re.findall(rf"^( *)```sh {name}\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL)
    assert found, f"no document has commands for {name}"
    return "\n".join(re.sub(rf"^{indent}", "", body, flags=re.MULTILINE) for indent, body in found)


def service_user() -> tuple[str, str]:
    """Whom the service runs as, and their group: where root runs the tests nobody, if nobody may read the code."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid()).pw_name, grp.getgrgid(os.getegid()).gr_name
    look = [sys.executable, "-c", "import django, sys; print(sys.version)"]
    done = subprocess.run([*AS_NOBODY, *look], cwd=ROOT, capture_output=True, text=True, check=False)
    return ("nobody", "nogroup") if done.stdout == f"{sys.version}\n" else ("root", "root")


class Machine:
    def __init__(self, folder: Path, database: PostgreSQL, redis_url: str, email_url: str) -> None:
        self.folder, self.database, self.redis_url, self.email_url = folder, database, redis_url, email_url
        self.port = spare_port()
        self.user, self.group = service_user()
        self.more_settings = ""
        folder.chmod(0o755)
        for name in ("bin", "run", "etc/systemd/system", "etc/nginx/sites-available", "etc/nginx/sites-enabled", "var/backups"):
            (folder / name).mkdir(parents=True)
        (folder / "usr/local/sbin").mkdir(parents=True)
        self.version = Path(shutil.copytree(ROOT, folder / "version", ignore=NOT_CODE))
        for path in (self.version / "deploy").rglob("*"):
            if path.is_file():
                path.write_text(self.here(path.read_text()))
        self.stand_in()

    def here(self, text: str) -> str:
        """The same with this machine's places, user and ports."""
        text = PLACES.sub(lambda found: f"{self.folder}{found[0]}", text)
        text = text.replace("-o sage -g sage", f"-o {self.user} -g {self.group}")
        text = re.sub(r"^(user|User)=sage$", rf"\1={self.user}", text, flags=re.MULTILINE)
        socket = f"{quote(str(self.database.folder), safe='')}:{self.database.port}"
        return text.replace("%2Fvar%2Frun%2Fpostgresql", socket).replace("redis://127.0.0.1:6379/0", self.redis_url)

    def stand_in(self) -> None:
        """For the programs that would change the machine that runs the tests."""
        code, database = self.folder / "opt/sage", self.database
        to_database = f"export PGHOST={database.folder} PGPORT={database.port} PGUSER=postgres"
        programs = {
            "apt-get": "exit 0",
            "useradd": "exit 0",
            # The version that is to be had, in whatever way it is fetched; what it does not have goes.
            "git": f"mkdir -p {code}; rm -rf {code}/providers; cp -rT {self.version} {code}",
            "make": f"ln -sfn {sys.prefix} {code}/.venv",
            "runuser": f'shift 3; {to_database}; exec "$@"',
            "systemctl": f'exec {sys.executable} {ROOT}/tests/e2e/systemctl.py {self.folder} "$@"',
        }
        for name, commands in programs.items():
            program = self.folder / "bin" / name
            program.write_text(f"#!/bin/sh\nset -e\n{commands}\n")
            program.chmod(0o755)

    def bash(self, commands: str) -> str:
        """What they printed; as a person's shell runs them, whose own environment must not matter."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", self.here(commands)],
            cwd=self.folder,
            env={
                "PATH": f"{self.folder}/bin:{self.folder}/usr/local/sbin:{os.environ['PATH']}",
                "EMAIL_URL": self.email_url,
                "SAGE_ENV": "development",
                "REPOSITORY": "the code's",
                "FORMER_VERSION": "the former one",
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert done.returncode == 0, f"{commands}\n{done.stdout}{done.stderr}\n{self.log[-3000:]}"
        return done.stdout

    def run(self, name: str) -> str:
        """The commands of this name in the documents."""
        return self.bash(block(name))

    def deploy(self) -> str:
        """By the README from top to bottom; the settings are put in place before the commands that need them."""
        readme = DOCUMENTS[0].read_text(encoding="utf-8")
        (settings,) = re.findall(r"^```ini\n(# /etc/sage/env.*?)^```$", readme, re.MULTILINE | re.DOTALL)
        (self.folder / "etc/sage").mkdir()
        given = f"{settings}SAGE_PORT={self.port}\n{self.more_settings}"
        (self.folder / "etc/sage/env").write_text(self.here(given))
        told = self.run("deploy")
        self.wait_until_it_answers()
        return told

    @property
    def log(self) -> str:
        path = self.folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    @property
    def admin_password(self) -> str:
        return (self.folder / "var/lib/sage/admin_password").read_text().strip()

    def wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        with requests.Session() as session:
            session.trust_env = False
            while True:
                try:
                    if session.get(f"http://127.0.0.1:{self.port}/active", timeout=5).status_code == 200:
                        return
                except requests.ConnectionError:
                    pass
                assert time.monotonic() < deadline, self.log[-3000:]
                time.sleep(0.05)

    def check_log(self) -> None:
        """No line holds a secret of the deployment, or one that was used in the run."""
        for file in ("secret_key", "secret_key_fallbacks", "encryption_keys", "email_url"):
            watch.see_file(file, self.folder / "etc/sage" / file)
        watch.see_folder(self.folder / "var/lib/sage")
        watch.check(self.log.splitlines(), "by a deployed platform")

    def stop(self) -> None:
        Unit(self.folder, "sage.service").stop()

    @property
    def server(self) -> int:
        pid = int(Unit(self.folder, "sage.service").pid_file.read_text())
        assert lives(pid), self.log[-3000:]
        return pid


@contextmanager
def machine(email_url: str) -> Iterator[Machine]:
    """With a PostgreSQL and a Redis of its own; nothing of the platform is there yet."""
    folder = Path(tempfile.mkdtemp(prefix="sage-machine-"))
    try:
        with running(SocketPostgreSQL) as database, running(Redis) as redis:
            made = Machine(folder, database, redis.url, email_url)
            try:
                yield made
            finally:
                if (folder / "etc/systemd/system/sage.service").exists():
                    made.stop()
                made.check_log()
    finally:
        shutil.rmtree(folder, ignore_errors=True)

"""A platform of its own: real processes, a real database, a real mail server, asked over real sockets."""

import atexit
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import requests
from aiosmtpd.controller import Controller
from psycopg import sql

from scripts.with_services import spare_port
from tests.secrets_in_logs import watch
from tests.settings_names import SETTING_NAMES

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 180
STOP_SECONDS = 25
CALL_SECONDS = 20
# A connection's state in /proc/net/tcp.
ESTABLISHED = "01"
# So the names of databases begin that tests make.
OWN = "sage_e2e_"
# In the line that says where the platform is.
ADDRESS_TOLD = " (sign in), "
# So that there is much in which a secret could be found.
ALL_IS_LOGGED = {"SAGE_LOG_LEVEL": "DEBUG", "SAGE_ACCESS_LOG": "true"}
# What a deployment logs whose operator has chosen nothing.
DEFAULT_LOG = {"SAGE_LOG_LEVEL": "INFO", "SAGE_ACCESS_LOG": "false"}


@dataclass
class Mailbox:
    """What the mail server took, by address of the receiver."""

    received: list[tuple[list[str], bytes]] = field(default_factory=list)
    arrived: threading.Condition = field(default_factory=threading.Condition)

    async def handle_DATA(self, server: object, session: object, envelope: Any) -> str:  # noqa: N802  aiosmtpd's name.
        with self.arrived:
            self.received.append((envelope.rcpt_tos, envelope.content))
            self.arrived.notify_all()
        return "250 OK"

    def mails_to(self, address: str) -> list[Message]:
        return [message_from_bytes(content) for receivers, content in self.received if address in receivers]

    def code_for(self, address: str, *, seconds: float = CALL_SECONDS) -> str:
        """The six digits of the latest mail to this address; waits for one."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: self.mails_to(address), timeout=seconds), f"no mail for {address}"
        payload = self.mails_to(address)[-1].get_payload(decode=True)
        assert isinstance(payload, bytes)
        found = re.search(r"\b\d{6}\b", payload.decode())
        assert found, payload
        return found[0]


@dataclass
class Platform:
    """A served platform. `log` is everything that its processes wrote."""

    folder: Path
    port: int
    environment: dict[str, str]
    mailbox: Mailbox
    process: "subprocess.Popen[bytes] | None" = None
    # Where the code is that it runs, and what Python is told to serve it.
    code: Path = ROOT
    serve: Sequence[str] = ("manage.py", "serve")
    # What its commands have said on standard error.
    said: list[str] = field(default_factory=list)

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def admin_password(self) -> str:
        return (self.data / "admin_password").read_text().strip()

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def lines_with(self, text: str, amount: int = 1) -> list[dict[str, Any]]:
        """The lines of the log that have it, as soon as there are so many: that of a request comes when all of it is over."""
        deadline = time.monotonic() + CALL_SECONDS
        while len(found := [line for line in self.log.splitlines() if text in line]) < amount:
            assert time.monotonic() < deadline, self.log[-2000:]
            time.sleep(0.01)
        return [json.loads(line) for line in found]

    def manage(self, *arguments: str, **extra: str) -> "subprocess.CompletedProcess[str]":
        """Run a command of manage.py against this platform's data, to its end."""
        self.tell_secrets()
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=self.code,
            env=self.environment | extra,
            capture_output=True,
            text=True,
            timeout=240,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        self.said.append(done.stderr)
        return done

    def run_module(self, name: str) -> subprocess.CompletedProcess[str]:
        """A module of the tests, in a process of its own with this platform's settings and data."""
        return subprocess.run(
            [sys.executable, "-m", name],
            cwd=ROOT,
            env=self.environment | {"DJANGO_SETTINGS_MODULE": "sage_platform.settings"},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    def tell_secrets(self) -> None:
        watch.see_environment(self.environment)
        watch.see_folder(self.data)

    def check_log(self) -> None:
        """No line holds a secret that was used in the run."""
        self.tell_secrets()
        lines = [line for said in self.said for line in said.splitlines()]
        if (self.folder / "log").exists():
            lines += self.log.splitlines()
        if not self.environment["EMAIL_URL"]:
            # In development mails are printed among the lines, and a mail holds its code.
            lines = [line for line in lines if line.startswith("{")]
        watch.check(lines, "by a served platform")

    def start(self) -> None:
        """Serve, in a session of its own, and wait until it has told its address and every worker is ready."""
        (self.folder / "log").touch()
        told = self.log.count(ADDRESS_TOLD)
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *self.serve],
                cwd=self.code,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS
        while not (self.answers() and self.has_all_workers() and self.log.count(ADDRESS_TOLD) > told):
            assert self.process.poll() is None, f"the server ended:\n{self.log}"
            assert time.monotonic() < deadline, f"the server does not answer:\n{self.log}"
            time.sleep(0.05)

    def answers(self) -> bool:
        try:
            return self.caller().get("/active").status_code == 200
        except (requests.ConnectionError, requests.Timeout):
            return False

    def has_all_workers(self) -> bool:
        """Whether each of them has loaded the application. One that answers says nothing of the others."""
        workers = self.processes()[1:]
        return len(workers) == int(self.environment.get("SAGE_WORKERS") or 1) and all(map(has_loaded, workers))

    def stop(self) -> int:
        """Ask the server to end. Its exit code; an AssertionError when it had to be killed."""
        process, self.process = self.process, None
        if process is None:
            return 0
        process.send_signal(signal.SIGTERM)
        try:
            return process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the server did not end within {STOP_SECONDS} seconds:\n{self.log}") from None
        finally:
            end_group(process)

    def processes(self) -> list[int]:
        """The server's process and its workers."""
        assert self.process is not None
        return family(self.process.pid)

    def caller(self, *, address: str = "", **headers: str) -> "Browser":
        """Somebody who keeps cookies. `address` is where they come from, as the trusted proxy tells it."""
        return Browser(self.base, headers | ({"X-Forwarded-For": address} if address else {}))

    def kept_caller(self, **headers: str) -> "Browser":
        """Keeps its connection too, so that one worker takes all of its calls."""
        caller = self.caller(**headers)
        del caller.session.headers["Connection"]
        return caller

    def each_worker(self, who: "Browser | None" = None) -> "list[Browser]":
        """This person, or anybody, at each of the workers."""
        found: dict[int, Browser] = {}
        deadline = time.monotonic() + CALL_SECONDS
        while found.keys() != set(self.processes()[1:]):
            assert time.monotonic() < deadline, f"only {sorted(found)} of {self.processes()} answer:\n{self.log}"
            caller = self.kept_caller(**(who.headers if who else {}))
            found.setdefault(self.worker_of(caller), caller)
        for caller in found.values():
            if who:
                caller.session.headers.update(who.session.headers)
                del caller.session.headers["Connection"]
                caller.session.cookies = who.session.cookies
        return list(found.values())

    def worker_of(self, caller: "Browser") -> int:
        """The worker that has the other end of the caller's connection."""
        with caller.get("/active", stream=True) as answer:
            connection = answer.raw.connection
            assert connection is not None
            ends = [f"0100007F:{port:04X}" for port in (self.port, connection.sock.getsockname()[1])]
            assert answer.content
        deadline = time.monotonic() + CALL_SECONDS
        while len(inodes := established(ends)) != 1:
            assert time.monotonic() < deadline, (ends, inodes)
        (inode,) = inodes
        (worker,) = (pid for pid in self.processes()[1:] if holds_socket(pid, inode))
        return worker

    def signed_in(self, name: str, password: str, **options: str) -> "Browser":
        """By the token; the cookie is thrown away."""
        caller = self.caller(**options)
        answer = caller.post("/api/auth/login", {"username_or_email": name, "password": password}).json()
        assert answer["code"] == 200, answer
        caller.session.cookies.clear()
        caller.session.headers["Authorization"] = f"Bearer {answer['data']['access_token']}"
        caller.refresh_token = answer["data"]["refresh_token"]
        return caller

    def admin(self) -> "Browser":
        return self.signed_in("admin", self.admin_password)


@dataclass
class Browser:
    """Speaks JSON; each call by a new connection, so that the workers take turns."""

    base: str
    headers: Mapping[str, str]
    session: requests.Session = field(default_factory=requests.Session)
    refresh_token: str = ""

    def __post_init__(self) -> None:
        self.session.trust_env = False  # A proxy or .netrc of the machine's is none of ours.
        self.session.headers.update({**self.headers, "Connection": "close"})

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.send("GET", path, **options)

    def post(self, path: str, body: object = None, **options: Any) -> requests.Response:
        return self.send("POST", path, json={} if body is None else body, **options)

    def send(self, method: str, path: str, **options: Any) -> requests.Response:
        usual = {"timeout": CALL_SECONDS, "allow_redirects": False}
        return self.session.request(method, self.base + path, **(usual | options))


def family(pid: int) -> list[int]:
    """A process and all below it."""
    known = [pid]
    for member in known:
        for children in Path(f"/proc/{member}/task").glob("*/children"):
            with suppress(FileNotFoundError, ProcessLookupError):  # A thread may end meanwhile.
                known.extend(int(child) for child in children.read_text().split() if int(child) not in known)
    return known


def has_loaded(pid: int) -> bool:
    """Whether a worker catches SIGTERM, as it does once it has loaded the application and started its threads."""
    try:
        (caught,) = re.findall(r"^SigCgt:\s*([0-9a-f]+)$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    except (FileNotFoundError, ProcessLookupError):
        return False
    return bool(int(caught, 16) >> (signal.SIGTERM - 1) & 1)


def established(ends: list[str]) -> set[str]:
    """The inodes of the open connections between these. The kernel does not write its list in one go: while others come and go, a
    row may be there twice, or not at all.
    """
    rows = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines())
    return {row[9] for row in rows if row[1:4] == [*ends, ESTABLISHED]}


def holds_socket(pid: int, inode: str) -> bool:
    for file in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # It may be closed meanwhile.
            if str(file.readlink()) == f"socket:[{inode}]":
                return True
    return False


def end_group(process: "subprocess.Popen[bytes]") -> None:
    """Whatever is left of a server that did not end by itself."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextmanager
def mail_server() -> Iterator[tuple[Mailbox, str]]:
    mailbox = Mailbox()
    controller = Controller(mailbox, hostname="127.0.0.1", port=spare_port())
    controller.start()
    try:
        yield mailbox, f"smtp://127.0.0.1:{controller.port}"
    finally:
        controller.stop()


@contextmanager
def own_database() -> Iterator[dict[str, str]]:
    """Where to keep the data: SQLite in the data folder, or a new database on the PostgreSQL that the run was given."""
    settings: dict[str, str] = {}
    if redis := os.environ.get("REDIS_URL"):
        # Not the number that the other tests clear again and again.
        settings["REDIS_URL"] = urlunsplit(urlsplit(redis)._replace(path="/9"))
    given = os.environ.get("DATABASE_URL", "")
    if not given.startswith("postgres"):
        yield settings
        return
    name = OWN + secrets.token_hex(6)
    make_database(name)
    try:
        yield settings | {"DATABASE_URL": urlunsplit(urlsplit(given)._replace(path=f"/{name}"))}
    finally:
        drop_database(name)


def make_database(name: str, *, template: str = "template1") -> None:
    """On the PostgreSQL that the run was given; `template` is a database that it becomes a copy of."""
    command = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(command)


def drop_database(name: str) -> None:
    assert name.startswith(OWN), "only what a test has made"
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def bare_environment() -> dict[str, str]:
    """The test run's environment without any setting. Each one is there but empty, so that no .env file can set it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SAGE_", "DJANGO_", "PYTEST", "COV_"))}
    return kept | dict.fromkeys(SETTING_NAMES, "") | {"PYTHONWARNINGS": "", "PYTHONUNBUFFERED": "1"}


@contextmanager
def prepared(**settings: str) -> Iterator[Platform]:
    """A platform that is neither bootstrapped nor started; at the end it is stopped and its data is gone."""
    folder = Path(tempfile.mkdtemp(prefix="sage-served-"))
    with own_database() as database, mail_server() as (mailbox, email_url):
        port = spare_port()
        own = {"SAGE_DATA_DIR": str(folder / "data"), "SAGE_PORT": str(port), "EMAIL_URL": email_url} | ALL_IS_LOGGED
        platform = Platform(folder, port, bare_environment() | database | own | settings, mailbox)
        try:
            yield platform
        finally:
            try:
                platform.stop()
                platform.check_log()
            finally:
                shutil.rmtree(folder, ignore_errors=True)


def migrate(platform: Platform) -> None:
    made = platform.manage("migrate")
    assert made.returncode == 0, made.stdout + made.stderr


@contextmanager
def migrated(**database: str) -> Iterator[Platform]:
    """A platform that only has its tables, in a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="sage-migrated-") as folder:
        environment = bare_environment() | {"SAGE_DATA_DIR": f"{folder}/data"} | database
        platform = Platform(Path(folder), 0, environment, Mailbox())
        migrate(platform)
        yield platform


@cache
def migrated_file() -> bytes:
    """SQLite's file as `migrate` makes it, made once in a run: that takes seconds."""
    with migrated() as platform:
        return (platform.data / "sage.sqlite3").read_bytes()


@cache
def migrated_database() -> str:
    """The name of a database as `migrate` makes it, made once in a run as well. It is dropped when the run ends."""
    databases = ExitStack()
    settings = databases.enter_context(own_database())
    atexit.register(databases.close)
    with migrated(**settings):
        return urlsplit(settings["DATABASE_URL"]).path.removeprefix("/")


def lay_database(platform: Platform) -> None:
    """Its tables, and nothing in them."""
    if url := platform.environment["DATABASE_URL"]:
        given = urlsplit(url)
        if given.netloc != urlsplit(os.environ.get("DATABASE_URL", "")).netloc:
            migrate(platform)  # A server of the test's own.
            return
        name, template = given.path.removeprefix("/"), migrated_database()
        drop_database(name)
        make_database(name, template=template)
        return
    platform.data.mkdir(mode=0o700)
    database = platform.data / "sage.sqlite3"
    database.touch(mode=0o600)
    database.write_bytes(migrated_file())


@contextmanager
def served(*, workers: int = 1, serve: Sequence[str] = Platform.serve, **settings: str) -> Iterator[Platform]:
    """A platform that answers, as `make run` would start it."""
    with prepared(SAGE_WORKERS=str(workers), **settings) as platform:
        lay_database(platform)
        made = platform.manage("bootstrap")
        assert made.returncode == 0, made.stdout + made.stderr
        platform.serve = serve
        platform.start()
        yield platform

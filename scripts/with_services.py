"""Runs a command with a PostgreSQL and a Redis of its own, whose addresses it gets in DATABASE_URL and REDIS_URL.

    usage: scripts/with_services.py -- COMMAND [ARGUMENT …]

Both listen on spare loopback ports, keep their data in a temporary folder, and are stopped however the command ends.
Its exit code is the command's.
"""

import atexit
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn, TypeVar

START_SECONDS = 60
STOP_SECONDS = 30


class ServiceError(Exception):
    """A service is not installed or did not start; the text is for the person at the terminal."""


# Holds the numbers that this process has given out, until it ends. Python would warn of each that is left open then.
given_ports = ExitStack()
atexit.register(given_ports.close)


def spare_port() -> int:
    """Nobody listens there, and nobody is given it by chance before our server does, nor while it is stopped and started again.

    So it is none of those that the system takes for outgoing connections, and of several processes one alone is given it here.
    """
    first_of_the_system = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    numbers = range(10_000, first_of_the_system if first_of_the_system > 11_000 else 65_536)
    while True:
        port = secrets.choice(numbers)
        mark = socket.socket(socket.AF_UNIX)
        try:
            mark.bind(f"\0sage-port-{port}")
            with socket.socket() as bound:
                bound.bind(("127.0.0.1", port))
        except OSError:
            mark.close()
            continue
        given_ports.enter_context(mark)
        return port


def unprivileged_user() -> str | None:
    """The user to run the services as, or None for the own one. PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def program(name: str, package: str) -> str:
    """The program's path; Debian keeps PostgreSQL's own, by version, outside of PATH."""
    versions = Path("/usr/lib/postgresql").glob(f"*/bin/{name}")
    newest = max(versions, key=lambda path: int(path.parts[-3]), default=None)
    found = str(newest) if newest else shutil.which(name)
    if not found:
        raise ServiceError(f"{name} is not installed (Debian: apt-get install {package}).")
    return found


class Service:
    """A server process. It has a session of its own, so that Ctrl-C reaches the command alone, which still needs the server."""

    stop_signal = signal.SIGTERM

    def __init__(self, folder: Path, *, user: str | None = None) -> None:
        self.folder = folder
        self.user = user
        self.port = spare_port()
        self.password = secrets.token_urlsafe(16)
        self.process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        raise NotImplementedError

    def ready(self) -> bool:
        raise NotImplementedError

    def start(self) -> None:
        log_path = self.folder / "log"
        with log_path.open("ab") as log:
            self.process = subprocess.Popen(
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                user=self.user,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS
        while not self.ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                tail = log_path.read_text(errors="replace")[-2000:]
                raise ServiceError(f"{type(self).__name__} did not start:\n{tail}")
            time.sleep(0.05)

    def stop(self) -> None:
        if self.process is None:
            return
        self.process.send_signal(self.stop_signal)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None


class PostgreSQL(Service):
    stop_signal = signal.SIGINT  # PostgreSQL's "fast" shutdown, which does not wait for clients to leave.

    def __init__(self, folder: Path, *, user: str | None = None) -> None:
        super().__init__(folder, user=user)
        self.url = f"postgres://sage:{self.password}@127.0.0.1:{self.port}/sage"

    def tool(self, name: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [program(name, "postgresql"), *arguments],
            env={**os.environ, "PGPASSWORD": self.password, "PGCONNECT_TIMEOUT": "5"},
            cwd=self.folder,
            user=self.user,
            capture_output=True,
            check=False,
        )

    def create(self) -> None:
        """Makes the cluster, starts it and makes the database."""
        password_file = self.folder / "password"
        password_file.touch(mode=0o600)
        password_file.write_text(self.password, encoding="utf-8")
        if self.user:
            shutil.chown(password_file, self.user)
        made = self.tool(
            "initdb", "--pgdata=data", "--username=sage", f"--pwfile={password_file}", "--auth=password",
            "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync",
        )  # fmt: skip
        if made.returncode:
            raise ServiceError("initdb failed:\n" + made.stderr.decode(errors="replace"))
        self.start()
        made = self.tool("createdb", "--host=127.0.0.1", f"--port={self.port}", "--username=sage", "sage")
        if made.returncode:
            raise ServiceError("createdb failed:\n" + made.stderr.decode(errors="replace"))

    def command(self) -> list[str]:
        # The data is thrown away in the end, so that waiting for the disk would protect nothing.
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": "",
            "max_connections": 300,
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [program("postgres", "postgresql"), "-D", "data", *options]

    def ready(self) -> bool:
        return self.tool("pg_isready", "--host=127.0.0.1", f"--port={self.port}", "--quiet").returncode == 0


class Redis(Service):
    def __init__(self, folder: Path, *, user: str | None = None) -> None:
        super().__init__(folder, user=user)
        self.url = f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def create(self) -> None:
        configuration = self.folder / "redis.conf"
        # In a file, because everybody on the machine may read a command line.
        lines = ["bind 127.0.0.1", f"port {self.port}", f'requirepass "{self.password}"', 'save ""', "appendonly no"]
        configuration.touch(mode=0o600)
        configuration.write_text("\n".join(lines) + "\n", encoding="utf-8")
        if self.user:
            shutil.chown(configuration, self.user)
        self.start()

    def command(self) -> list[str]:
        return [program("redis-server", "redis-server"), str(self.folder / "redis.conf")]

    def ready(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(b"AUTH %b\r\n" % self.password.encode())
                return connection.recv(16).startswith(b"+OK")
        except OSError:
            return False


Kind = TypeVar("Kind", PostgreSQL, Redis)


@contextmanager
def running(kind: type[Kind]) -> Iterator[Kind]:
    """The service, started, in a temporary folder that its user owns; stopped and gone afterwards."""
    user = unprivileged_user()
    folder = Path(tempfile.mkdtemp(prefix="sage-services-"))
    try:
        if user:
            shutil.chown(folder, user)
        service = kind(folder, user=user)
        try:
            service.create()
            yield service
        finally:
            service.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _end_on(signum: int, _frame: FrameType | None) -> NoReturn:
    """Turns a signal into an exit that runs every `finally`; a second signal must not cut those short."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    sys.exit(128 + signum)


def end_on_signals() -> None:
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end_on)


def run(command: list[str], environment: dict[str, str]) -> int:
    """Runs the command and gives its exit code as a shell would; when this process must end, the command ends first."""
    process = subprocess.Popen(command, env=environment)
    try:
        code = process.wait()
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    return code if code >= 0 else 128 - code


def main() -> int:
    if len(sys.argv) < 3 or sys.argv[1] != "--":
        print("usage: with_services.py -- COMMAND [ARGUMENT …]", file=sys.stderr)
        return 2
    end_on_signals()
    try:
        with running(PostgreSQL) as postgresql, running(Redis) as redis:
            return run(sys.argv[2:], {**os.environ, "DATABASE_URL": postgresql.url, "REDIS_URL": redis.url})
    except ServiceError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())

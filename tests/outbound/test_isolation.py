"""Nothing comes in from the environment, nothing stays from one call to the next, and nothing that was sent leaks out."""

import ast
import gc
import logging
import os
import socket
import time
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from sage_platform.logs import logging_config
from sage_platform.outbound import (
    AnswerTooLarge,
    ConnectionFailed,
    Deadline,
    MalformedHeader,
    OutboundError,
    RedirectRefused,
    TimedOut,
)
from tests.outbound.doors import DEVELOPMENT, door_of, get
from tests.outbound.servers import Behaviour, Server, answer, drips, hangs, redirects, says, serving

ROOT = Path(__file__).resolve().parents[2]
KEY = "sk-s3cret-0123456789"
BEARER = {"Authorization": f"Bearer {KEY}"}


@pytest.fixture
def local() -> Iterator[Server]:
    with serving(says(answer(b"hello", "Set-Cookie: session=1; Path=/"))) as server:
        yield server


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])
def test_proxies_in_the_environment_are_ignored(name: str, local: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as proxy:
        monkeypatch.setenv(name, proxy.url)
        assert get(door_of(DEVELOPMENT), local.url).status == 200
        assert proxy.connections == 0
    assert local.received[0].path == "/"


@pytest.mark.parametrize("name", ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"])
def test_proxies_for_https_are_ignored(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The greeting goes to the server itself, which speaks no TLS."""
    with serving() as proxy, serving(reads=False) as server:
        monkeypatch.setenv(name, proxy.url)
        with pytest.raises(ConnectionFailed):
            get(door_of(DEVELOPMENT), f"https://127.0.0.1:{server.port}/")
        assert (server.connections, proxy.connections) == (1, 0)


@pytest.mark.parametrize("given", [{}, BEARER])
def test_a_netrc_is_ignored(given: dict[str, str], local: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1\nlogin alice\npassword hunter2\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    monkeypatch.setenv("HOME", str(tmp_path))
    get(door_of(DEVELOPMENT), local.url, headers=given)
    assert local.received[0].headers.get("authorization") == given.get("Authorization")


def test_no_cookie_is_kept_between_calls(local: Server) -> None:
    door = door_of(DEVELOPMENT)
    for _ in range(2):
        assert get(door, local.url).headers["set-cookie"] == "session=1; Path=/"
    assert all("cookie" not in request.headers for request in local.received)


def test_no_cookie_is_kept_between_hops() -> None:
    def behave(connection: socket.socket, server: Server) -> None:
        first = server.received[-1].path == "/v1"
        connection.sendall(answer(b"", "Set-Cookie: a=b", "Location: /v2", status="302 x") if first else answer())

    with serving(behave) as server:
        get(door_of(DEVELOPMENT), f"{server.url}/v1", max_redirects=1)
        assert [request.headers.get("cookie") for request in server.received] == [None, None]


def test_every_call_has_a_connection_of_its_own_and_closes_it() -> None:
    ends: list[bytes] = []

    def keeps_alive(connection: socket.socket, server: Server) -> None:
        connection.sendall(answer(b"hello", "Connection: keep-alive"))
        ends.append(connection.recv(1))

    with serving(keeps_alive) as server:
        door = door_of(DEVELOPMENT)
        for _ in range(3):
            assert get(door, server.url).content == b"hello"
    assert (server.connections, ends) == (3, [b""] * 3)


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208  The folder changes while it is read.


ENDINGS: dict[str, tuple[Behaviour, type[OutboundError] | None]] = {
    "well": (says(answer()), None),
    "too large": (says(answer(bytes(100))), AnswerTooLarge),
    "broken": (says(answer(b"", length=5)), ConnectionFailed),
    "no HTTP": (says(b"hello\r\n\r\n"), ConnectionFailed),
    "slowly": (drips(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", b"x"), TimedOut),
    "never": (hangs, TimedOut),
    "elsewhere": (redirects("http://169.254.169.254/"), RedirectRefused),
}


@pytest.mark.parametrize(("behave", "error"), ENDINGS.values(), ids=ENDINGS.keys())
def test_no_socket_is_left_open_however_it_ends(behave: Behaviour, error: type[OutboundError] | None) -> None:
    with serving(behave) as server, warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        gc.collect()
        before = open_files()
        for _ in range(3):
            try:
                get(door_of(DEVELOPMENT), server.url, seconds=0.15, max_bytes=50, max_redirects=1)
            except OutboundError as caught:
                assert type(caught) is error  # noqa: PT017  It may end well, too.
            else:
                assert error is None
        server.ended.set()
        gc.collect()
        until = time.monotonic() + 5
        while open_files() > before and time.monotonic() < until:
            time.sleep(0.01)  # The server's side of a connection may take a moment to go.
        assert open_files() <= before
        assert [warning for warning in warned if issubclass(warning.category, ResourceWarning)] == []


# -- What is sent ---------------------------------------------------------------------------------------------------------


def test_what_a_request_says_of_itself(local: Server) -> None:
    get(door_of(DEVELOPMENT), f"{local.url}/v1")
    request = local.received[0]
    assert (request.method, request.path, request.body) == ("GET", "/v1", b"")
    assert request.headers == {
        "host": f"127.0.0.1:{local.port}",
        "user-agent": "sage-platform",
        "accept": "*/*",
        "accept-encoding": "gzip",
        "connection": "close",
    }


def test_a_body_goes_out_as_json(local: Server) -> None:
    content = {"model": "gpt-é", "odd": "\ud800", "n": [1, 2.5, None, True]}
    door_of(DEVELOPMENT).request(
        "POST", local.url, json=content, headers={"content-type": "text/plain"} | BEARER, deadline=Deadline.after(5), max_bytes=99
    )
    request = local.received[0]
    assert request.body == b'{"model":"gpt-\\u00e9","odd":"\\ud800","n":[1,2.5,null,true]}'
    assert request.headers["content-type"] == "application/json"
    assert request.headers["authorization"] == f"Bearer {KEY}"


EMPTY: list[tuple[object, bytes]] = [({}, b"{}"), ([], b"[]"), ("", b'""'), (0, b"0"), (False, b"false")]


@pytest.mark.parametrize(("content", "sent"), EMPTY)
def test_an_empty_body_is_a_body(content: object, sent: bytes, local: Server) -> None:
    door_of(DEVELOPMENT).request("POST", local.url, json=content, deadline=Deadline.after(5), max_bytes=99)
    assert local.received[0].body == sent
    assert local.received[0].headers["content-type"] == "application/json"


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_number_that_json_does_not_have_is_not_sent(number: float, local: Server) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        door_of(DEVELOPMENT).request("POST", local.url, json=[number], deadline=Deadline.after(5), max_bytes=99)
    assert local.connections == 0


INJECTED = [
    {"Authorization": "Bearer x\r\nX-Evil: 1"},
    {"Authorization": "Bearer x\nX-Evil: 1"},
    {"Authorization": "Bearer x\rX-Evil: 1"},
    {"Authorization": "Bearer x\r\n X-Evil: 1"},
    {"Authorization": "Bearer x\x00"},
    {"Authorization": "Bearer x\x0b"},
    {"Authorization": "Bearer x\x7f"},
    {"Authorization": "Bearer x\x85X-Evil: 1"},
    {"Authorization": "Bearer x\u2028X-Evil: 1"},
    {"Authorization": "Bearer ключ"},
    {"Authorization": "Bearer \ud800"},
    {"Authorization": " Bearer x"},
    {"Authorization": "Bearer x\n"},
    {"X-Evil\r\nX": "1"},
    {"X Evil": "1"},
    {"X-Evil:": "1"},
    {"": "1"},
    {"X-Evil\x00": "1"},
    {"Ｘ": "1"},
    # What frames the message, and what names its receiver.
    {"Host": "169.254.169.254"},
    {"host": "evil.example"},
    {"Content-Length": "0"},
    {"Transfer-Encoding": "chunked"},
    {"transfer-encoding": "chunked"},
    {"Connection": "keep-alive"},
    {"Accept-Encoding": "br"},
    {"Expect": "100-continue"},
    {"Upgrade": "h2c"},
    {"Proxy-Authorization": "Basic x"},
]


@pytest.mark.parametrize("headers", INJECTED)
def test_no_header_becomes_another(headers: dict[str, str], local: Server) -> None:
    with pytest.raises(MalformedHeader) as caught:
        get(door_of(DEVELOPMENT), local.url, headers=headers)
    assert str(caught.value) == "A header of the request has characters that are not allowed."
    assert local.connections == 0


@pytest.mark.parametrize("method", ["", "get", "GET\r\nX: y", "GET /x", "G\x00"])
def test_a_method_is_a_word_of_ours(method: str, local: Server) -> None:
    with pytest.raises(ValueError, match="capital letters"):
        door_of(DEVELOPMENT).request(method, local.url, deadline=Deadline.after(5), max_bytes=99)
    assert local.connections == 0


# -- What leaks -----------------------------------------------------------------------------------------------------------

ECHO = KEY.encode()
FAILURES: dict[str, Behaviour] = {
    "echo and cut": says(answer(ECHO, length=500)),
    "echo for a status": says(b"HTTP/1.1 " + ECHO + b"\r\n\r\n"),
    # A line that is no header fails nothing by itself, but urllib3 would log it.
    "echo for a header, and too large": says(b"HTTP/1.1 200 OK\r\n" + ECHO + b"\r\n\r\n" + bytes(100)),
    "echo in a header": says(answer(b"x" * 100, f"X-Echo: {KEY}", f"Content-Encoding: {KEY}")),
    "echo for a chunk": says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + ECHO + b"\r\n"),
    "echo too large": says(answer(ECHO * 100)),
    "echo and hang": drips(answer(ECHO, length=500), b"x", every=60),
    "echo in a redirect": redirects(f"http://169.254.169.254/{KEY}"),
    "hang up": says(b""),
    "two lengths": says(answer(ECHO, "Content-Length: 4")),
}


@pytest.fixture
def log() -> Iterator[list[str]]:
    """All that is logged at DEBUG by anybody, with the levels of a deployment whose SAGE_LOG_LEVEL is DEBUG."""
    lines: list[str] = []

    class Keeper(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(logging.Formatter().format(record))

    levels = logging_config("DEBUG", access_log=True)["loggers"]
    names = ["urllib3", "requests", "sage", ""]
    kept = {name: logging.getLogger(name).level for name in names}
    keeper = Keeper()
    for name in names:
        logging.getLogger(name).setLevel(levels.get(name, {"level": "DEBUG"})["level"])
    logging.getLogger().addHandler(keeper)
    yield lines
    logging.getLogger().removeHandler(keeper)
    for name, level in kept.items():
        logging.getLogger(name).setLevel(level)


@pytest.mark.parametrize("behave", FAILURES.values(), ids=FAILURES.keys())
def test_no_failure_tells_the_key(behave: Behaviour, log: list[str]) -> None:
    """Not by its text, not by its repr, not by a traceback, not by the errors behind it, not by a log line."""
    with serving(behave) as server, pytest.raises(OutboundError) as caught:
        get(door_of(DEVELOPMENT), f"{server.url}/v1?key={KEY}", headers=BEARER, seconds=0.2, max_bytes=50, max_redirects=1)
    assert server.received[0].headers["authorization"] == f"Bearer {KEY}"
    failed: BaseException | None = caught.value
    while failed is not None:
        assert KEY not in f"{failed} {failed!r} {vars(failed)}" + "".join(traceback.format_exception(failed))
        # An error of Requests would hold the request, and with it every header.
        assert isinstance(failed, OutboundError)
        failed = failed.__context__
    assert KEY not in "\n".join(log)


# -- One door -------------------------------------------------------------------------------------------------------------

CLIENTS = (
    "requests",
    "urllib3",
    "http.client",
    "urllib.request",
    "httpx",
    "httpcore",
    "aiohttp",
    "ftplib",
    "authlib.integrations",
)
PACKAGES = ("sage_platform", "providers", "system", "versions", "uploads", "observability")


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module or ""} | {f"{node.module}.{alias.name}" for alias in node.names}
    # Who names an error sends nothing.
    return {name for name in names if not name.startswith("urllib3.exceptions")}


def test_nothing_but_the_door_speaks_http() -> None:
    """But for S3, whose client (boto3) has the deployment's own address, and for traces, which go to one too."""
    paths = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    speakers = {
        path.relative_to(ROOT).as_posix()
        for path in paths
        if any(name == client or name.startswith(f"{client}.") for name in imported(path) for client in CLIENTS)
    }
    inside = {f"sage_platform/outbound/{name}.py" for name in ("connection", "door", "request")}
    assert speakers == inside | {"sage_platform/telemetry/otlp.py"}


def test_the_door_knows_nothing_of_the_platform_but_its_settings_and_traces() -> None:
    for path in (ROOT / "sage_platform" / "outbound").glob("*.py"):
        ours = {name for name in imported(path) if name.split(".")[0] in PACKAGES}
        assert all(name.startswith(("sage_platform.outbound", "sage_platform.telemetry")) for name in ours), path.name

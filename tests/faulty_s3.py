"""An S3 server on loopback that works until it is told how to fail, in front of one that always works."""

import contextlib
import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

from tests.object_store import ObjectServer

HANG_SECONDS = 60.0


@dataclass
class Asked:
    """A request, of which the body has been read."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    handler: BaseHTTPRequestHandler
    front: "FaultyServer"

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.path).query, keep_blank_values=True)

    @property
    def part(self) -> int:
        """Which part of a large object this is; 0 where it is none."""
        return int(self.query.get("partNumber", ["0"])[0])

    @property
    def joins(self) -> bool:
        """Whether the parts are to be put together."""
        return self.method == "POST" and "uploadId" in self.query

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.handler.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.handler.send_header(name.replace("_", "-"), value)
        self.handler.end_headers()
        if self.method != "HEAD":
            self.handler.wfile.write(body)

    def real_answer(self) -> tuple[int, dict[str, str], bytes]:
        behind = urlsplit(self.front.behind.endpoint)
        connection = http.client.HTTPConnection(behind.hostname or "", behind.port, timeout=HANG_SECONDS)
        with contextlib.closing(connection):
            kept = {name: value for name, value in self.headers.items() if name.lower() not in {"connection", "expect"}}
            connection.request(self.method, self.path, self.body, kept)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()

    def wait(self, seconds: float) -> None:
        self.front.ended.wait(seconds)

    def close(self) -> None:
        self.handler.close_connection = True
        with contextlib.suppress(OSError):
            self.handler.connection.close()


Behaviour = Callable[[Asked], None]


@dataclass
class FaultyServer:
    """`server` is how to reach it. `behave` may be changed at any time; `asked` is what came, as methods and paths."""

    behind: ObjectServer
    server: ObjectServer
    behave: Behaviour
    asked: list[tuple[str, str]] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)


def good(asked: Asked) -> None:
    status, headers, body = asked.real_answer()
    asked.handler.send_response(status)
    for name, value in headers.items():
        if name.lower() not in {"connection", "server", "date", "transfer-encoding"}:
            asked.handler.send_header(name, value)
    asked.handler.end_headers()
    if asked.method != "HEAD":
        asked.handler.wfile.write(body)


def saying(status: int, code: str) -> Behaviour:
    """An error in S3's own form, with the key and the credentials in it, as stores quote them."""

    def behave(asked: Asked) -> None:
        said = escape(f"{asked.path} {asked.headers.get('Authorization', '')}")
        body = f"<Error><Code>{code}</Code><Message>{said}</Message></Error>"
        asked.answer(status, body.encode(), Content_Type="application/xml")

    return behave


def garbage(asked: Asked) -> None:
    asked.answer(502, b"<html>Bad Gateway", Content_Type="text/html")


def hang(asked: Asked) -> None:
    asked.wait(HANG_SECONDS)
    asked.close()


def close(asked: Asked) -> None:
    asked.close()


def close_in_the_middle(asked: Asked) -> None:
    half_of_it(asked)
    asked.close()


def hang_in_the_middle(asked: Asked) -> None:
    half_of_it(asked)
    hang(asked)


def half_of_it(asked: Asked) -> None:
    """Half of what it should say."""
    status, headers, body = asked.real_answer()
    asked.handler.send_response(status)
    for name, value in headers.items():
        asked.handler.send_header(name, value)
    asked.handler.end_headers()
    asked.handler.wfile.write(body[: len(body) // 2])
    asked.handler.wfile.flush()


def after(seconds: float, then: Behaviour = good) -> Behaviour:
    def behave(asked: Asked) -> None:
        asked.wait(seconds)
        then(asked)

    return behave


def only(which: Callable[[Asked], bool], then: Behaviour) -> Behaviour:
    """Does it with such requests, and is good otherwise."""

    def behave(asked: Asked) -> None:
        (then if which(asked) else good)(asked)

    return behave


@contextmanager
def faulty_s3(behind: ObjectServer) -> Iterator[FaultyServer]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def anything(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            front.asked.append((self.command, self.path))
            asked = Asked(self.command, self.path, dict(self.headers.items()), body, self, front)
            with contextlib.suppress(OSError):  # The client may have hung up.
                front.behave(asked)

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = anything  # noqa: N815  http.server's names.

        def log_message(self, format: str, *args: object) -> None:
            """The test says what matters."""

    class Listener(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """A connection that was closed by a behaviour."""

    listener = Listener(("127.0.0.1", 0), Handler)
    front = FaultyServer(behind, replace(behind, endpoint=f"http://127.0.0.1:{listener.server_address[1]}"), good)
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield front
    finally:
        front.ended.set()
        listener.shutdown()
        listener.server_close()
        thread.join()

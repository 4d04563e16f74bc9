"""A stand-in for Jaeger, with its pages under /jaeger: one page for every address, whose script writes into it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import NamedTuple

SCRIPT = "document.querySelector('h1').textContent = 'Traces at ' + location.pathname + location.search"
PAGE = '<!doctype html><title>Jaeger UI</title><h1>Loading</h1><script src="/jaeger/static/ui.js"></script>'


class Asked(NamedTuple):
    method: str
    target: str
    headers: dict[str, str]
    body: bytes


class Jaeger(ThreadingHTTPServer):
    """`asked` is what has reached it."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Pages)
        self.asked: list[Asked] = []


class Pages(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Jaeger

    def do_GET(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", 0)))
        self.server.asked.append(Asked(self.command, self.path, headers, body))
        if self.path.startswith("/jaeger/static/"):
            kind, text = "text/javascript", SCRIPT
        elif self.path.startswith("/jaeger/api/"):
            kind, text = "application/json", json.dumps({"data": [self.path]})
        else:
            kind, text = "text/html", PAGE
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text.encode())

    do_HEAD = do_POST = do_GET  # noqa: N815  The names that the server looks for.

    def log_message(self, *_arguments: object) -> None:
        """What was asked is kept in `asked`."""


@contextmanager
def jaeger() -> Iterator[Jaeger]:
    with Jaeger() as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()

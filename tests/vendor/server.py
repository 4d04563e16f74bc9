"""The vendor's server: what it was asked, and the means to answer with anything at all."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.vendor.behaviours import BEHAVIOURS, Behaviour
from tests.vendor.exchange import Exchange, Received


@dataclass
class Vendor:
    """`requests` is everything that was received, in order; `most_at_once` how many were under way at the same time."""

    base_url: str
    requests: list[Received] = field(default_factory=list)
    most_at_once: int = 0
    under_way: int = 0
    closing: threading.Event = field(default_factory=threading.Event)
    _chosen: dict[str, Behaviour] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def behave(self, everything: "str | Behaviour | None" = None, **by_kind: "str | Behaviour") -> None:
        """Choose behaviours by name or function: one for everything, or for a kind (chat, image, json, models).

        What is not named goes back to being good.
        """
        assert by_kind.keys() <= {"chat", "image", "json", "models"}, by_kind
        chosen = dict.fromkeys(("chat", "image", "json", "models"), everything or "good") | by_kind
        self._chosen = {kind: BEHAVIOURS[each] if isinstance(each, str) else each for kind, each in chosen.items()}

    def bodies(self, kind: str | None = None) -> list[dict[str, Any]]:
        """The JSON bodies that were received, of one kind or of all."""
        return [received.body or {} for received in self.requests if kind in (None, received.kind)]

    def answer(self, exchange: Exchange) -> None:
        with self._lock:
            self.requests.append(exchange.received)
            self.under_way += 1
            self.most_at_once = max(self.most_at_once, self.under_way)
        try:
            self._chosen.get(exchange.received.kind, BEHAVIOURS["good"])(exchange)
        finally:
            with self._lock:
                self.under_way -= 1


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "_Server"

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""

    def take(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body: Any = None
        with suppress(ValueError):
            body = json.loads(content)
        headers = {name.lower(): value for name, value in self.headers.items()}
        received = Received(self.command, self.path, headers, body if isinstance(body, dict) else None, time.monotonic())
        self.close_connection = True
        # Whoever asks may leave before the answer is complete; that is often the point.
        with suppress(ConnectionError, TimeoutError):
            self.server.vendor.answer(Exchange(received, self.connection, self.server.vendor.closing))

    do_GET = do_POST = do_PUT = do_DELETE = take  # noqa: N815  The base class looks for these.


class _Server(ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = True
    vendor: Vendor

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that leaves is no error, and any other the test sees by what is missing."""


@contextmanager
def scripted_vendor(host: str = "127.0.0.1") -> Iterator[Vendor]:
    """A vendor that is good until it is told otherwise. At the end whatever hangs is let go."""
    with _Server((host, 0), _Handler) as server:
        vendor = server.vendor = Vendor(f"http://{host}:{server.server_port}/v1")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, name="vendor")
        thread.start()
        try:
            yield vendor
        finally:
            vendor.closing.set()
            server.shutdown()
            thread.join()

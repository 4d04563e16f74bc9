"""A server that tells Tauri's updater whatever a test wants it to be told."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.clients.desktop_app import PLATFORM
from tests.versions import updater_facts as facts


@dataclass
class UpdateServer:
    """Answers `/check` with `release`, and everything else with the update. `asked` are paths and headers."""

    base: str
    release: object = None
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def static(
        self,
        *,
        version: str = "1.1.0",
        url: str | None = None,
        signature: str = facts.GOOD,
        others: dict[str, object] | None = None,
    ) -> dict[str, Any]:
        own = {"url": f"{self.base}/update" if url is None else url, "signature": signature}
        return {
            "version": version, "notes": "", "pub_date": "2026-01-02T03:04:05Z", "platforms": {PLATFORM: own} | (others or {}),
        }  # fmt: skip

    def dynamic(self, **values: Any) -> dict[str, Any]:
        whole = self.static(**values)
        own: dict[str, Any] = whole.pop("platforms")[PLATFORM]
        return whole | own


@contextmanager
def update_server() -> Iterator[UpdateServer]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.asked.append((self.path, dict(self.headers)))
            body = json.dumps(server.release).encode() if self.path.startswith("/check") else facts.CONTENT
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        server = UpdateServer(f"http://127.0.0.1:{listening.server_port}")
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            listening.shutdown()
            thread.join()

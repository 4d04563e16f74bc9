"""A server on loopback that plays GitHub: its API of releases, and the downloads of their files."""

import gzip
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote, unquote

from pytest_django import Settings

from tests.versions.minisigning import SIGNER

REPOSITORY = "acme/desktop"
LIST = f"/repos/{REPOSITORY}/releases"
PUBLISHED = "2026-02-03T04:05:06Z"
Hook = Callable[["Request"], None]


class Request(BaseHTTPRequestHandler):
    """One request to the server, for a hook that answers it."""

    server: "Listener"
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.close_connection = True
        self.server.github.answer(self)

    def log_message(self, format: str, *args: object) -> None:
        pass

    def reply(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if status != 304:
            self.wfile.write(body)


class Listener(ThreadingHTTPServer):
    github: "FakeGitHub"
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """A client may hang up whenever it likes."""


@dataclass
class FakeGitHub:
    """`hooks` answer in the place of what stands here, by the beginning of a path. `asked` has each path with its headers."""

    url: str
    releases: list[dict[str, Any]] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    hooks: dict[str, Hook] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    etag: str = 'W/"1"'
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def paths(self) -> list[str]:
        return [path for path, _headers in self.asked]

    def answer(self, request: Request) -> None:
        path = request.path
        self.asked.append((path, {name.lower(): value for name, value in request.headers.items()}))
        for beginning, hook in self.hooks.items():
            if path.startswith(beginning):
                return hook(request)
        if path == f"{LIST}?per_page=50":
            known = request.headers.get("If-None-Match") == self.etag
            body = gzip.compress(json.dumps(self.releases).encode())
            return request.reply(304 if known else 200, b"" if known else body, ETag=self.etag, Content_Encoding="gzip")
        tag = unquote(path.removeprefix(f"{LIST}/tags/"))
        for row in self.releases:
            if path.startswith(f"{LIST}/tags/") and row["tag_name"] == tag:
                return request.reply(200, json.dumps(row).encode())
        name = unquote(path.rpartition("/")[2])
        if path.startswith(f"/{REPOSITORY}/releases/download/") and name in self.files:
            return request.reply(200, self.files[name])
        request.reply(404, b'{"message": "Not Found", "status": "404"}')
        return None

    def publish(self, tag: str, names: Sequence[str], **fields: Any) -> dict[str, Any]:
        """A release with these files, whose signatures are good."""
        row = {
            "id": len(self.releases) + 1,
            "tag_name": tag,
            "name": f"Release {tag}",
            "draft": False,
            "prerelease": False,
            "published_at": PUBLISHED,
            "body": "# New\r\n\r\nFaster.",
            "assets": [],
        } | fields
        self.releases.insert(0, row)
        self.add(row, *names)
        return row

    def add(self, row: dict[str, Any], *names: str) -> None:
        """More files, whose signatures are good."""
        first = len(row["assets"])
        row["assets"] += [self.asset(row["tag_name"], name, number) for number, name in enumerate(names, first)]
        self.files |= {name: signature_of(name.removesuffix(".sig")).encode() for name in names if name.endswith(".sig")}

    def address(self, tag: str, name: str) -> str:
        return f"{self.url}/{REPOSITORY}/releases/download/{quote(tag)}/{quote(name)}"

    def asset(self, tag: str, name: str, number: int = 0) -> dict[str, Any]:
        address = self.address(tag, name)
        api = f"{self.url}{LIST}/assets/{number}"
        return {
            "id": number,
            "url": api,
            "name": name,
            "label": None,
            "uploader": {"login": "acme"},
            "content_type": "application/octet-stream",
            "state": "uploaded",
            "size": 400,
            "download_count": 7,
            "browser_download_url": address,
        }


def signature_of(name: str, version: str = "") -> str:
    """Of an update whose bytes nobody looks at here."""
    said = f"\tversion:{version}" if version else ""
    return SIGNER.sign(b"an update", f"timestamp:1700000000\tfile:{name}{said}")


@contextmanager
def playing_github(settings: Settings) -> Iterator[FakeGitHub]:
    """The settings ask it."""
    listener = Listener(("127.0.0.1", 0), Request)
    github = listener.github = FakeGitHub(f"http://127.0.0.1:{listener.server_port}")
    settings.SAGE_GITHUB_REPO = REPOSITORY
    settings.SAGE_GITHUB_API_BASE = github.url
    thread = threading.Thread(target=listener.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield github
    finally:
        github.ended.set()
        listener.shutdown()
        listener.server_close()
        thread.join()

"""Asking the platform as its server does, in this process: through what stands in front of Django too."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from io import BytesIO
from typing import Any
from wsgiref.util import setup_testing_defaults

from observability import scrape
from tests.observability.exposition import in_progress, requests


@dataclass
class Sent:
    """What the server was given. `end` is what it does with the last byte, or when the client has left."""

    status: int
    headers: dict[str, str]
    parts: Iterable[bytes]

    def end(self) -> bytes:
        body = b"".join(self.parts)
        self.leave()
        return body

    def leave(self) -> None:
        if (close := getattr(self.parts, "close", None)) is not None:
            close()


def begin(method: str, path: str, body: bytes = b"", *, application: Any = None, **environ: Any) -> Sent:
    whole: dict[str, Any] = {"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": "", "SCRIPT_NAME": "", **environ}
    if body:
        whole |= {"CONTENT_LENGTH": str(len(body)), "wsgi.input": BytesIO(body)}
    setup_testing_defaults(whole)
    told: list[Any] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
        told[:] = [status, headers]
        return lambda data: None

    parts = (application or import_module("sage_platform.wsgi").application)(whole, start_response)
    status, headers = told
    return Sent(int(status[:3]), dict(headers), parts)


def ask(method: str, path: str, body: bytes = b"", **environ: Any) -> int:
    sent = begin(method, path, body, **environ)
    sent.end()
    return sent.status


def text() -> str:
    return scrape.exposition().decode()


def counted(act: Callable[[], object]) -> dict[tuple[str, str, str], float]:
    """What was counted meanwhile, by method, path and status. Nothing of it is left in progress."""
    then = text()
    before = requests(then)
    act()
    whole = text()
    assert in_progress(whole) == in_progress(then)
    return {key: value - before.get(key, 0) for key, value in requests(whole).items() if value != before.get(key, 0)}

"""Tauri's updater does with each answer what tests/versions/updater_facts.py says, and orders versions as we do."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.clients.desktop_app import PLATFORM, Desktop, UpdaterError, desktop
from tests.versions import updater_facts as facts
from tests.versions.minisigning import SIGNER
from tests.versions.test_semver import IN_ORDER
from versions.semver import Version

pytestmark = [pytest.mark.programs, pytest.mark.xdist_group("clients")]


@dataclass
class Server:
    """Answers `/check` with `release`, and everything else with the update. Each in the order of what it was asked."""

    release: object = None
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    base: str = ""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    told = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told.asked.append((self.path, dict(self.headers)))
            body = json.dumps(told.release).encode() if self.path.startswith("/check") else facts.CONTENT
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        told.base = f"http://127.0.0.1:{listening.server_port}"
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        yield told
        listening.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def client(display: str, server: Server) -> Iterator[Desktop]:
    with desktop(display, [f"{server.base}/check"], SIGNER.public_key) as running:
        yield running


def static(
    server: Server,
    *,
    version: str = "1.1.0",
    url: str | None = None,
    signature: str = facts.GOOD,
    others: dict[str, object] | None = None,
) -> dict[str, Any]:
    own = {"url": f"{server.base}/update" if url is None else url, "signature": signature}
    return {"version": version, "notes": "", "pub_date": "2026-01-02T03:04:05Z", "platforms": {PLATFORM: own} | (others or {})}


def dynamic(server: Server, **values: Any) -> dict[str, Any]:
    whole = static(server, **values)
    own: dict[str, Any] = whole.pop("platforms")[PLATFORM]
    return whole | own


FORMS = pytest.mark.parametrize("form", [static, dynamic])
Form = Callable[..., dict[str, Any]]


def is_offered(client: Desktop, server: Server, release: object) -> bool:
    server.release = release
    return client.check() is not None


@FORMS
def test_a_good_one_is_taken(form: Form, client: Desktop, server: Server) -> None:
    server.release = form(server)
    server.asked.clear()
    offered = client.check()
    assert offered is not None
    del offered["rid"], offered["rawJson"]
    assert offered == {"currentVersion": "1.0.0", "version": "1.1.0", "date": "2026-01-02T03:04:05Z", "body": ""}
    client.download()
    asked = [(path, headers["accept"], headers["user-agent"], len(headers)) for path, headers in server.asked]
    agent = "tauri-plugin-updater/2.9.0"
    assert asked == [("/check", "application/json", agent, 3), ("/update", "application/octet-stream", agent, 3)]


@FORMS
@pytest.mark.parametrize("version", facts.VERSIONS)
def test_versions_that_break_the_answer(version: str, form: Form, client: Desktop, server: Server) -> None:
    with pytest.raises(UpdaterError):
        is_offered(client, server, form(server, version=version))


@FORMS
@pytest.mark.parametrize("address", facts.ADDRESSES)
def test_addresses_that_break_the_answer(address: str, form: Form, client: Desktop, server: Server) -> None:
    with pytest.raises(UpdaterError):
        is_offered(client, server, form(server, url=address))


@pytest.mark.parametrize("address", facts.ADDRESSES)
def test_an_address_breaks_the_answer_for_the_other_platforms_too(address: str, client: Desktop, server: Server) -> None:
    with pytest.raises(UpdaterError):
        is_offered(client, server, static(server, others={"windows-x86_64": {"url": address, "signature": facts.GOOD}}))


def test_a_platform_without_a_signature_breaks_the_answer_for_the_others(client: Desktop, server: Server) -> None:
    with pytest.raises(UpdaterError, match="missing field `signature`"):
        is_offered(client, server, static(server, others={"windows-x86_64": {"url": server.base}}))


@pytest.mark.parametrize("address", facts.SCHEMES)
def test_schemes_that_cannot_be_fetched(address: str, client: Desktop, server: Server) -> None:
    assert is_offered(client, server, static(server, url=address))
    with pytest.raises(UpdaterError, match="builder error for url"):
        client.download()


@pytest.mark.parametrize("name", [*facts.SIGNATURES, *facts.UNTRUE])
def test_signatures_that_are_not_taken(name: str, client: Desktop, server: Server) -> None:
    assert is_offered(client, server, static(server, signature=(facts.SIGNATURES | facts.UNTRUE)[name]))
    with pytest.raises(UpdaterError):
        client.download()


@pytest.mark.parametrize("version", facts.TAKEN_VERSIONS)
def test_versions_that_are_taken(version: str, client: Desktop, server: Server) -> None:
    assert is_offered(client, server, static(server, version=version))


@pytest.mark.parametrize("name", facts.TAKEN_SIGNATURES)
def test_signatures_that_are_taken(name: str, client: Desktop, server: Server) -> None:
    assert is_offered(client, server, static(server, signature=facts.TAKEN_SIGNATURES[name]))
    client.download()


@pytest.mark.parametrize("own", ["1.0.0-9", "1.0.0-rc.10", "1.0.0", "1.0.0+01", "1.0.0+10", "1.0.0+A", IN_ORDER[-1]])
def test_versions_are_ordered_as_by_us(own: str, display: str, server: Server) -> None:
    with desktop(display, [f"{server.base}/check"], SIGNER.public_key, version=own) as client:
        offered = [version for version in IN_ORDER if is_offered(client, server, static(server, version=version))]
    assert offered == [version for version in IN_ORDER if Version.parse(version) > Version.parse(own)]
    assert offered == IN_ORDER[IN_ORDER.index(own) + 1 :]

"""POST /api/oss/import_url, against real servers on loopback."""

import gzip
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from sage_platform.accounts.models import LimitedAct, User
from sage_platform.api.errors import TooManyRequests
from sage_platform.outbound import AllowedNetwork, using_resolver
from tests.answers import assert_logged_out, assert_refused, invalid_fields, refused, success
from tests.api.test_bodies import refused_with
from tests.outbound.doors import Names
from tests.outbound.servers import Behaviour, Server, answer, drips, hangs, redirects, says, serving
from tests.outbound.spellings import MALFORMED, OK, REFUSED, TABLE
from tests.people import Caller, Response, envelope
from tests.provider_rows import exhaust_rate
from tests.uploads.sending import files_in, sum_of
from uploads.models import Upload
from uploads.services import imports
from uploads.stores import StoreUnavailable
from uploads.stores.disk import DiskStore

pytestmark = pytest.mark.django_db
ORIGIN = "http://127.0.0.1:8000"
MALFORMED_TEXT = "Enter an absolute http or https address without a user name."
NOT_ALLOWED = "This address is not allowed."
REDIRECT = "The server redirected to an address that is not allowed."
BROKE = "The connection to the server broke."
UNREADABLE = "The server's answer could not be read."
TOO_LARGE = "The file is larger than 25 MiB, the most that is fetched. Download it and upload it instead."
IN_TIME = "The server did not answer in time."
NO_ROOM = "There is no room left for this file. Delete some that you no longer need."


def fetch(caller: Caller, url: object) -> Response:
    return caller.send("POST", "/api/oss/import_url", {"url": url})


def assert_nothing_is_left(media: Path) -> None:
    assert not Upload.objects.exists()
    assert not media.exists() or files_in(media) == {}


def name_told(caller: Caller, url: str) -> str:
    told = envelope(fetch(caller, url))
    assert told["code"] == 200, told
    row = Upload.objects.get()
    assert told["data"] == {"url": row.url, "filename": row.name}
    return row.name


@pytest.fixture
def production(settings: Settings) -> None:
    """Private networks are closed."""
    settings.SAGE_OUTBOUND_ALLOW_PRIVATE = False


# -- A file --------------------------------------------------------------------------------------------------------------


def test_a_file(as_alice: Caller, media: Path) -> None:
    with serving(says(answer(b"Hello\n", "Content-Type: text/html"))) as server:
        response = fetch(as_alice, f"{server.url}/docs/notes.txt?key=1#part")
    row = Upload.objects.get()
    assert envelope(response) == success({"url": f"{ORIGIN}/files/{row.public_id}/notes.txt", "filename": "notes.txt"})
    assert (row.owner_id, row.size, row.content_type, row.sha256) == ("alice", 6, "text/plain", sum_of(b"Hello\n"))
    assert (row.state, row.source, row.came_from, row.lease_until) == ("stored", "import", "127.0.0.1", None)
    assert files_in(media) == {f"users/alice/{row.public_id}": b"Hello\n"}
    [request] = server.received
    assert (request.method, request.path) == ("GET", "/docs/notes.txt?key=1")
    assert not {"cookie", "authorization", "referer"} & set(request.headers)


def test_an_address_without_the_origin(as_alice: Caller, settings: Settings) -> None:
    settings.SAGE_UPLOAD_URL_STYLE = "path"
    with serving() as server:
        data = envelope(fetch(as_alice, f"{server.url}/a.txt"))["data"]
    assert data == {"url": f"/files/{Upload.objects.get().public_id}/a.txt", "filename": "a.txt"}


def test_what_came_compressed_is_stored_as_it_was(as_alice: Caller, media: Path) -> None:
    with serving(says(answer(gzip.compress(b"Hello\n"), "Content-Encoding: gzip"))) as server:
        assert name_told(as_alice, f"{server.url}/a.txt") == "a.txt"
    assert list(files_in(media).values()) == [b"Hello\n"]


def test_the_largest_file(as_alice: Caller, media: Path) -> None:
    with serving(says(answer(bytes(25 * 1024 * 1024)))) as server:
        name_told(as_alice, f"{server.url}/a.bin")
    assert [len(content) for content in files_in(media).values()] == [25 * 1024 * 1024]


def test_a_server_that_says_no_length(as_alice: Caller, media: Path) -> None:
    with serving(says(b"HTTP/1.1 200 OK\r\n\r\nHello\n")) as server:
        name_told(as_alice, f"{server.url}/a.txt")
    assert list(files_in(media).values()) == [b"Hello\n"]


def test_three_redirects(as_alice: Caller, production: None, settings: Settings) -> None:
    """To other servers too; the name, and the host that is kept, are of the last."""

    def behave(connection: socket.socket, server: Server) -> None:
        hop = len(server.received)
        last = says(answer(b"Hello\n"))
        (redirects(f"http://other.example:{server.port}/{hop}/last.txt") if hop <= 3 else last)(connection, server)

    with serving(behave) as server, using_resolver(Names({"other.example": ["127.0.0.1"]})):
        settings.SAGE_OUTBOUND_ALLOWED_NETWORKS = [AllowedNetwork.parse(f"127.0.0.1:{server.port}")]
        assert name_told(as_alice, f"{server.url}/first.txt") == "last.txt"
    assert [request.path for request in server.received] == ["/first.txt", "/1/last.txt", "/2/last.txt", "/3/last.txt"]
    assert Upload.objects.get().came_from == "other.example"


# -- Names ---------------------------------------------------------------------------------------------------------------

DISPOSITIONS = {
    "attachment; filename=plain.pdf": "plain.pdf",
    'attachment; filename="two words; and=more.pdf"': "two words; and=more.pdf",
    'attachment; filename="a \\"b\\".pdf"': 'a "b".pdf',
    "attachment; filename*=UTF-8''%E5%90%88%E5%90%8C.pdf": "合同.pdf",
    "attachment; filename=\"plain.pdf\"; filename*=UTF-8''%e2%82%ac.pdf": "€.pdf",
    "attachment; filename*=UTF-8''%e2%82%ac.pdf; filename=\"plain.pdf\"": "€.pdf",
    "attachment; filename*=iso-8859-1'en'%A3.pdf": "£.pdf",
    'attachment; filename="März 合同.pdf"': "März 合同.pdf",
    'INLINE; FILENAME="a.pdf"': "a.pdf",
    # Attacks.
    'attachment; filename="../../../etc/passwd"': "passwd",
    'attachment; filename="..\\\\..\\\\evil.exe"': "evil.exe",
    "attachment; filename*=UTF-8''..%2F..%2Fetc%2Fpasswd": "passwd",
    "attachment; filename*=UTF-8''%2e%2e": "file",
    "attachment; filename*=UTF-8''a%0D%0ASet-Cookie:%20x=y%0D%0A.txt": "aSet-Cookie: x=y.txt",
    "attachment; filename*=UTF-8''nul%00l.txt": "null.txt",
    "attachment; filename*=UTF-8''gpj%E2%80%AE.exe": "gpj.exe",
    'attachment; filename=".."': "file",
    "attachment; filename*=UTF-8''" + "a" * 300 + ".pdf": "a" * 251 + ".pdf",
    # None that can be read: the path says it.
    "attachment": "from path.txt",
    "attachment; filename=": "from path.txt",
    'attachment; filename=""': "from path.txt",
    "attachment; filename*=martian''%41": "from path.txt",
    "attachment; filename*=UTF-8''%ff": "from path.txt",
    "attachment; filename=" + "a" * 5000: "from path.txt",
    ";;;===": "from path.txt",
}


@pytest.mark.parametrize(("header", "name"), DISPOSITIONS.items(), ids=range(len(DISPOSITIONS)))
def test_a_name_by_the_answer(header: str, name: str, as_alice: Caller, media: Path) -> None:
    with serving(says(answer(b"x", f"Content-Disposition: {header}"))) as server:
        assert name_told(as_alice, f"{server.url}/a/from%20path.txt") == name
    assert list(files_in(media)) == [f"users/alice/{Upload.objects.get().public_id}"]


def test_a_name_over_two_lines(as_alice: Caller) -> None:
    """A folded header (RFC 9112 §5.2), and one that a server without care lets others break."""
    head = b'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Disposition: attachment;\r\n filename="a\r\nSet-Cookie: x=y\r\n\r\nx'
    with serving(says(head)) as server:
        assert name_told(as_alice, f"{server.url}/fallback.txt") == '"a'


PATHS = {
    "/a/b.txt": "b.txt",
    "/%E5%90%88%E5%90%8C.pdf": "合同.pdf",
    "/合同.pdf": "合同.pdf",
    "/a%20b%22c.txt": 'a b"c.txt',
    "/a.txt?name=b.txt": "a.txt",
    "/": "file",
    "": "file",
    "/folder/": "file",
    "/..%2f..%2fetc%2fpasswd": "passwd",
    "/%2e%2e%2f": "file",
    "/a%5cb.txt": "b.txt",
    "/a%0d%0ab.txt": "ab.txt",
    "/%ff%fe.txt": "\ufffd\ufffd.txt",
    "/a;b=c.txt": "a;b=c.txt",
}


@pytest.mark.parametrize(("path", "name"), PATHS.items())
def test_a_name_by_the_path(path: str, name: str, as_alice: Caller) -> None:
    with serving() as server:
        assert name_told(as_alice, server.url + path) == name


# -- Refusals ------------------------------------------------------------------------------------------------------------


def test_logged_out(anyone: Caller, media: Path) -> None:
    with serving() as server:
        assert_logged_out(fetch(anyone, server.url))
    assert server.connections == 0
    assert_nothing_is_left(media)


@pytest.mark.parametrize("body", [{}, {"url": None}, {"url": 5}, {"url": ["http://a.example"]}, {"url": ""}, {"url": "x" * 8193}])
def test_no_address(body: dict[str, Any], as_alice: Caller, media: Path) -> None:
    assert invalid_fields(as_alice.send("POST", "/api/oss/import_url", body)) == ["url"]
    assert_nothing_is_left(media)


@pytest.mark.parametrize(
    "url",
    [
        "files.example/a.txt",
        "//files.example/a.txt",
        "/etc/passwd",
        "file:///etc/passwd",
        "ftp://files.example/a.txt",
        "data:text/plain,hello",
        "javascript:alert(1)",
        "gopher://127.0.0.1:6379/_FLUSHALL",
        "http://",
        "http://user:hunter2@files.example/",
        "http://files.example\\@127.0.0.1/",
        "http://files.example:99999/",
        "http://files.example/a b",
        "http://files.example/\r\nHost: evil",
    ],
)
def test_a_malformed_address(url: str, as_alice: Caller, media: Path) -> None:
    response = fetch(as_alice, url)
    assert (response.status_code, envelope(response)) == (422, refused_with(MALFORMED_TEXT, "url"))
    assert "hunter2" not in response.content.decode()
    assert_nothing_is_left(media)


@pytest.mark.parametrize("deployment", ["development", "production"])
def test_each_address_of_the_outbound_table(deployment: str, as_alice: Caller, media: Path, settings: Settings) -> None:
    """In every spelling. Nothing is connected to, and no call is counted for it."""
    settings.SAGE_OUTBOUND_ALLOW_PRIVATE = deployment == "development"
    wrong = {}
    with serving() as server, using_resolver(Names({})):
        for host, *expected in TABLE:
            becomes = expected[deployment == "production"]
            if becomes == OK or "\ud800" in host:
                continue
            told = envelope(fetch(as_alice, f"http://{host}:{server.port}/a.txt"))
            seen = {(400, NOT_ALLOWED): REFUSED, (422, refused_with("")["message"]): MALFORMED}.get(
                (told["code"], told["message"])
            )
            if seen != becomes:
                wrong[host] = told
    assert wrong == {}
    assert server.connections == 0
    assert not LimitedAct.objects.filter(limit="outbound-call").exists()
    assert_nothing_is_left(media)


def test_a_name_that_leads_inside(as_alice: Caller, media: Path, production: None) -> None:
    """Also where one of its addresses is a good one, of which an attacker's name server has as many as it likes."""
    inside = Names(
        {"inside.example": ["10.0.0.1"], "both.example": ["93.184.216.34", "127.0.0.1"], "meta.example": ["169.254.169.254"]}
    )
    with using_resolver(inside), serving() as server:
        for host in inside.table:
            assert_refused(fetch(as_alice, f"http://{host}:{server.port}/"), 400, NOT_ALLOWED)
    assert server.connections == 0
    assert_nothing_is_left(media)


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest/meta-data/",
        "//169.254.169.254/",
        "http://[::ffff:169.254.169.254]/",
        "http://2852039166/",
        "http://localhost:{other}/",
        "http://127.0.0.1:{other}/",
        "http://inside.example:{other}/",
        "http://user@127.0.0.1:{port}/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:{other}/_x",
        "http://",
    ],
)
def test_a_redirect_to_where_we_do_not_go(
    location: str, as_alice: Caller, media: Path, production: None, settings: Settings
) -> None:
    with serving() as other, using_resolver(Names({"inside.example": ["10.0.0.1"]})):

        def behave(connection: socket.socket, server: Server) -> None:
            redirects(location.format(other=other.port, port=server.port))(connection, server)

        with serving(behave) as server:
            settings.SAGE_OUTBOUND_ALLOWED_NETWORKS = [AllowedNetwork.parse(f"127.0.0.1:{server.port}")]
            assert_refused(fetch(as_alice, server.url), 400, REDIRECT)
    assert (server.connections, other.connections) == (1, 0)
    assert_nothing_is_left(media)


def test_four_redirects(as_alice: Caller, media: Path) -> None:
    with serving(redirects("/again")) as server:
        assert_refused(fetch(as_alice, server.url), 400, "The server redirected too many times.")
    assert server.connections == 4
    assert_nothing_is_left(media)


def cut(connection: socket.socket, server: Server) -> None:
    connection.sendall(answer(b"half", length=1000))


FAILURES: dict[str, tuple[Behaviour, str]] = {
    "not found": (
        says(answer(b"nothing here", status="404 Not Found")),
        "The server answered with status 404 in the place of the file.",
    ),
    "broken": (says(answer(b"sorry", status="500 Oops")), "The server answered with status 500 in the place of the file."),
    "a redirect to nowhere": (
        says(answer(b"", status="302 Found")),
        "The server answered with status 302 in the place of the file.",
    ),
    "empty": (says(answer(b"")), "The file is empty."),
    "nothing": (says(answer(b"", status="204 No Content")), "The file is empty."),
    "cut in the middle": (cut, BROKE),
    "no HTTP": (says(b"SSH-2.0-OpenSSH_9.2\r\n"), UNREADABLE),
    "closed at once": (says(b""), BROKE),
    "no gzip": (says(answer(b"hello", "Content-Encoding: gzip")), UNREADABLE),
    "another coding": (says(answer(b"hello", "Content-Encoding: br")), UNREADABLE),
    "too large, as it says": (says(answer(b"x", length=25 * 1024 * 1024 + 1)), TOO_LARGE),
    "too large, and it does not say": (says(b"HTTP/1.1 200 OK\r\n\r\n" + bytes(25 * 1024 * 1024 + 1)), TOO_LARGE),
    "small, and huge once unfolded": (says(answer(gzip.compress(bytes(26 * 1024 * 1024)), "Content-Encoding: gzip")), TOO_LARGE),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failed_fetch(failure: str, as_alice: Caller, media: Path) -> None:
    behave, message = FAILURES[failure]
    with serving(behave) as server:
        assert_refused(fetch(as_alice, f"{server.url}/a.txt"), 400, message)
    assert_nothing_is_left(media)


@pytest.mark.parametrize("behave", [hangs, drips(answer(b"", length=1000), b"x"), drips(b"HTTP/1.1 200 OK\r\nX-A: ", b"x")])
def test_a_slow_server(behave: Behaviour, as_alice: Caller, media: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert imports.SECONDS == 60
    monkeypatch.setattr(imports, "SECONDS", 0.3)
    began = time.monotonic()
    with serving(behave) as server:
        assert_refused(fetch(as_alice, f"{server.url}/a.txt"), 400, IN_TIME)
        assert time.monotonic() - began < 10
    assert_nothing_is_left(media)


def test_nobody_is_there(as_alice: Caller, media: Path) -> None:
    with serving() as server:
        pass
    assert_refused(fetch(as_alice, server.url), 400, "The server could not be reached.")
    with using_resolver(Names({})):
        assert_refused(fetch(as_alice, "http://nobody.example/"), 400, "The name of the server was not found.")
    assert_nothing_is_left(media)


def test_a_deployment_s_smaller_limit(as_alice: Caller, media: Path, settings: Settings) -> None:
    settings.SAGE_UPLOAD_MAX_BYTES = 2 * 1024 * 1024
    with serving(says(answer(bytes(2 * 1024 * 1024 + 1)))) as server:
        assert_refused(fetch(as_alice, server.url), 400, TOO_LARGE.replace("25", "2"))
    assert_nothing_is_left(media)


def test_no_room_is_left(as_alice: Caller, media: Path, settings: Settings) -> None:
    settings.SAGE_UPLOAD_QUOTA_BYTES = 10
    with serving(says(answer(b"x" * 11))) as server:
        assert_refused(fetch(as_alice, server.url), 400, NO_ROOM)
    assert_nothing_is_left(media)
    with serving(says(answer(b"x" * 10))) as server:
        name_told(as_alice, server.url)


def test_the_store_is_away(as_alice: Caller, media: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise StoreUnavailable(cause="the disk: No space left on device")

    monkeypatch.setattr(DiskStore, "keep", refuse)
    with serving() as server:
        response = fetch(as_alice, server.url)
    message = "The service is temporarily unavailable. Please try again shortly."
    assert (response.status_code, envelope(response)) == (503, refused(503, message))
    assert "Retry-After" in response.headers
    assert_nothing_is_left(media)


def test_so_many_in_a_minute(as_alice: Caller, alice: User, media: Path) -> None:
    exhaust_rate(alice)
    with serving() as server:
        response = fetch(as_alice, server.url)
    message = "Too many requests. Please wait and try again."
    assert (response.status_code, envelope(response)) == (429, refused(429, message))
    assert 0 < int(response.headers["Retry-After"]) <= 60
    assert server.connections == 0
    assert_nothing_is_left(media)


@pytest.fixture
def own_share_taken(alice: User) -> Iterator[None]:
    """As if other calls of this person were under way, in all slots that they may have."""
    from sage_platform.accounts.services.outbound_calls import slots

    held = 0
    try:
        while True:
            slots.enter(alice.pk)
            held += 1
    except TooManyRequests:
        yield
    for _ in range(held):
        slots.leave(alice.pk)


def test_so_many_at_once(own_share_taken: None, as_alice: Caller, as_bob: Caller, media: Path) -> None:
    message = "Your other requests to servers are still running. Please wait until one of them has ended."
    with serving() as server:
        response = fetch(as_alice, server.url)
        assert (response.status_code, envelope(response)) == (429, refused(429, message))
        assert server.connections == 0
        assert_nothing_is_left(media)
        name_told(as_bob, server.url)

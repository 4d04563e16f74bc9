"""The envelope's request id and timestamp, on every way out."""

import json
import re
import time

import pytest

from tests.people import Caller, Response

pytestmark = pytest.mark.django_db
MADE = re.compile(r"[0-9a-f]{32}")

# One of each way out: a view of the REST framework, a plain one, a refusal, no route, a raw document, a page, a page's 404.
EXITS = ["/api/auth/providers", "/api/system/info", "/api/auth/session", "/api/nowhere", "/api/schema", "/sage/login", "/nowhere"]
GIVEN = ["abcdefgh", "x" * 64, "Trace-1.2_3", "0af7651916cd43dd8448eb211c80319c", "........"]
NOT_TAKEN = [
    "",
    "abcdefg",
    "x" * 65,
    "x" * 5000,
    "has space here",
    "semi;colon",
    "<script>alert(1)</script>",
    "naïve-id-1",
    "１２３４５６７８",
    "line\nbreak-1",
    "trailing-1\n",
    "slash/slash/slash",
    "percent%20percent",
]


def sent_id(response: Response) -> str:
    """The id of the answer's header, which an envelope has to agree with."""
    value: str = response.headers["X-Request-ID"]
    if response.headers["Content-Type"] == "application/json" and b'"timestamp"' in response.content:
        assert json.loads(response.content)["request_id"] == value
    return value


@pytest.mark.parametrize("path", EXITS)
def test_an_id_is_made_for_each_answer(path: str, anyone: Caller) -> None:
    first, second = (sent_id(anyone.get(path)) for _ in range(2))
    assert MADE.fullmatch(first)
    assert MADE.fullmatch(second)
    assert first != second


@pytest.mark.parametrize("path", EXITS)
@pytest.mark.parametrize("given", GIVEN)
def test_a_good_id_is_taken(given: str, path: str, anyone: Caller) -> None:
    assert sent_id(anyone.get(path, X_Request_ID=given)) == given


@pytest.mark.parametrize("given", NOT_TAKEN)
def test_a_bad_id_is_replaced(given: str, anyone: Caller) -> None:
    for path in ("/api/system/info", "/api/nowhere"):
        assert MADE.fullmatch(sent_id(anyone.get(path, X_Request_ID=given)))


@pytest.mark.parametrize("path", ["/api/auth/providers", "/api/system/info", "/api/auth/session", "/api/nowhere"])
def test_the_timestamp_is_unix_seconds_with_a_fraction(path: str, anyone: Caller) -> None:
    before = time.time()
    body = json.loads(anyone.get(path).content)
    assert isinstance(body["timestamp"], float)
    assert before <= body["timestamp"] <= time.time()


def test_the_members_and_their_order(anyone: Caller) -> None:
    for path in ("/api/auth/providers", "/api/system/info", "/api/auth/session", "/api/nowhere"):
        assert list(json.loads(anyone.get(path).content)) == ["code", "message", "data", "timestamp", "request_id"]


@pytest.mark.parametrize("path", ["/api/auth/login", "/api/system/info", "/api/nowhere"])
def test_a_forged_host_is_refused_in_the_envelope(path: str, anyone: Caller) -> None:
    response = anyone.send("POST" if "login" in path else "GET", path, {}, Host="evil.example")
    assert response.status_code == 400
    body = json.loads(response.content)
    assert body == {
        "code": 400,
        "message": "The request is not valid.",
        "data": None,
        "timestamp": body["timestamp"],
        "request_id": response.headers["X-Request-ID"],
    }
    assert b"evil" not in response.content


@pytest.mark.parametrize("path", ["/sage/login", "/", "/admin/", "/nowhere"])
def test_a_forged_host_is_refused_with_a_page(path: str, anyone: Caller) -> None:
    response = anyone.get(path, Host="evil.example")
    assert response.status_code == 400
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert b"evil" not in response.content
    assert "evil" not in str(dict(response.headers))


@pytest.mark.parametrize(
    "host", ["127.0.0.1@evil.example", "evil.example:127.0.0.1", "", "127.0.0.1/evil", "evil..", "127.0.0.1, evil"]
)
def test_a_malformed_host_is_refused(host: str, anyone: Caller) -> None:
    assert anyone.get("/api/auth/providers", Host=host).status_code == 400


def test_a_forwarded_host_counts_for_nothing(anyone: Caller) -> None:
    response = anyone.get("/sage/", X_Forwarded_Host="evil.example")
    assert response.status_code == 302
    assert response.headers["Location"] == "/sage/login?next=%2Fsage%2F"

"""What comes over a real socket: lengths, halves, floods and nonsense, and what answers meanwhile."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.e2e.served import Platform

pytestmark = [pytest.mark.served, pytest.mark.xdist_group(__name__)]

LOGIN = b"POST /api/auth/login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
MIB = 1024 * 1024


@contextmanager
def connected(platform: Platform) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", platform.port), timeout=20) as connection:
        yield connection


def read_answer(connection: socket.socket) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of one answer."""
    with connection.makefile("rb") as stream:
        status = int(stream.readline().split()[1])
        lines = iter(stream.readline, b"\r\n")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.decode().partition(":") for line in lines)}
        body = stream.read(int(headers.get("content-length", 0)))
    return status, headers, body


def refusal(body: bytes) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(body)
    return {key: answer[key] for key in ("code", "message", "data")}


def test_a_chunked_body_is_refused_and_never_taken_as_empty(platform: Platform) -> None:
    body = b'{"username_or_email": "admin", "password": "wrong"}'
    with connected(platform) as connection:
        connection.sendall(LOGIN + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body))
        status, _, answer = read_answer(connection)
    assert status == 411
    assert refusal(answer) == {
        "code": 411,
        "message": "The request needs a Content-Length header; chunked bodies are not accepted.",
        "data": None,
    }


def test_a_body_over_the_limit_is_refused_by_its_length_before_it_is_sent(platform: Platform) -> None:
    with connected(platform) as connection:
        connection.sendall(LOGIN + b"Content-Length: %d\r\n\r\n" % (2 * MIB + 1))
        status, _, answer = read_answer(connection)
    assert status == 413
    assert refusal(answer) == {"code": 413, "message": "The request body is too large.", "data": None}


def test_a_length_that_no_number_can_hold_is_refused(platform: Platform) -> None:
    for length in (b"9" * 30, b"-1", b"1, 2", b"abc"):
        with connected(platform) as connection:
            connection.sendall(LOGIN + b"Content-Length: " + length + b"\r\n\r\n")
            assert read_answer(connection)[0] in {400, 413}


def test_a_header_of_a_megabyte_is_refused_and_the_service_goes_on(platform: Platform) -> None:
    with connected(platform) as connection:
        try:
            connection.sendall(b"GET /api/system/info HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: " + b"a" * MIB + b"\r\n\r\n")
            refused = connection.recv(64)
        except (BrokenPipeError, ConnectionResetError):
            refused = b""  # The server hung up in the middle of it.
    assert refused == b"" or refused.split()[1] in {b"400", b"431"}
    assert platform.caller().get("/api/system/info").status_code == 200


def test_garbage_behind_a_request_gets_no_second_answer_but_a_refusal(platform: Platform) -> None:
    with connected(platform) as connection:
        connection.sendall(b"GET /active HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n\x00\x01garbage \xff\xfe\r\n\r\n")
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    first, _, rest = received.partition(b"Service is available.")
    assert first.startswith(b"HTTP/1.1 200 ")
    assert rest == b"" or rest.startswith(b"HTTP/1.1 400 ")
    assert platform.caller().get("/active").text == "Service is available."


@pytest.mark.parametrize("path", ["/active", "/api/system/info", "/oauth2/metadata"])
def test_head_is_get_without_the_body(platform: Platform, path: str) -> None:
    got, head = platform.caller().get(path), platform.caller().send("HEAD", path)
    assert (got.status_code, head.status_code) == (200, 200)
    assert head.content == b""
    assert head.headers["Content-Type"] == got.headers["Content-Type"]


def test_a_forged_host_is_refused_in_the_envelope_and_named_nowhere(platform: Platform) -> None:
    answer = platform.caller(Host="evil.example").post(
        "/api/auth/login", {"username_or_email": "admin", "password": "x"}, headers={"Origin": "http://evil.example"}
    )
    assert answer.status_code == 400
    assert answer.json()["code"] == answer.status_code
    assert "evil.example" not in answer.text
    assert "evil.example" not in str(answer.headers)


@pytest.mark.parametrize("path", ["/oauth2/token", "/api/oauth2/token", "/oauth2/userinfo", "/oauth2/revoke"])
def test_a_program_that_forges_the_host_is_refused_in_the_words_of_oauth2(platform: Platform, path: str) -> None:
    answer = platform.caller(Host="evil.example").send("POST", path, data={"grant_type": "client_credentials"})
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/json")
    assert answer.json() == {"error": "invalid_request", "error_description": "The request is not acceptable."}


def test_an_unknown_address_under_the_api_is_an_enveloped_404(platform: Platform) -> None:
    answer = platform.caller().get("/api/nothing/here")
    assert answer.status_code == 404
    assert refusal(answer.content) == {"code": 404, "message": "There is nothing at this address.", "data": None}

"""Clients that stall in the middle of their bodies, more of them than the server has threads."""

import resource
import socket
import time
from contextlib import ExitStack

import pytest

from tests.e2e.served import served
from tests.observability.exposition import in_progress

pytestmark = [pytest.mark.served, pytest.mark.xdist_group("timed")]

HALF = b'POST /api/auth/login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"user'


def test_they_hold_their_own_threads_and_not_the_service() -> None:
    with served(workers=1, SAGE_THREADS="12") as platform, ExitStack() as stack:
        for _ in range(40):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", platform.port), timeout=20))
            connection.sendall(HALF)
        caller = platform.caller()
        for path in ("/active", "/api/system/info", "/api/health", "/api/observability/metrics"):
            assert caller.get(path).status_code == 200
        deadline = time.monotonic() + 10
        while (refused := caller.post("/api/auth/login", {})).status_code != 503:  # Until the last of them has been read.
            assert time.monotonic() < deadline
        assert refused.headers["Retry-After"] == "5"
        body = refused.json()
        assert (body["code"], body["data"]) == (503, None)
        (line,) = platform.lines_with(f'"sage.access", "message": "request", "request_id": "{body["request_id"]}"')
        assert (line["method"], line["route"], line["status"]) == ("POST", "/api/auth/login", 503)
        for path in ("/oauth2/token", "/api/oauth2/token", "/oauth2/introspect"):
            refused = caller.send("POST", path, data={"grant_type": "client_credentials"})
            assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5"), path
            assert refused.json() == {"error": "temporarily_unavailable", "error_description": "Try again later."}
        stack.close()
        # The threads come back when the server has seen that their clients are gone.
        deadline = time.monotonic() + 10
        while caller.post("/api/auth/login", {}).status_code == 503:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert platform.signed_in("admin", platform.admin_password).get("/api/auth/session").status_code == 200
        deadline = time.monotonic() + 10
        while in_progress(caller.get("/api/observability/metrics").text):
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_connections_that_are_only_open_keep_nobody_out() -> None:
    """Granian alone takes 1,024 in all its workers together, and then nobody is answered until some of them end."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    beginnings = (b"", b"GET /active HTTP/1.1\r\nHost: 127.", b"GET /active HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    with served(workers=1, SAGE_THREADS="12") as platform, ExitStack() as stack:
        for number in range(1200):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", platform.port), timeout=20))
            connection.sendall(beginnings[number % 3])
        assert platform.caller().get("/active").status_code == 200
        assert platform.signed_in("admin", platform.admin_password).get("/api/auth/session").status_code == 200

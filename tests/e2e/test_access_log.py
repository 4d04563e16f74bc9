"""One line of the log for each request, written when it is over: whose, which route, how it ended, how long it took."""

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from secrets import token_hex
from typing import Any

import pytest
import requests

from tests.e2e.served import DEFAULT_LOG, Browser, Platform, served

pytestmark = [pytest.mark.served, pytest.mark.xdist_group(__name__)]

WAIT_SECONDS = 20
CLIENTS = json.dumps(
    [
        {
            "client_id": "uploader",
            "name": "Uploader",
            "client_secret": "of-the-uploader-1234567890",
            "grant_types": ["client_credentials"],
            "scope": "release:write",
        }
    ]
)
SECRET = "planted-in-the-address"


@pytest.fixture(scope="module")
def logged() -> Iterator[Platform]:
    with served(workers=2, SAGE_TRUSTED_PROXIES="127.0.0.1", SAGE_OAUTH2_CLIENTS=CLIENTS) as platform:
        yield platform


def line_of(platform: Platform, request_id: str) -> dict[str, Any]:
    """Without what differs from run to run."""
    (line,) = platform.lines_with(f'"{request_id}"')
    assert line.pop("time").endswith("+00:00")
    assert 0 <= line.pop("duration_ms") < WAIT_SECONDS * 1000
    assert line.pop("request_id") == request_id
    assert (line.pop("level"), line.pop("logger"), line.pop("message")) == ("INFO", "sage.access", "request")
    return line


def sent(platform: Platform, caller: Browser, method: str, path: str, **options: Any) -> tuple[requests.Response, dict[str, Any]]:
    request_id = f"access-{token_hex(8)}"
    answer = caller.send(method, path, headers={"X-Request-ID": request_id}, **options)
    return answer, line_of(platform, request_id)


def test_the_order_of_the_fields(logged: Platform) -> None:
    request_id = f"access-{token_hex(8)}"
    logged.admin().get("/api/auth/session", headers={"X-Request-ID": request_id})
    (line,) = logged.lines_with(f'"{request_id}"')
    assert list(line) == [
        *("time", "level", "logger", "message", "request_id"),
        *("method", "route", "status", "duration_ms", "bytes", "client", "user_id"),
    ]


ANYBODY = {
    "a route": ("GET", "/api/system/info", "/api/system/info", 200),
    "a route with a variable part": ("PUT", f"/api/llm-provider/update/{SECRET}", "/api/llm-provider/update/{provider_id}", 401),
    "no address": ("GET", f"/api/{SECRET}", "unknown", 404),
    "a file's address": ("GET", "/files/0123456789abcdef0123456789abcdef/a.png", "/files/{public_id}/{filename}", 404),
    "a wrong method": ("DELETE", "/api/system/info", "/api/system/info", 405),
    "an invented method": ("BREW", "/api/system/info", "/api/system/info", 405),
    "health": ("GET", "/api/health", "/api/health", 200),
    "a preflight": ("OPTIONS", "/api/auth/login", "/api/auth/login", 405),
    "the administration": ("GET", f"/admin/accounts/user/{SECRET}/change/", "/admin", 302),
    "a page": ("GET", "/sage/login", "/sage", 200),
    "a static file": ("GET", "/static/admin/css/base.css", "/static", 200),
    "OAuth2": ("GET", f"/oauth2/authorize?code={SECRET}", "/oauth2/authorize", 400),
    "the metadata": ("GET", "/.well-known/oauth-authorization-server", "/.well-known/oauth-authorization-server", 200),
    "updates": ("GET", "/api/system/version/latest", "/api/system/version/latest", 200),
    "a desktop's question": (
        "GET", "/api/system/version/check?target=windows&arch=x86_64&current_version=1.0.0", "/api/system/version/check", 204
    ),
}  # fmt: skip


@pytest.mark.parametrize(("method", "path", "route", "status"), ANYBODY.values(), ids=list(ANYBODY))
def test_nobody_s_request(logged: Platform, method: str, path: str, route: str, status: int) -> None:
    answer, line = sent(logged, logged.caller(address="192.0.2.7"), method, f"{path}{'&' if '?' in path else '?'}token={SECRET}")
    assert answer.status_code == status, answer.text[:500]
    told = method if method != "BREW" else "OTHER"
    assert line == {
        "method": told, "route": route, "status": status, "bytes": len(answer.content), "client": "192.0.2.7",
    }  # fmt: skip
    assert SECRET not in logged.log


def test_who_asks(logged: Platform) -> None:
    """Where the route wants to know it: by a token, by the cookie, as a program, and as a client that asks for tokens."""
    admin = logged.admin()
    user_id = admin.get("/api/user/list").json()["data"]["items"][0]["user_id"]
    assert sent(logged, admin, "GET", "/api/auth/session")[1]["user_id"] == user_id
    assert "user_id" not in sent(logged, admin, "GET", "/api/system/info")[1]

    cookie = logged.caller()
    cookie.post("/api/auth/login", {"username_or_email": "admin", "password": logged.admin_password})
    for path in ("/api/auth/session", "/sage/", "/admin/"):
        answer, line = sent(logged, cookie, "GET", path)
        assert (answer.status_code, line.get("user_id"), line.get("client_id")) == (200, user_id, None), path

    basic = ("uploader", "of-the-uploader-1234567890")
    asked = {"grant_type": "client_credentials", "scope": "release:write"}
    answer, line = sent(logged, logged.caller(), "POST", "/oauth2/token", data=asked, auth=basic)
    assert (line["status"], line.get("user_id"), line["client_id"]) == (200, None, "uploader")
    program = logged.caller(Authorization=f"Bearer {answer.json()['access_token']}")
    answer, line = sent(logged, program, "POST", "/api/system/version", json={})
    assert answer.json()["code"] == 422
    assert (line["route"], line.get("user_id"), line["client_id"]) == ("/api/system/version", None, "uploader")
    refused = sent(logged, logged.caller(), "POST", "/oauth2/token", data=asked, auth=("uploader", "not its secret"))[1]
    assert (refused["status"], refused.get("client_id")) == (401, None)


def token_of(caller: Browser) -> dict[str, str]:
    token = caller.session.headers.get("Authorization")
    return {"Authorization": str(token)} if token else {}


def test_ids_are_never_mixed_up(logged: Platform) -> None:
    """Two workers, eight at once: each request has one line, which says of it and of no other."""
    admin, nobody = logged.admin(), logged.caller(address="2001:db8::7")
    user_id = admin.get("/api/user/list").json()["data"]["items"][0]["user_id"]
    kinds = [
        (admin, "GET", "/api/auth/session", ("/api/auth/session", 200, "127.0.0.1", user_id)),
        (nobody, "GET", "/api/auth/session", ("/api/auth/session", 401, "2001:db8::/64", None)),
        (nobody, "GET", "/api/system/version/latest", ("/api/system/version/latest", 200, "2001:db8::/64", None)),
        (nobody, "POST", "/api/nowhere", ("unknown", 404, "2001:db8::/64", None)),
    ]
    asked = [(f"mixed-{token_hex(8)}", *kinds[number % len(kinds)]) for number in range(160)]
    with ThreadPoolExecutor(8) as pool:
        for answer in [
            pool.submit(
                Browser(logged.base, {**who.headers, **token_of(who)}).send, method, path, headers={"X-Request-ID": request_id}
            )
            for request_id, who, method, path, _ in asked
        ]:
            answer.result()
    for request_id, _, method, _, told in asked:
        line = line_of(logged, request_id)
        assert (line["route"], line["status"], line["client"], line.get("user_id")) == told
        assert line["method"] == method


MIB = 1024 * 1024
FILE = f"""
from tests.uploads.kept import kept
print(kept(b"0123456789abcdef" * {MIB}, "a.bin", "application/octet-stream").path)
"""


def test_a_download_has_its_line_once_its_last_byte_is_out_or_its_client_has_left(logged: Platform) -> None:
    made = logged.manage("shell", "-v", "0", "-c", FILE)
    assert made.returncode == 0, made.stderr
    told = {}
    for leaves in (False, True):
        request_id = f"download-{token_hex(8)}"
        with socket.socket() as connection:
            # Hardly anything of it can arrive unread.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.settimeout(WAIT_SECONDS)
            connection.connect(("127.0.0.1", logged.port))
            asked = [f"GET {made.stdout.strip()} HTTP/1.1", "Host: 127.0.0.1", f"X-Request-ID: {request_id}", "Connection: close"]
            connection.sendall("\r\n".join([*asked, "", ""]).encode())
            assert connection.recv(12) == b"HTTP/1.1 200"
            assert request_id not in logged.log
            while not leaves and connection.recv(MIB):
                pass
        told[leaves] = line_of(logged, request_id)
    whole = {"method": "GET", "route": "/files/{public_id}/{filename}", "status": 200, "bytes": 16 * MIB, "client": "127.0.0.1"}
    assert told[False] == whole
    assert told[True].pop("bytes") < 16 * MIB
    del whole["bytes"]
    assert told[True] == whole | {"incomplete": True}


def test_without_the_setting_there_is_none() -> None:
    with served(workers=1, **DEFAULT_LOG) as platform:
        assert platform.caller().get("/api/system/info").status_code == 200
        assert platform.caller().get("/api/system/version/latest").status_code == 200
        assert platform.stop() == 0
        assert '"sage.access"' not in platform.log

"""deploy/nginx/sage.conf as it stands, in Debian's nginx with TLS, in front of a platform with production's settings."""

import json
import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import requests
from granian.http import HTTP1Settings
from requests.adapters import HTTPAdapter

from tests.e2e.nginx import NAME, ORIGIN, Nginx, nginx, production, shipped
from tests.e2e.served import Platform, served

pytestmark = [pytest.mark.served, pytest.mark.nginx, pytest.mark.xdist_group(__name__)]


@pytest.fixture(scope="module")
def deployed() -> Iterator[tuple[Platform, Nginx]]:
    with served(workers=2, **production()) as platform, nginx(platform.port) as front:
        yield platform, front


@pytest.fixture
def platform(deployed: tuple[Platform, Nginx]) -> Platform:
    return deployed[0]


@pytest.fixture
def front(deployed: tuple[Platform, Nginx]) -> Nginx:
    return deployed[1]


def from_address(front: Nginx, address: str) -> requests.Session:
    """Somebody whom nginx sees at this address of the machine."""
    session = front.browser()
    place = session.get_adapter(ORIGIN)
    assert isinstance(place, HTTPAdapter)
    place.poolmanager.connection_pool_kw["source_address"] = (address, 0)
    return session


def test_plain_http_leads_to_https(front: Nginx) -> None:
    browser = front.browser()
    moved = browser.get(f"http://{NAME}/sage/login?next=%2Fsage%2F", allow_redirects=False)
    assert (moved.status_code, moved.headers["Location"]) == (301, f"{ORIGIN}/sage/login?next=%2Fsage%2F")
    assert browser.get(f"http://{NAME}/").url == f"{ORIGIN}/sage/login?next=%2Fsage%2F"


def test_a_browser_speaks_http_2(front: Nginx) -> None:
    """Debian 12's nginx is older than the directive `http2`."""
    assert shutil.which("curl"), "curl is not installed"
    where = ["--cacert", str(front.authority), "--connect-to", f"{NAME}:443:127.0.0.1:{front.port}", f"{ORIGIN}/active"]
    command = ["curl", "--silent", "--show-error", "--http2", "--write-out", "\n%{http_version}", *where]
    said = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert (said.returncode, said.stdout) == (0, "Service is available.\n2"), said.stderr


def test_a_person_signs_in_by_the_page_and_at_the_administration(platform: Platform, front: Nginx) -> None:
    browser = front.browser()
    page = browser.get(f"{ORIGIN}/sage/login")
    assert "max-age=31536000" in page.headers["Strict-Transport-Security"]
    for address in re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text):
        assert browser.get(ORIGIN + address).status_code == 200
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
    assert token
    form = {"username": "admin", "password": platform.admin_password, "csrfmiddlewaretoken": token[1]}
    # What a browser says of itself, and Django compares with the host that nginx passes on.
    signed_in = browser.post(f"{ORIGIN}/sage/login", data=form, headers={"Origin": ORIGIN, "Referer": f"{ORIGIN}/sage/login"})
    assert (signed_in.status_code, signed_in.url) == (200, f"{ORIGIN}/sage/")
    (cookie,) = (cookie for cookie in browser.cookies if cookie.name == "sage_session")
    assert (cookie.secure, cookie.domain) == (True, NAME)
    assert browser.get(f"{ORIGIN}/admin/").url == f"{ORIGIN}/admin/"
    assert browser.get(f"{ORIGIN}/api/auth/session").json()["data"]["user"]["role"] == "admin"


def test_the_web_applications_prefix_leads_to_the_same_routes(platform: Platform, front: Nginx) -> None:
    browser = front.browser()
    body = {"username_or_email": "admin", "password": platform.admin_password}
    answer = browser.post(f"{ORIGIN}/prod-api/api/auth/login", json=body)
    assert (answer.status_code, answer.json()["code"]) == (200, 200)
    assert browser.get(f"{ORIGIN}/prod-api/api/auth/session").json()["data"]["user"]["username"] == "admin"
    for path in ("/files/x/y.txt", "/prod-api/files/x/y.txt", "/api/nowhere", "/prod-api/api/nowhere"):
        assert (path, browser.get(ORIGIN + path).status_code) == (path, 404)


def test_metrics_are_shown_on_the_machine_and_not_through_the_proxy(platform: Platform, front: Nginx) -> None:
    """Who is to read them from elsewhere gets a token, and then may come through the proxy too."""
    browser, metrics = front.browser(), "/api/observability/metrics"
    told = "Metrics are shown on this machine alone. To read them from elsewhere, set SAGE_METRICS_TOKEN."
    for path in (metrics, f"/prod-api{metrics}"):
        for headers in ({}, {"X-Forwarded-For": "127.0.0.1"}, {"X-Forwarded-For": ""}, {"Connection": "X-Forwarded-For, close"}):
            refused = browser.get(f"{ORIGIN}{path}", headers=headers)
            assert (refused.status_code, refused.json()["message"]) == (403, told)
    shown = platform.caller().get(metrics)
    assert (shown.status_code, shown.headers["Cache-Control"]) == (200, "no-store")


def test_nobody_chooses_the_address_that_limits_count_by(front: Nginx) -> None:
    here, elsewhere = from_address(front, "127.0.0.2"), from_address(front, "127.0.0.3")
    body = {"username_or_email": "nobody", "password": "not the password"}
    for number in range(10):
        forged = f"198.51.100.{number}"
        headers = {"X-Forwarded-For": forged, "X_Forwarded_For": forged, "Forwarded": f"for={forged}", "X-Real-IP": forged}
        answer = here.post(f"{ORIGIN}/api/auth/login", json=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (200, 401)
    refused = here.post(f"{ORIGIN}/api/auth/login", json=body, headers={"X-Forwarded-For": "198.51.100.99"})
    assert (refused.status_code, refused.json()["code"]) == (429, 429)
    assert elsewhere.post(f"{ORIGIN}/api/auth/login", json=body).json()["code"] == 401


def test_a_body_that_is_too_large_is_refused_in_our_words(front: Nginx) -> None:
    """A megabyte is where nginx draws the line unless told otherwise, and two megabytes where the platform does."""
    for size, status in ((1_500_000, 422), (3_000_000, 413)):
        body = json.dumps({"username_or_email": "x" * size})
        answer = front.browser().post(f"{ORIGIN}/api/auth/login", data=body, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["code"]) == (status, status)


UPLOADS = ("/api/oss/upload", "/prod-api/api/oss/upload")


def test_only_uploads_may_be_large(front: Nginx) -> None:
    """nginx keeps a body on its disk before the platform is asked who sends it."""
    large = "x" * 9_000_000
    for path in ("/api/auth/login", "/oauth2/token", "/prod-api/api/user/config", "/api/oss/import_url", "/api/oss/upload/"):
        answer = front.browser().post(ORIGIN + path, data=large, headers={"Content-Type": "application/json"})
        assert (path, answer.status_code) == (path, 413)
        assert "<center>nginx" in answer.text
    for path in UPLOADS:
        answer = front.browser().post(ORIGIN + path, data=large, headers={"Content-Type": "multipart/form-data; boundary=x"})
        assert (path, answer.status_code) in {(path, 401), (path, 404)}
        assert answer.json()["code"] == answer.status_code


def test_nine_uploads_at_once_from_one_address(front: Nginx) -> None:
    def upload(address: str, path: str) -> socket.socket:
        """Its head, and nothing more."""
        plain = socket.create_connection(("127.0.0.1", front.port), timeout=10, source_address=(address, 0))
        trusted = ssl.create_default_context(cafile=front.authority)
        line = stack.enter_context(trusted.wrap_socket(plain, server_hostname=NAME))
        head = [f"POST {path} HTTP/1.1", f"Host: {NAME}", "Content-Type: multipart/form-data; boundary=x"]
        line.sendall("\r\n".join([*head, "Content-Length: 9000000", "Expect: 100-continue", "", ""]).encode())
        return line

    with ExitStack() as stack:
        for number in range(8):
            assert upload("127.0.0.4", UPLOADS[number % 2]).recv(64).startswith(b"HTTP/1.1 100 ")
        assert upload("127.0.0.4", UPLOADS[0]).recv(64).startswith(b"HTTP/1.1 429 ")
        assert upload("127.0.0.5", UPLOADS[0]).recv(64).startswith(b"HTTP/1.1 100 ")


def test_a_chunked_body_is_given_a_length(front: Nginx) -> None:
    pieces = iter([b'{"username_or_email": "nobody2",', b' "password": "not the password"}'])
    answer = front.browser().post(f"{ORIGIN}/api/auth/login", data=pieces, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (200, 401)


def test_nginx_lets_go_of_a_kept_connection_before_the_server_does() -> None:
    """A request that goes out while the server closes the connection would be a 502."""
    kept = re.search(r"keepalive_timeout (\d+)s;", shipped())
    assert kept
    assert int(kept[1]) * 1000 + 5000 <= HTTP1Settings().header_read_timeout


def test_nginx_finds_nothing_wrong_with_it(front: Nginx) -> None:
    told = front.log.splitlines()
    refused = ('limiting connections by zone "sage_uploads"', "client intended to send too large body")
    assert [line for line in told if not any(words in line for words in refused)] == []


def line_with(text: str, read: Callable[[], str]) -> dict[str, Any]:
    """The one line of a log that has it, as soon as it is there."""
    until = time.monotonic() + 20
    while not (found := [line for line in read().splitlines() if text in line]):
        assert time.monotonic() < until, read()[-2000:]
        time.sleep(0.02)
    (line,) = found
    told: dict[str, Any] = json.loads(line)
    return told


def test_a_request_is_followed_from_nginx_s_log_to_the_platform_s(platform: Platform, front: Nginx) -> None:
    """By an id of nginx's, or by the client's own where it has the form of one. Neither log has what opens something."""
    capability = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
    path = f"/prod-api/files/{capability}/a.pdf"
    for given, is_kept in (("of-the-client.1", True), ("short", False), ("with blanks in it", False), ("", False)):
        answer = front.browser().get(f"{ORIGIN}{path}?token={capability}", headers={"X-Request-ID": given} if given else {})
        request_id = answer.headers["X-Request-ID"]
        assert (request_id == given) is is_kept

        def nginx_log() -> str:
            return (front.folder / "sage.log").read_text()

        outside, inside = line_with(request_id, nginx_log), platform.lines_with(request_id)[0]
        assert {name: outside[name] for name in ("request_id", "client", "method", "path", "status")} == {
            "request_id": request_id,
            "client": "127.0.0.1",
            "method": "GET",
            "path": "/prod-api/files/…",
            "status": 404,
        }
        # Each is rounded by itself.
        assert float(outside["upstream_seconds"]) <= outside["seconds"] + 0.002
        assert (inside["request_id"], inside["client"], inside["status"]) == (request_id, "127.0.0.1", 404)
        assert capability not in nginx_log() + platform.log

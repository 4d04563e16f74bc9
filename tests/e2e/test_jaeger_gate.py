"""Jaeger behind the gate: Debian's nginx with deploy/nginx/sage.conf, a platform with production's settings, and a stand-in."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from tests.e2e.jaeger import PAGE, SCRIPT, Jaeger, jaeger
from tests.e2e.nginx import NAME, ORIGIN, Nginx, nginx, production
from tests.e2e.served import Platform, served

pytestmark = [pytest.mark.served, pytest.mark.nginx, pytest.mark.xdist_group(__name__)]

ASKED = "/jaeger/s?a=1&limit=20"
LOGIN = "/sage/login?next=%2Fjaeger%2Fs%3Fa%3D1%26limit%3D20&local_only=1"
HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
ALICE = "a bird in the hand"


@dataclass
class Site:
    platform: Platform
    front: Nginx
    jaeger: Jaeger
    admin: requests.Session
    alice: requests.Session

    def send(self, method: str, path: str, who: requests.Session | None = None, **options: object) -> requests.Response:
        self.jaeger.asked.clear()
        browser = who or self.front.browser()
        return browser.request(method, ORIGIN + path, allow_redirects=False, timeout=20, **options)  # type: ignore[arg-type]


def signed_in(front: Nginx, name: str, password: str) -> requests.Session:
    browser = front.browser()
    answer = browser.post(f"{ORIGIN}/api/auth/login", json={"username_or_email": name, "password": password})
    assert answer.json()["code"] == 200, answer.text
    return browser


@contextmanager
def behind_the_gate(**settings: str) -> Iterator[tuple[Platform, Nginx, Jaeger]]:
    with ExitStack() as running:
        pages = running.enter_context(jaeger())
        platform = running.enter_context(served(workers=1, **production(), **settings))
        front = running.enter_context(nginx(platform.port, {"127.0.0.1:16686": f"127.0.0.1:{pages.server_port}"}))
        yield platform, front, pages


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with behind_the_gate() as (platform, front, pages):
        admin = signed_in(front, "admin", platform.admin_password)
        answer = admin.post(f"{ORIGIN}/api/user/add", json={"username": "alice", "password": ALICE})
        assert answer.json()["code"] == 200, answer.text
        yield Site(platform, front, pages, admin, signed_in(front, "alice", ALICE))


def test_who_is_signed_out_signs_in_and_comes_back_to_the_very_address(site: Site) -> None:
    answer = site.send("GET", ASKED, headers=HTML)
    assert (answer.status_code, answer.headers["Location"]) == (302, LOGIN)
    assert site.jaeger.asked == []
    browser = site.front.browser()
    page = browser.get(ORIGIN + ASKED, headers=HTML)
    assert page.url == ORIGIN + LOGIN
    form = dict(re.findall(r'name="(csrfmiddlewaretoken|next)" value="([^"]+)"', page.text))
    form["next"] = form["next"].replace("&amp;", "&")
    person = {"username": "admin", "password": site.platform.admin_password}
    there = browser.post(page.url, data=form | person, headers={"Origin": ORIGIN, "Referer": page.url})
    assert (there.status_code, there.url, there.text) == (200, ORIGIN + ASKED, PAGE)
    assert [asked.target for asked in site.jaeger.asked] == [ASKED]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_nothing_of_jaeger_reaches_who_is_signed_out(method: str, site: Site) -> None:
    for path in (ASKED, "/jaeger/", "/jaeger/static/ui.js", "/jaeger/api/traces", "/x/../jaeger/s", "//jaeger/s", "/%6aaeger/s"):
        answer = site.send(method, path)
        assert (path, answer.status_code) == (path, 302)
        assert answer.headers["Location"].startswith("/sage/login?next=")
        assert site.jaeger.asked == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_a_user_reads_why_not(method: str, site: Site) -> None:
    page = site.send(method, ASKED, site.alice, headers=HTML)
    assert (page.status_code, page.headers["Content-Type"]) == (403, "text/html; charset=utf-8")
    if method != "HEAD":
        assert "If you should have access, ask an administrator." in page.text
    program = site.send(method, "/jaeger/api/traces", site.alice)
    assert (program.status_code, program.headers["Content-Type"]) == (403, "application/json")
    assert site.jaeger.asked == []


def test_an_administrator_sees_the_pages_and_what_they_load(site: Site) -> None:
    assert site.send("GET", ASKED, site.admin).text == PAGE
    assert site.send("GET", "/jaeger/static/ui.js", site.admin).text == SCRIPT
    assert site.send("GET", "/jaeger/api/traces?limit=20&tags=%7B%7D", site.admin).json() == {
        "data": ["/jaeger/api/traces?limit=20&tags=%7B%7D"]
    }
    head = site.send("HEAD", ASKED, site.admin)
    assert (head.status_code, head.content) == (200, b"")
    posted = site.send("POST", "/jaeger/api/archive/1", site.admin, data=b"x" * 100_000)
    assert posted.status_code == 200
    assert [(asked.method, len(asked.body)) for asked in site.jaeger.asked] == [("POST", 100_000)]
    moved = site.send("GET", "/jaeger", site.admin)
    # With the port on which nginx listens here.
    assert (moved.status_code, moved.headers["Location"]) == (301, f"{ORIGIN}:{site.front.port}/jaeger/")
    led = site.send("POST", "/api/observability/jaeger/s?a=1&limit=20", site.admin)
    assert (led.status_code, led.headers["Location"]) == (307, ASKED)


FORGED = {
    "X-Sage-UserId": "forged",
    "X-Sage-Username": "forged",
    "X-Sage-Role": "forged",
    "X_Sage_UserId": "forged",
    "X-Sage-Internal-UserId": "forged",
    "X-Sage-Internal-Secret": "forged",
    "X-Forwarded-For": "198.51.100.7",
    "X-Forwarded-Proto": "forged",
    "X-Original-URI": "/forged",
    "X-Original-Method": "FORGED",
    "X-Login-Url": "/forged",
}


def test_nobody_forges_who_they_are(site: Site) -> None:
    assert site.send("GET", ASKED, site.admin, headers={**FORGED, "Authorization": "Bearer not-one"}).status_code == 200
    (asked,) = site.jaeger.asked
    me = site.admin.get(f"{ORIGIN}/api/auth/session").json()["data"]["user"]
    assert (asked.headers["x-sage-userid"], asked.headers["x-sage-username"]) == (me["userid"], "admin")
    assert asked.headers["x-sage-role"] == "admin"
    assert (asked.headers["host"], asked.headers["x-forwarded-for"]) == (NAME, "127.0.0.1")
    assert asked.headers["x-forwarded-proto"] == "https"
    assert not {"cookie", "authorization", "x_sage_userid"} & set(asked.headers)
    assert not [name for name in asked.headers if "internal" in name]
    answer = site.send("GET", ASKED, headers=FORGED)
    assert (answer.status_code, answer.headers["Location"], site.jaeger.asked) == (302, LOGIN, [])
    assert site.send("GET", ASKED, site.alice, headers=FORGED).status_code == 403
    for path in ("/jaeger-gate/auth", "/jaeger-gate/login"):
        assert site.send("GET", path, site.admin).status_code == 404, "for nginx alone"


def test_another_sites_page_makes_an_administrators_browser_do_nothing(site: Site) -> None:
    other = {"Origin": "https://evil.sage.example", "Sec-Fetch-Site": "same-site"}
    refused = site.send("POST", "/jaeger/api/archive/1", site.admin, headers=other, data=b"x")
    assert (refused.status_code, refused.headers["Location"]) == (302, "/jaeger/api/archive/1")
    assert site.jaeger.asked == []
    assert site.send("GET", ASKED, site.admin, headers=other).status_code == 200, "a link"


def test_a_token_is_a_key_and_a_sign_out_counts_at_once(site: Site) -> None:
    person = {"username_or_email": "admin", "password": site.platform.admin_password}
    token = site.send("POST", "/api/auth/login", json=person).json()["data"]["access_token"]
    by_token = {"Authorization": f"Bearer {token}"}
    assert site.send("GET", ASKED, headers=by_token).text == PAGE
    assert "authorization" not in site.jaeger.asked[0].headers
    assert site.send("POST", "/api/auth/logout", headers=by_token, json={}).status_code == 200
    assert site.send("GET", ASKED, headers=by_token).status_code == 302
    assert site.jaeger.asked == []


def test_an_address_as_long_as_a_redirect_takes(site: Site) -> None:
    longest = "/jaeger/s?q=" + "%22" * 1361
    answer = site.send("GET", longest)
    assert (answer.status_code, answer.headers["Location"].count("%252")) == (302, 1361)
    browser = site.front.browser()
    page = browser.get(ORIGIN + longest)
    assert page.status_code == 200
    form = dict(re.findall(r'name="(csrfmiddlewaretoken|next)" value="([^"]+)"', page.text))
    person = {"username": "admin", "password": site.platform.admin_password}
    there = browser.post(page.url, data=form | person, headers={"Origin": ORIGIN, "Referer": page.url})
    assert (there.status_code, there.url) == (200, ORIGIN + longest)


def test_nginx_finds_nothing_wrong_with_any_of_it(site: Site) -> None:
    # As the user that it runs as: root's would take the folders from it.
    command, user = [*site.front.command(), "-t", "-q"], site.front.user
    judged = subprocess.run(command, user=user, capture_output=True, text=True, timeout=20, check=False)
    assert (judged.returncode, judged.stderr) == (0, "")
    assert site.front.log == ""


def test_in_oauth_mode_a_page_says_that_nobody_signs_in_here() -> None:
    with behind_the_gate(SAGE_AUTH_MODE="oauth") as (platform, front, pages):
        page = front.browser().get(ORIGIN + ASKED, headers=HTML)
        assert (page.status_code, page.url, page.headers["Retry-After"]) == (503, ORIGIN + ASKED, "60")
        assert "Password sign-in is not enabled here." in page.text
        assert 'href="/jaeger/s?a=1&amp;limit=20">Try again</a>' in page.text
        program = front.browser().get(f"{ORIGIN}/jaeger/api/traces")
        assert (program.status_code, program.json()["code"]) == (503, 503)
        assert pages.asked == []
        assert "unavailable" not in platform.log


INDEX = "<!doctype html><title>App</title>"
# What each address answers through nginx to somebody who is signed out.
EVERYTHING = [
    ("/", 302, "/sage/"),
    ("/sage/", 200, INDEX),
    ("/sage/login?next=%2Fjaeger%2F&local_only=1", 200, INDEX),
    ("/sage/agent/chat", 200, INDEX),
    ("/api/system/info", 200, '"code":200'),
    ("/prod-api/api/system/info", 200, '"code":200'),
    ("/prod-api/api/observability/jaeger/auth", 401, '"code":401'),
    ("/api/observability/jaeger/login", 302, "/sage/login?next=%2Fjaeger%2F&local_only=1"),
    ("/oauth2/metadata", 200, '"issuer"'),
    ("/.well-known/oauth-authorization-server", 200, '"issuer"'),
    ("/files", 302, "/sage/login?next=%2Ffiles"),
    ("/admin/", 302, "/admin/login/?next=/admin/"),
    ("/static/admin/css/base.css", 200, "body"),
    ("/active", 200, "Service is available."),
    ("/jaeger/", 302, "/sage/login?next=%2Fjaeger%2F&local_only=1"),
    ("/jaegers", 404, "<h1>"),
]


def test_everything_is_led_where_it_belongs_and_nobody_passes_while_the_platform_is_away(tmp_path: Path) -> None:
    """With a web application, whose login page is its own, at the same address."""
    (tmp_path / "index.html").write_text(INDEX)
    tmp_path.chmod(0o755)
    with behind_the_gate(SAGE_WEB_ROOT=str(tmp_path)) as (platform, front, pages):
        for path, status, told in EVERYTHING:
            answer = front.browser().get(ORIGIN + path, allow_redirects=False)
            assert (path, answer.status_code) == (path, status)
            assert told == answer.headers["Location"] if status == 302 else told in answer.text, path
        admin = signed_in(front, "admin", platform.admin_password)
        assert admin.get(ORIGIN + ASKED).text == PAGE
        pages.asked.clear()
        platform.stop()
        assert admin.get(ORIGIN + ASKED).status_code == 502
        assert pages.asked == []

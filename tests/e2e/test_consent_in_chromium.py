"""Signing in to another product with Sage, as a person meets it: from the product over our pages and back, in Chromium.

With SCREENSHOTS_DIR set each test leaves pictures there.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pytest
import requests
from playwright.sync_api import Browser, ViewportSize, expect

from tests.e2e.chromium import DESKTOP, PHONE, SMALLEST, Visit, window
from tests.e2e.served import Platform, served
from tests.oauth2_clients import CHALLENGE, SECRET, VERIFIER

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("chromium")]

PASSWORD = "a bird in the hand"
# What would be cut short or changed if it were escaped once too often or too rarely on its way.
STATE = "a&next=/b?c#d%26+é\\ 1"
LONG = "A-product-with-a-name-that-nobody-would-break-into-words"
CHINESE = {"en-US": False, "zh-CN": True}


@dataclass
class Product:
    """A client: its own pages, and the requests for its callback that browsers made."""

    port: int = 0
    pages: dict[str, str] = field(default_factory=dict)
    callbacks: list[str] = field(default_factory=list)

    @property
    def callback(self) -> str:
        return f"http://127.0.0.1:{self.port}/callback"

    def request_of(self, client_id: str, **changes: str) -> dict[str, str]:
        asked = {
            "response_type": "code",
            "client_id": client_id,
            "redirect_uri": self.callback,
            "scope": "openid profile email",
            "state": STATE,
            "nonce": "a nonce",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }
        return asked | changes

    def authorize(self, client_id: str, **changes: str) -> str:
        return f"/oauth2/authorize?{urlencode(self.request_of(client_id, **changes))}"

    def answer(self, one: Visit) -> dict[str, str]:
        """What the browser has brought back; waits until it is there."""
        expect(one.page.get_by_text("Back at the product.")).to_be_visible()
        assert one.page.url.startswith(f"{self.callback}?")
        assert self.callbacks[-1] == one.page.url.removeprefix(f"http://127.0.0.1:{self.port}")
        pairs = parse_qsl(urlsplit(one.page.url).query, keep_blank_values=True, strict_parsing=True)
        assert len(pairs) == len(dict(pairs))
        return dict(pairs)


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    made = Product()

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            made.callbacks.extend([self.path] if path == "/callback" else [])
            text = "<p>Back at the product.</p>" if path == "/callback" else made.pages.get(path, "")
            body = f'<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">{text}'.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        made.port = server.server_port
        Thread(target=server.serve_forever, daemon=True).start()
        yield made
        server.shutdown()


@pytest.fixture(scope="module")
def site(product: Product) -> Iterator[Platform]:
    """With a client for each test that leaves something behind, so that they may run in any order."""

    def declared(client_id: str, **changes: Any) -> dict[str, Any]:
        named = {"client_id": client_id, "name": "Lage", "description": "Shows the situation on one page."}
        grants = {"client_secret": SECRET, "grant_types": ["authorization_code", "refresh_token"]}
        # RFC 8252 §7.3: on loopback the port may be another each time.
        return named | grants | {"redirect_uris": ["http://127.0.0.1/callback"]} | changes

    scope = "openid profile email usage:write"
    clients = [
        *[declared(name) for name in ("lage", "refused", "remembered", "posted", "framed")],
        declared("long", name=LONG * 3, description=LONG * 5, scope=scope),
    ]
    with served(SAGE_OAUTH2_CLIENTS=json.dumps(clients)) as platform:
        admin = platform.admin()
        for name in ("alice", "bob"):
            admin.post("/api/user/add", {"username": name, "password": PASSWORD, "email": f"{name}@sage.example"})
        yield platform


Visitor = Callable[..., Any]


@pytest.fixture
def visit(site: Platform, product: Product, chromium: Browser) -> Iterator[Visitor]:
    """A window; at the end of the test its console must have been silent and nobody but the two of us asked."""
    visits: list[Visit] = []

    @contextmanager
    def opened(**given: Any) -> Iterator[Visit]:
        with window(chromium, site.base, **given) as one:
            visits.append(one)
            yield one

    yield opened
    for one in visits:
        assert one.troubles == []
        assert one.hosts <= {"data:", urlsplit(site.base).netloc, f"127.0.0.1:{product.port}", f"localhost:{product.port}"}


def sign_in(one: Visit, name: str) -> None:
    one.open("/sage/login")
    one.sign_in(name, PASSWORD)
    expect(one.page.get_by_role("heading", name=name)).to_be_visible()


def exchange(site: Platform, product: Product, client_id: str, code: str) -> dict[str, Any]:
    fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": product.callback, "code_verifier": VERIFIER}
    response = requests.post(f"{site.base}/oauth2/token", fields, auth=(client_id, SECRET), timeout=20)
    assert response.status_code == 200, response.text
    return dict(response.json())


def userinfo(site: Platform, token: str) -> requests.Response:
    return requests.get(f"{site.base}/oauth2/userinfo", headers={"Authorization": f"Bearer {token}"}, timeout=20)


@pytest.mark.parametrize("locale", CHINESE)
@pytest.mark.parametrize(("device", "viewport"), [("phone", PHONE), ("desktop", DESKTOP)])
def test_from_the_product_over_our_login_page_and_back(  # noqa: PLR0917  pytest passes them by name.
    visit: Visitor, site: Platform, product: Product, device: str, viewport: ViewportSize, locale: str
) -> None:
    """Without scripts, so that none of our pages needs one. The prompt asks again, though the client is known by then."""
    path = product.authorize("lage", prompt="consent")
    with visit(viewport=viewport, locale=locale, java_script_enabled=False) as one:
        one.open(path)
        assert one.page.url == f"{site.base}/sage/login?next={quote(path, safe='')}"
        one.picture(f"consent-login-{device}-{locale}")
        one.sign_in("alice", PASSWORD)
        expect(
            one.page.get_by_role("heading", name="允许 Lage" if CHINESE[locale] else "Allow Lage to use your account?")
        ).to_be_visible()
        assert one.page.url == site.base + path
        for scope in (
            ["识别您的身份", "查看您的名称和头像", "查看您的邮箱地址"]
            if CHINESE[locale]
            else ["Know who you are", "See your name and picture", "See your email address"]
        ):
            expect(one.page.get_by_role("listitem").filter(has_text=scope)).to_be_visible()
        expect(one.page.get_by_text("127.0.0.1", exact=True)).to_be_visible()
        assert one.fits()
        one.picture(f"consent-{device}-{locale}")
        one.page.locator("button[value=allow]").click()
        answer = product.answer(one)
    assert {name: value for name, value in answer.items() if name != "code"} == {"state": STATE, "iss": f"{site.base}/oauth2"}
    tokens = exchange(site, product, "lage", answer["code"])
    person = userinfo(site, tokens["access_token"]).json()
    assert (person["preferred_username"], person["email"]) == ("alice", "alice@sage.example")


def test_refused_and_asked_again(visit: Visitor, site: Platform, product: Product) -> None:
    with visit() as one:
        sign_in(one, "alice")
        for _time in range(2):  # A refusal is not remembered.
            one.open(product.authorize("refused"))
            one.page.get_by_role("button", name="Refuse").click()
            assert product.answer(one) == {"error": "access_denied", "state": STATE, "iss": f"{site.base}/oauth2"}
        one.open("/oauth2/consents")
        expect(one.page.get_by_role("heading", name="Connected applications")).to_be_visible()
        expect(one.page.get_by_role("heading", name="refused")).to_have_count(0)


@pytest.mark.parametrize("locale", CHINESE)
def test_remembered_then_withdrawn_and_asked_again(visit: Visitor, site: Platform, product: Product, locale: str) -> None:
    """By bob alone, and at the end as it was before."""
    with visit(locale=locale, viewport=PHONE) as one:
        sign_in(one, "bob")
        one.open("/oauth2/consents")
        one.picture(f"consents-none-{locale}")
        one.open(product.authorize("remembered", scope="openid profile"))
        one.page.locator("button[value=allow]").click()
        token = exchange(site, product, "remembered", product.answer(one)["code"])["access_token"]
        one.open(product.authorize("remembered", scope="profile openid", state="the second time"))
        assert product.answer(one)["state"] == "the second time"
        one.open(product.authorize("remembered"))  # Its third scope was not allowed before.
        expect(one.page.locator("button[value=allow]")).to_be_visible()
        one.open("/sage/")
        one.page.locator('main a[href="/oauth2/consents"]').click()
        expect(one.page.get_by_role("heading", name="Lage")).to_be_visible()
        assert one.path == "/oauth2/consents"
        assert one.fits()
        one.picture(f"consents-{locale}")
        assert userinfo(site, token).status_code == 200
        one.page.get_by_role("button", name="撤回" if CHINESE[locale] else "Withdraw").click()
        expect(one.page.get_by_role("status")).to_be_visible()
        expect(one.page.get_by_role("heading", name="Lage")).to_have_count(0)
        one.picture(f"consents-withdrawn-{locale}")
        assert userinfo(site, token).status_code == 401
        before = len(product.callbacks)
        one.open(product.authorize("remembered", scope="openid"))
        expect(one.page.locator("button[value=allow]")).to_be_visible()
        assert len(product.callbacks) == before


def test_from_another_site_by_a_link_and_by_a_form(visit: Visitor, site: Platform, product: Product) -> None:
    """SameSite=Lax: the cookie comes with a link, and with a form's POST only because that is turned into a GET."""
    asked = product.request_of("posted")
    fields = "".join(f'<input type="hidden" name="{name}" value="{escape(value)}">' for name, value in asked.items())
    product.pages["/start"] = (
        f'<a href="{escape(site.base + product.authorize("posted"))}">By a link</a>'
        f'<form method="post" action="{site.base}/oauth2/authorize">{fields}<button>By a form</button></form>'
    )
    elsewhere = f"http://localhost:{product.port}/start"
    with visit() as one:
        sign_in(one, "alice")
        one.page.goto(elsewhere)
        one.page.get_by_role("link", name="By a link").click()
        one.page.get_by_role("button", name="Allow").click()
        assert product.answer(one)["state"] == STATE
        one.page.goto(elsewhere)
        one.page.get_by_role("button", name="By a form").click()
        answer = product.answer(one)
    assert answer["state"] == STATE
    assert exchange(site, product, "posted", answer["code"])["scope"] == "openid profile email"


@pytest.mark.parametrize("path", ["authorize", "/oauth2/consents", "/sage/login"])
def test_no_page_can_be_put_in_a_frame(visit: Visitor, site: Platform, product: Product, path: str) -> None:
    """RFC 6749 §10.13: else another site could lay itself over our button."""
    address = site.base + (product.authorize("framed") if path == "authorize" else path)
    product.pages["/frame"] = f'<p>Look here.</p><iframe src="{escape(address)}"></iframe>'
    with visit() as one:
        sign_in(one, "alice")
        one.page.goto(f"http://127.0.0.1:{product.port}/frame")
        expect(one.page.get_by_text("Look here.")).to_be_visible()
        assert [frame.url for frame in one.page.frames[1:]] == ["chrome-error://chromewebdata/"]
        assert any("frame" in line for line in one.troubles)
        one.troubles.clear()  # It is what we wanted to hear.
        one.open(path if path != "authorize" else product.authorize("framed"))
        policy = one.page.request.get(one.page.url).headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src" not in policy
        assert one.page.locator("script, [onclick], [onsubmit]").count() == 0


@pytest.mark.parametrize(("device", "viewport"), [("phone", PHONE), ("small", SMALLEST), ("desktop", DESKTOP)])
def test_long_names_in_the_dark(visit: Visitor, product: Product, device: str, viewport: ViewportSize) -> None:
    with visit(viewport=viewport, color_scheme="dark") as one:
        sign_in(one, "alice")
        one.open(product.authorize("long", scope="openid profile email usage:write", prompt="consent"))
        expect(one.page.get_by_text("Report usage")).to_be_visible()
        assert one.fits()
        one.picture(f"consent-long-dark-{device}")
        one.page.get_by_role("button", name="Allow").click()
        assert product.answer(one)["state"] == STATE
        one.open("/oauth2/consents")
        expect(one.page.get_by_role("heading", name=LONG)).to_be_visible()
        assert one.fits()
        one.picture(f"consents-long-dark-{device}")


@pytest.mark.parametrize("locale", CHINESE)
def test_signing_in_again_where_the_product_wants_it(visit: Visitor, product: Product, locale: str) -> None:
    with visit(viewport=PHONE, locale=locale) as one:
        sign_in(one, "alice")
        one.open(product.authorize("lage", prompt="login consent"))
        expect(one.page.locator("#id_password")).to_be_visible()
        if not CHINESE[locale]:
            expect(one.page.get_by_text("Lage asks you to sign in once more.")).to_be_visible()
        one.picture(f"consent-again-{locale}")
        one.sign_in("bob", PASSWORD)  # Another person may, too.
        expect(one.page.get_by_text("bob", exact=True).first).to_be_visible()
        one.page.locator("button[value=deny]").click()
        assert product.answer(one)["error"] == "access_denied"


@pytest.mark.parametrize("locale", CHINESE)
def test_a_client_that_nobody_knows(visit: Visitor, product: Product, locale: str) -> None:
    before = len(product.callbacks)
    with visit(viewport=PHONE, locale=locale) as one:
        one.open(product.authorize("nobody"))
        heading = "无法连接" if CHINESE[locale] else "You cannot be connected"
        expect(one.page.get_by_role("heading", name=heading)).to_be_visible()
        assert one.fits()
        one.picture(f"consent-error-{locale}")
        one.troubles.clear()  # Chromium reports the 400 that was asked for.
    assert len(product.callbacks) == before

"""GET /api/observability/jaeger/login: to the login page, and on to where the person wanted to go."""

from urllib.parse import parse_qs, quote, urljoin, urlsplit

import pytest
from django.utils.html import escape
from pytest_django import Settings

from sage_platform.accounts.models import User
from tests import visitor
from tests.answers import assert_forbidden
from tests.people import Caller, Response, envelope
from tests.rows import rows
from tests.visitor import REFUSED_TARGETS, Visitor, hidden_next, text_of

LOGIN = "/api/observability/jaeger/login"
ASKED = "/jaeger/s?a=1&limit=20"
ENCODED = "%2Fjaeger%2Fs%3Fa%3D1%26limit%3D20"
# As browsers ask for a page.
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


def led(response: Response) -> tuple[int, str]:
    assert response.content == b""
    assert response.headers["Cache-Control"] == "no-store"
    assert not response.cookies
    return response.status_code, response.headers["Location"]


# By the query: encoded whole, and as nginx writes an address; by the proxy's header.
WAYS = [(f"?next={ENCODED}", ""), (f"?next={ASKED}", ""), (f"?local_only=1&next={ASKED}", ""), ("", ASKED)]


@pytest.mark.parametrize(("query", "header"), WAYS)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_whole_address_is_kept(query: str, header: str, method: str, as_admin: Caller) -> None:
    asked = {"X_Original_URI": header} if header else {}
    signed_out = Caller().send(method, f"{LOGIN}{query}", b"", **asked)
    assert led(signed_out) == (302, f"/sage/login?next={ENCODED}&local_only=1")
    assert led(as_admin.send(method, f"{LOGIN}{query}", b"", **asked)) == (302, ASKED)


def test_the_round_trip(admin: User) -> None:
    guest = Visitor()
    sent = guest.open(LOGIN, X_Original_URI=ASKED, Accept=BROWSER)
    page = guest.open(sent.headers["Location"])
    assert hidden_next(page) == ASKED
    back = guest.submit(sent.headers["Location"], username="admin", password="correct horse battery", next=hidden_next(page))
    assert back.headers["Location"] == ASKED


def test_by_default_to_jaeger(as_admin: Caller, anyone: Caller) -> None:
    assert led(as_admin.get(LOGIN)) == (302, "/jaeger/")
    assert led(anyone.get(LOGIN)) == (302, "/sage/login?next=%2Fjaeger%2F&local_only=1")


@pytest.mark.parametrize("target", REFUSED_TARGETS)
def test_never_off_this_origin(target: str, as_admin: Caller, anyone: Caller) -> None:
    for address in (f"{LOGIN}?next={quote(target, safe='')}", f"{LOGIN}?next={quote(target, safe='/')}?"):
        for response in (as_admin.get(address), anyone.get(address)):
            place = urlsplit(urljoin("https://sage.example/api/x", led(response)[1]))
            assert place.netloc == "sage.example"
        (following,) = parse_qs(urlsplit(anyone.get(address).headers["Location"]).query)["next"]
        assert following in {"/", "/jaeger/"} or "%" in following, "what stands encoded in a path stays encoded"


def test_a_page_of_the_web_application_gets_the_base_path(as_admin: Caller) -> None:
    assert led(as_admin.get(f"{LOGIN}?next=%2Fagent%2Fchat%3Fa")) == (302, "/sage/agent/chat?a")


GATE = [
    LOGIN,
    "/api/observability/jaeger",
    "/api/observability/jaeger/",
    "/api/observability/jaeger/auth",
    "/api/observability/jaeger/search",
    f"{LOGIN}?next={LOGIN}",
    f"{LOGIN}#x",
    "/prod-api" + LOGIN,
    "/prod-api/prod-api" + LOGIN,
    "/api//observability/jaeger/login",
    "/api/./observability/jaeger/login",
    "/api/x/../observability/jaeger/login",
    "/x/../api/observability/jaeger/login",
    "/api/%2e%2E/api/observability/jaeger/login",
    "/%61pi/observability/jaeger/login",
    "/api%2Fobservability/jaeger/login",
    "/api/observability/jaeger/%256cogin",
    "/api/observability%5Cjaeger/login",
    "/API/Observability/JAEGER/login",
    "/" + "%25" * 3 + "25" * 20 + "61pi",
]


@pytest.mark.parametrize("target", GATE)
def test_never_to_the_gate_again(target: str, as_admin: Caller, anyone: Caller) -> None:
    for given, header in ((f"?next={quote(target, safe='')}", ""), ("", target)):
        asked = {"X_Original_URI": header} if header else {}
        assert led(as_admin.get(f"{LOGIN}{given}", **asked)) == (302, "/jaeger/")
        assert led(anyone.get(f"{LOGIN}{given}", **asked)) == (302, "/sage/login?next=%2Fjaeger%2F&local_only=1")


def test_an_address_that_only_looks_like_the_gate_is_followed(as_admin: Caller) -> None:
    for target in ("/api/observability/jaegers", "/api/observability", "/jaeger/api/observability/jaeger/login"):
        assert led(as_admin.get(LOGIN, {"next": target})) == (302, target)


def test_an_address_that_is_too_long_for_a_redirect(as_admin: Caller, anyone: Caller) -> None:
    longest = "/jaeger/s?" + "&" * (4096 - 10)
    assert led(as_admin.get(LOGIN, {"next": longest})) == (302, longest)
    assert led(anyone.get(LOGIN, {"next": longest})) == (302, f"/sage/login?next={quote(longest, safe='')}&local_only=1")
    assert led(as_admin.get(LOGIN, {"next": longest + "&"})) == (302, "/jaeger/")


def test_a_user_is_refused_by_a_page_or_in_the_envelope(as_alice: Caller) -> None:
    before = rows()
    guest = visitor.of(as_alice)
    page = guest.open(LOGIN, Accept=BROWSER, X_Original_URI=ASKED)
    assert (page.status_code, page.headers["Content-Type"]) == (403, "text/html; charset=utf-8")
    assert "Permission denied If you should have access, ask an administrator." in text_of(page)
    assert '<a class="button plain" href="/sage/">' in page.content.decode()
    assert "权限不足" in text_of(guest.open(LOGIN, Accept=BROWSER, Accept_Language="zh-CN"))
    for accept in ("application/json", "*/*", ""):
        assert_forbidden(as_alice.get(LOGIN, Accept=accept))
    head = as_alice.send("HEAD", LOGIN, b"", Accept=BROWSER)
    assert (head.status_code, head.content) == (403, b"")
    assert rows() == before


def test_the_page_is_in_the_language_of_the_other_pages(as_alice: Caller, settings: Settings) -> None:
    """The choice of the language switch is a cookie, which the API's own answers do not look at."""
    guest = visitor.of(as_alice)
    guest.open("/sage/?lang=zh-CN")
    page = guest.open(LOGIN, Accept=BROWSER, Accept_Language="en")
    assert (page.headers["Content-Language"], "权限不足" in text_of(page)) == ("zh-CN", True)
    assert {"Cookie", "Accept", "Accept-Language"} <= set(page.headers["Vary"].split(", "))
    program = as_alice.get(LOGIN, Accept="application/json", Accept_Language="en")
    assert (program.headers["Content-Language"], envelope(program)["message"]) == ("en", "Permission denied")
    settings.SAGE_AUTH_MODE = "oauth"
    signed_out = Visitor()
    signed_out.open("/sage/login?lang=zh-CN")
    page = signed_out.open(LOGIN, Accept=BROWSER, Accept_Language="en")
    assert "请先通过您所在组织的登录服务登录，然后重试。" in text_of(page)


def test_in_oauth_mode_nobody_signs_in_here(anyone: Caller, as_alice: Caller, as_admin: Caller, settings: Settings) -> None:
    settings.SAGE_AUTH_MODE = "oauth"
    response = anyone.get(f"{LOGIN}?next={ENCODED}")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "60")
    assert envelope(response) == {"code": 503, "message": "Password sign-in is not enabled here.", "data": None}
    page = Visitor().open(f"{LOGIN}?next={ENCODED}", Accept=BROWSER)
    assert page.status_code == 503
    told = "Password sign-in is not enabled here. Sign in at your organization's sign-in service first, then try again."
    assert told in text_of(page)
    assert f'<a class="button" href="{LOGIN}?next={ENCODED}">Try again</a>' in page.content.decode()
    behind = Visitor().open(LOGIN, Accept=BROWSER, X_Original_URI=ASKED)
    assert f'<a class="button" href="{escape(ASKED)}">Try again</a>' in behind.content.decode()
    assert as_alice.get(LOGIN).status_code == 403
    assert led(as_admin.get(LOGIN, {"next": ASKED})) == (302, ASKED)


def test_try_again_leads_nowhere_else(settings: Settings, db: None) -> None:
    settings.SAGE_AUTH_MODE = "oauth"
    for address in ("//evil.example", "https://evil.example/", "/\\evil.example"):
        page = Visitor().open(LOGIN, Accept=BROWSER, X_Original_URI=address).content.decode()
        assert f'<a class="button" href="{LOGIN}">Try again</a>' in page
        assert "evil" not in page


def test_with_a_path_of_ones_own(as_admin: Caller, settings: Settings) -> None:
    """It is no page of the web application, though it is none of the platform's either."""
    settings.SAGE_TRACE_JAEGER_PUBLIC_URL = "/tracing/ui"
    assert led(as_admin.get(LOGIN)) == (302, "/tracing/ui/")
    assert led(as_admin.get(LOGIN, {"next": "/tracing/ui/s?a&b"})) == (302, "/tracing/ui/s?a&b")
    assert led(as_admin.get(LOGIN, {"next": "/tracing/uis"})) == (302, "/sage/tracing/uis")


def test_with_another_origin_the_login_page_leads_back_through_the_gate(
    as_admin: Caller, anyone: Caller, settings: Settings
) -> None:
    settings.SAGE_TRACE_JAEGER_PUBLIC_URL = "https://jaeger.example/ui"
    assert led(as_admin.get(LOGIN)) == (302, "https://jaeger.example/ui/")
    assert led(anyone.get(LOGIN)) == (302, "/sage/login?next=%2Fapi%2Fobservability%2Fjaeger%2F&local_only=1")
    back = visitor.of(as_admin).open("/sage/login?next=%2Fapi%2Fobservability%2Fjaeger%2F")
    assert back.headers["Location"] == "/api/observability/jaeger/"
    assert led(as_admin.get("/api/observability/jaeger/")) == (307, "https://jaeger.example/ui/")

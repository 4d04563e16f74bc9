"""Any method on /api/observability/jaeger and below: on to Jaeger's own address, for administrators; and who they may be."""

from ipaddress import ip_network

import pytest
from pytest_django import Settings

from sage_platform.accounts.models import User
from tests.answers import assert_forbidden, refused
from tests.conftest import make_user
from tests.oauth2.test_bearer_on_the_api import token_for
from tests.people import Caller, envelope, signed_in
from tests.rows import rows

GATE = "/api/observability/jaeger"
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PURGE", "REPORT"]
ADDRESSES = [
    ("", "/"),
    ("/", "/"),
    ("/search", "/search"),
    ("/search?service=a%20b&limit=20&tags=%7B%22x%22%7D", "/search?service=a%20b&limit=20&tags=%7B%22x%22%7D"),
    ("?a=1&b=2", "/?a=1&b=2"),
    ("/trace/%E6%9D%8E/x%20y;z=1", "/trace/%E6%9D%8E/x%20y;z=1"),
    ("/api/traces/", "/api/traces/"),
    ("//evil.example/x", "/evil.example/x"),
    ("////evil.example", "/evil.example"),
    ("/%2F%2Fevil.example", "/evil.example"),
    ("/%5C%5Cevil.example", "/%5C%5Cevil.example"),
    ("/%5Cevil.example", "/%5Cevil.example"),
    ("/@evil.example", "/@evil.example"),
    ("/https://evil.example", "/https://evil.example"),
    ("/%252F%252Fevil.example", "/%252F%252Fevil.example"),
    ("/%09/evil.example", "/%09/evil.example"),
    ("/x%00", "/x%00"),
    ("/x%3Fnext=%23y", "/x%3Fnext=%23y"),
    ("/a..b/...", "/a..b/..."),
]


@pytest.mark.parametrize("public", ["/jaeger", "https://jaeger.example", "https://jaeger.example:8443/ui"])
@pytest.mark.parametrize(("asked", "address"), ADDRESSES)
def test_an_administrator_is_led_to_jaeger(asked: str, address: str, public: str, as_admin: Caller, settings: Settings) -> None:
    settings.SAGE_TRACE_JAEGER_PUBLIC_URL = public
    response = as_admin.send("GET", GATE + asked, b"")
    assert (response.status_code, response.content) == (307, b"")
    assert response.headers["Location"] == public + address
    assert response.headers["Cache-Control"] == "no-store"
    assert not response.cookies


# With a line break there is no such address.
CLIMBING = [
    "/..",
    "/../admin",
    "/a/../../b",
    "/%2e%2e/admin",
    "/a/%2E%2E",
    "/./x",
    "/a/.",
    "/..%5Cx",
    "/a%5C..",
    "/a%0D%0AX:%20b",
]


@pytest.mark.parametrize("path", CLIMBING)
@pytest.mark.parametrize("who", ["as_admin", "anyone"])
def test_nobody_climbs_out_of_jaeger(path: str, who: str, request: pytest.FixtureRequest) -> None:
    caller: Caller = request.getfixturevalue(who)
    response = caller.send("GET", GATE + path, b"")
    assert (response.status_code, envelope(response)) == (404, refused(404, "There is nothing at this address."))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("path", ["", "/search?a=1&limit=20"])
def test_any_method(method: str, path: str, as_admin: Caller, as_alice: Caller) -> None:
    before = rows()
    place = path or "/"
    response = as_admin.send(method, GATE + path, b"")
    assert (response.status_code, response.headers["Location"]) == (307, f"/jaeger{place}")
    signed_out = Caller().send(method, GATE + path, b"")
    encoded = place.replace("/", "%2F").replace("?", "%3F").replace("=", "%3D").replace("&", "%26")
    assert (signed_out.status_code, signed_out.headers["Location"]) == (302, f"/sage/login?next=%2Fjaeger{encoded}&local_only=1")
    refusal = as_alice.send(method, GATE + path, b"")
    assert refusal.status_code == 403
    if method != "HEAD":
        assert_forbidden(refusal)
    assert rows() == before


def test_a_body_is_nobodys_concern_here(as_admin: Caller) -> None:
    """307: the browser sends it again, to Jaeger."""
    for body, kind in ((b"x" * 3_000_000, "text/plain"), (b"{", "application/json")):
        response = as_admin.send("POST", f"{GATE}/api/x", body, Content_Type=kind)
        assert (response.status_code, response.headers["Location"]) == (307, "/jaeger/api/x")


def test_another_sites_page_makes_nobody_act(admin: User, as_admin: Caller) -> None:
    other = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    assert_forbidden(as_admin.send("POST", f"{GATE}/api/archive/1", b"", **other))
    assert as_admin.send("GET", f"{GATE}/search", b"", **other).status_code == 307, "a link of another site"
    assert as_admin.send("POST", f"{GATE}/x", b"", **{"Sec-Fetch-Site": "same-origin"}).status_code == 307
    by_token = signed_in(admin, token=True)
    assert by_token.send("POST", f"{GATE}/x", b"", **other).status_code == 307


def test_in_oauth_mode_who_is_signed_out_is_told(as_admin: Caller, anyone: Caller, settings: Settings) -> None:
    settings.SAGE_AUTH_MODE = "oauth"
    for method in ("GET", "POST"):
        response = anyone.send(method, f"{GATE}/search", b"")
        assert (response.status_code, envelope(response)) == (503, refused(503, "Password sign-in is not enabled here."))
    assert as_admin.get(f"{GATE}/search").status_code == 307


def test_with_another_origin_the_login_page_leads_back_here(anyone: Caller, settings: Settings) -> None:
    settings.SAGE_TRACE_JAEGER_PUBLIC_URL = "https://jaeger.example"
    response = anyone.send("GET", f"{GATE}/search?a=1&limit=20", b"")
    back = "%2Fapi%2Fobservability%2Fjaeger%2Fsearch%3Fa%3D1%26limit%3D20"
    assert response.headers["Location"] == f"/sage/login?next={back}&local_only=1"


PLACES = [(f"{GATE}/auth", 204, 401), (f"{GATE}/login", 302, 302), (GATE, 307, 302), (f"{GATE}/search", 307, 302)]


@pytest.mark.parametrize(("path", "opens", "signed_out"), PLACES)
def test_a_third_partys_token_is_no_key(path: str, opens: int, signed_out: int, admin: User, as_admin: Caller) -> None:
    token = {"Authorization": f"Bearer {token_for(admin, 'openid profile email usage:write')}"}
    for caller in (Caller(), as_admin):
        response = caller.get(path, **token)
        assert_forbidden(response)
        assert response.headers["WWW-Authenticate"] == 'Bearer error="insufficient_scope", scope="first-party"'
    assert as_admin.get(path).status_code == opens


@pytest.mark.parametrize(("path", "opens", "signed_out"), PLACES)
def test_whom_a_trusted_proxy_names(path: str, opens: int, signed_out: int, admin: User, settings: Settings) -> None:
    settings.SAGE_AUTH_MODE = "trusted_proxy"
    settings.SAGE_TRUSTED_IDENTITY_PROXY_IPS = [ip_network("10.1.0.0/16")]
    make_user("carol", "!", made_by_proxy=True, role=User.Role.ADMIN)
    make_user("dave", "!", made_by_proxy=True, role=User.Role.ADMIN, is_active=False)

    def asked(peer: str, name: str, caller: Caller | None = None, method: str = "GET") -> int:
        caller = caller or Caller()
        caller.client.defaults["REMOTE_ADDR"] = peer
        return caller.send(method, path, b"", X_Sage_Internal_UserId=name).status_code

    assert asked("10.1.0.1", "carol") == opens
    assert asked("10.1.0.1", "new.here") == 403, "the proxy's people are users at first"
    assert asked("10.1.0.1", "dave") == signed_out, "deactivated"
    assert asked("10.1.0.1", "admin") == signed_out, "an account that the proxy did not make"
    assert asked("203.0.113.7", "carol") == signed_out, "not the proxy"
    assert asked("10.1.0.1", "new.here", signed_in(admin, token=True)) == opens, "a token counts before the header"
    assert asked("203.0.113.7", "new.here", signed_in(admin)) == opens, "an administrator with a password"

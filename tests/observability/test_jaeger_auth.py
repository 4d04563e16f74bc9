"""GET /api/observability/jaeger/auth: what nginx asks before it passes a request on to Jaeger."""

import pytest
from pytest_django import DjangoAssertNumQueries, Settings

from sage_platform.accounts.models import User
from tests.answers import ENDED, assert_forbidden, refused
from tests.clock import Clock
from tests.people import Caller, Response, envelope, signed_in
from tests.rows import rows

AUTH = "/api/observability/jaeger/auth"
ASKED = "/jaeger/s?a=1&limit=20"
LOGIN = "/sage/login?next=%2Fjaeger%2Fs%3Fa%3D1%26limit%3D20&local_only=1"
EVERY = {"X-Frame-Options", "X-Content-Type-Options", "Referrer-Policy", "Cross-Origin-Opener-Policy", "X-Request-ID"}


def told(response: Response) -> dict[str, str]:
    """The headers that are this answer's own, and not those of every answer."""
    return {
        name: value
        for name, value in response.headers.items()
        if name not in EVERY | {"Vary", "Content-Language", "Content-Length"}
    }


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_an_administrator_passes(method: str, as_admin: Caller) -> None:
    response = as_admin.send(method, AUTH, b"", X_Original_URI=ASKED)
    assert (response.status_code, response.content) == (204, b"")
    assert told(response) == {
        "X-Sage-UserId": "admin",
        "X-Sage-Username": "admin",
        "X-Sage-Role": "admin",
        "Cache-Control": "no-store",
    }
    assert not response.cookies


def test_a_name_beyond_ascii_is_percent_encoded(admin: User) -> None:
    User.objects.filter(pk="admin").update(username="李.é")
    response = signed_in(User.objects.get(pk="admin")).get(AUTH)
    assert response.headers["X-Sage-Username"] == "%E6%9D%8E.%C3%A9"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_user_does_not(method: str, as_alice: Caller) -> None:
    response = as_alice.send(method, AUTH, b"", X_Original_URI=ASKED)
    assert response.status_code == 403
    assert not {name for name in response.headers if name.startswith("X-Sage-")}
    if method == "GET":
        assert_forbidden(response)
        # It is asked by a proxy, in the name of a browser.
        assert envelope(as_alice.get(AUTH, Accept="text/html"))["code"] == 403


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_who_is_signed_out_is_told_where_to_sign_in(method: str, anyone: Caller) -> None:
    response = anyone.send(method, AUTH, b"", X_Original_URI=ASKED)
    assert response.status_code == 401
    if method == "GET":
        assert envelope(response) == refused(401, "Please sign in.")
    assert told(response) == {
        "Content-Type": "application/json",
        "WWW-Authenticate": "Bearer",
        "Cache-Control": "no-store",
        "X-Login-Url": LOGIN,
    }
    assert not response.cookies


@pytest.mark.parametrize(
    ("asked", "address"),
    [
        ("", "%2Fjaeger%2F"),
        ("//evil.example", "%2F"),
        ("/\\evil.example", "%2F"),
        ("https://evil.example/", "%2F"),
        ("/jaeger/s?q=a%20b&t=%7B%22", "%2Fjaeger%2Fs%3Fq%3Da%2520b%26t%3D%257B%2522"),
        ("/jaeger/trace/\xe6\x9d\x8e", "%2Fjaeger%2Ftrace%2F%25E6%259D%258E"),
        ("/jaeger/" + "a" * 4089, "%2Fjaeger%2F"),
        ("/api/observability/jaeger/auth", "%2Fjaeger%2F"),
    ],
)  # fmt: skip
def test_where_the_login_page_leads_back_to(asked: str, address: str, anyone: Caller) -> None:
    # WSGI gives a header's bytes as Latin-1 (PEP 3333).
    response = anyone.client.get(AUTH, HTTP_X_ORIGINAL_URI=asked)
    assert response.headers["X-Login-Url"] == f"/sage/login?next={address}&local_only=1"


def test_the_query_counts_before_the_header(anyone: Caller) -> None:
    response = anyone.get(AUTH, {"next": ASKED}, X_Original_URI="/jaeger/other")
    assert response.headers["X-Login-Url"] == LOGIN


def test_in_oauth_mode_the_person_is_sent_where_it_is_explained(anyone: Caller, settings: Settings) -> None:
    settings.SAGE_AUTH_MODE = "oauth"
    response = anyone.get(AUTH, X_Original_URI=ASKED)
    assert response.headers["X-Login-Url"] == "/api/observability/jaeger/login?next=%2Fjaeger%2Fs%3Fa%3D1%26limit%3D20"


@pytest.mark.parametrize("token", [False, True])
def test_it_is_cheap(token: bool, alice: User, admin: User, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    """It is asked for each of Jaeger's scripts, pictures and calls."""
    callers = {1: [signed_in(admin, token=token), signed_in(alice, token=token)], 0: [Caller()]}
    before = rows()
    for queries, asking in callers.items():
        for caller in asking:
            with django_assert_num_queries(queries):
                caller.get(AUTH, X_Original_URI=ASKED)
    assert rows() == before


def test_a_token_counts_and_a_bad_one_does_not(admin: User, as_admin: Caller) -> None:
    by_token = signed_in(admin, token=True)
    assert by_token.get(AUTH).status_code == 204
    bad = {"Authorization": "Bearer sage_at_not_one"}
    assert as_admin.get(AUTH, **bad).status_code == 204, "a bad token beside a good cookie is passed over"
    response = Caller().get(AUTH, **bad)
    assert (response.status_code, envelope(response)) == (401, refused(401, ENDED))
    assert response.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert response.headers["X-Login-Url"] == "/sage/login?next=%2Fjaeger%2F&local_only=1"


@pytest.mark.parametrize("token", [False, True])
def test_a_deactivated_administrator_is_signed_out_at_once(token: bool, admin: User) -> None:
    caller = signed_in(admin, token=token)
    assert caller.get(AUTH).status_code == 204
    User.objects.filter(pk="admin").update(is_active=False)
    assert caller.get(AUTH).status_code == 401


def test_the_role_is_the_one_of_now(admin: User, as_admin: Caller) -> None:
    User.objects.filter(pk="admin").update(role="user")
    assert_forbidden(as_admin.get(AUTH))


def test_it_is_no_visit(admin: User, clock: Clock, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    """nginx drops the cookie with which a visit prolongs a session once a day."""
    caller = signed_in(admin)
    clock.forward(days=13)
    before = rows()
    with django_assert_num_queries(1):
        response = caller.get(AUTH)
    assert (response.status_code, response.cookies, rows() == before) == (204, {}, True)
    assert caller.get("/api/auth/session").cookies["sage_session"]["max-age"] == 14 * 24 * 3600
    assert rows() != before


OTHER_SITE = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
SUBDOMAIN = {"Sec-Fetch-Site": "same-site", "Origin": "https://evil.sage.example"}


@pytest.mark.parametrize("site", [OTHER_SITE, SUBDOMAIN, {"Origin": "null"}])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "get", "INVENTED"])
def test_another_site_makes_no_browser_act_in_jaeger(site: dict[str, str], method: str, as_admin: Caller) -> None:
    """The proxy asks by GET, whatever it is about, and says what it is about."""
    expected = 204 if method in {"GET", "HEAD"} else 403
    assert as_admin.get(AUTH, X_Original_Method=method, **site).status_code == expected


def test_ones_own_page_may_act_and_so_may_a_program(admin: User, as_admin: Caller) -> None:
    assert as_admin.get(AUTH, X_Original_Method="POST", **{"Sec-Fetch-Site": "same-origin"}).status_code == 204
    assert as_admin.get(AUTH, X_Original_Method="POST").status_code == 204
    by_token = signed_in(admin, token=True)
    assert by_token.get(AUTH, X_Original_Method="POST", **OTHER_SITE).status_code == 204, "no browser sends a token by itself"

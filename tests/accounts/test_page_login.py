"""/sage/login: the page that takes a name and a password."""

import re
from urllib.parse import quote, urljoin, urlsplit

import pytest
from django.test import Client
from pytest_django import Settings

from sage_platform.accounts.models import Session, SignIn, User
from sage_platform.accounts.sessions import SessionStore
from sage_platform.digests import token_digest
from tests import visitor
from tests.people import PASSWORD, Caller, envelope
from tests.rows import rows
from tests.visitor import REFUSED_TARGETS, STRANGE_PATHS, Visitor, focused, hidden_next, policy_for, text_of, title_of

WRONG = "Invalid username or password"

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("name", ["alice", "alice@sage.example", "ALICE"])
def test_signs_in_and_goes_to_the_account_page(name: str, alice: User) -> None:
    guest = Visitor()
    response = guest.sign_in(name)
    assert (response.status_code, response.headers["Location"]) == (302, "/sage/")
    account = guest.open("/sage/")
    assert "alice@sage.example" in text_of(account)
    assert envelope(Caller(guest.client).get("/api/auth/session"))["data"]["user"]["userid"] == "alice"


def test_who_is_signed_in_goes_on_at_once(as_alice: Caller) -> None:
    guest = visitor.of(as_alice)
    assert guest.open("/sage/login").headers["Location"] == "/sage/"
    assert guest.open("/sage/login?next=/agent/chat").headers["Location"] == "/sage/agent/chat"
    assert guest.open("/sage/login?next=//x.example").headers["Location"] == "/sage/"


@pytest.mark.parametrize(
    ("name", "password"), [("alice", "not the one"), ("nobody", PASSWORD), ("nobody@sage.example", "not the one")]
)
def test_a_wrong_password_and_an_unknown_name_read_the_same(name: str, password: str, alice: User) -> None:
    before = rows()
    guest = Visitor()
    response = guest.sign_in(name, password)
    assert response.status_code == 200
    page = response.content.decode()
    assert f'<div class="note wrong" id="errors" role="alert">\n  <p>{WRONG}</p>' in page
    assert page.count('aria-describedby="errors"') == 2
    assert password not in page
    assert not guest.is_signed_in()
    assert rows() == before


@pytest.mark.parametrize("path", ["/sage/login", "/admin/login/"])
@pytest.mark.parametrize(
    ("name", "password", "field"),
    [("alice", "wrong", "password"), ("", "wrong", "username"), ("alice", "", "password"), ("", "", "username")],
)
def test_after_a_refusal_one_types_where_something_is_missing(
    path: str, name: str, password: str, field: str, alice: User
) -> None:
    response = Visitor().sign_in(name, password, path=path)
    assert focused(response) == [f"id_{field}"]
    assert ("Error" in title_of(response)) is True
    assert focused(Visitor().open(path)) == ["id_username"]
    assert "Error" not in title_of(Visitor().open(path))


def test_nothing_pasted_is_cut(alice: User) -> None:
    """A browser cuts at `maxlength` without a word, and a password that was cut is a wrong one."""
    guest = Visitor()
    assert "maxlength" not in guest.open("/sage/login").content.decode()
    assert "Ensure this value has at most 1024 characters (it has 1025)." in text_of(guest.sign_in("alice", "a" * 1025))


def test_a_deactivated_user_is_told_the_same_and_their_session_is_over(as_alice: Caller, alice: User) -> None:
    guest = visitor.of(as_alice)
    assert guest.is_signed_in()
    User.objects.filter(pk="alice").update(is_active=False)
    assert guest.open("/sage/").headers["Location"] == "/sage/login?next=%2Fsage%2F"
    response = Visitor().sign_in("alice")
    assert WRONG in text_of(response)
    assert SignIn.objects.count() == 1


@pytest.mark.parametrize("target", REFUSED_TARGETS)
def test_next_never_leads_off_this_origin(target: str, alice: User) -> None:
    address = "/sage/login?next=" + quote(target, safe="")
    guest = Visitor()
    assert hidden_next(guest.open(address)) == "/"
    by_query = guest.submit(address, username="alice", password=PASSWORD)
    assert (by_query.status_code, by_query.headers["Location"]) == (302, "/sage/")
    by_field = Visitor().sign_in("alice", next=target)
    assert (by_field.status_code, by_field.headers["Location"]) == (302, "/sage/")


@pytest.mark.parametrize(("target", "expected"), STRANGE_PATHS)
def test_next_that_only_looks_strange_stays_a_path(target: str, expected: str, alice: User) -> None:
    response = Visitor().sign_in("alice", next=target)
    assert response.headers["Location"] == expected
    assert urlsplit(urljoin("https://sage.example/sage/login", expected)).netloc == "sage.example"


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/agent/chat", "/sage/agent/chat"),
        ("/agent/chat?a=1&b=2#c", "/sage/agent/chat?a=1&b=2#c"),
        ("/sage/password", "/sage/password"),
        ("/sagebrush", "/sage/sagebrush"),
        ("/admin/accounts/user/?q=a&p=2", "/admin/accounts/user/?q=a&p=2"),
        ("/oauth2/authorize?client_id=a&scope=b%26c", "/oauth2/authorize?client_id=a&scope=b%26c"),
        ("/jaeger/search", "/jaeger/search"),
        ("/files/a", "/files/a"),
        ("/api/docs", "/api/docs"),
        ("", "/sage/"),
    ],
)
def test_where_next_leads(target: str, expected: str, alice: User) -> None:
    assert Visitor().sign_in("alice", next=target).headers["Location"] == expected


def test_next_with_an_ampersand_survives_the_round_trip(alice: User) -> None:
    guest = Visitor()
    sent = guest.open("/sage/password?a=1&b=2")
    assert (sent.status_code, sent.headers["Location"]) == (302, "/sage/login?next=%2Fsage%2Fpassword%3Fa%3D1%26b%3D2")
    page = guest.open(sent.headers["Location"])
    assert hidden_next(page) == "/sage/password?a=1&b=2"
    response = guest.submit(sent.headers["Location"], username="alice", password=PASSWORD, next=hidden_next(page))
    assert response.headers["Location"] == "/sage/password?a=1&b=2"


def test_next_cannot_break_out_of_the_page() -> None:
    page = Visitor().open("/sage/login?next=" + quote('/"><script>alert(1)</script>')).content.decode()
    assert "<script" not in page
    assert "/&quot;&gt;&lt;script&gt;" in page


@pytest.mark.parametrize("fields", [{}, {"csrfmiddlewaretoken": "a" * 64}])
def test_a_form_from_elsewhere_is_refused(fields: dict[str, str], alice: User) -> None:
    before = rows()
    guest = Visitor()
    guest.open("/sage/login")
    response = guest.send("/sage/login", {"username": "alice", "password": PASSWORD} | fields)
    assert response.status_code == 403
    assert "This form has expired. Go back, reload the page and try again." in text_of(response)
    assert "allow this site's cookies in your browser" in text_of(response)
    assert '<a class="button" href="/sage/login">Reload the page</a>' in response.content.decode()
    assert "sage_session" not in guest.client.cookies
    assert rows() == before


def test_signing_in_changes_the_session_key(alice: User) -> None:
    """Session fixation: a key that somebody else put into the browser opens nothing after the sign-in."""
    guest = Visitor()
    planted = guest.client.session
    planted["planted"] = "yes"
    planted.save()
    assert planted.session_key
    guest.client.cookies["sage_session"] = planted.session_key
    guest.sign_in("alice")
    key = guest.client.cookies["sage_session"].value
    assert key != planted.session_key
    assert not Session.objects.filter(pk=token_digest(planted.session_key)).exists()
    assert "planted" not in SessionStore(key).load()
    thief = Client()
    thief.cookies["sage_session"] = planted.session_key
    assert thief.get("/api/auth/session").status_code == 401


def api_door(name: str, password: str) -> int:
    status: int = Caller().post("/api/auth/login", {"username_or_email": name, "password": password}).status_code
    return status


def page_door(name: str, password: str) -> int:
    status: int = Visitor().sign_in(name, password).status_code
    return status


def admin_door(name: str, password: str) -> int:
    status: int = Visitor().sign_in(name, password, path="/admin/login/").status_code
    return status


@pytest.mark.parametrize("guessed_at", [api_door, page_door, admin_door])
def test_the_doors_share_one_lockout(guessed_at: object, admin: User) -> None:
    assert callable(guessed_at)
    assert [guessed_at("admin", f"guess {number}") for number in range(10)] == [200] * 10
    before = rows()
    assert [door("admin", PASSWORD) for door in (api_door, page_door, admin_door)] == [429, 429, 429]
    assert rows() == before


@pytest.mark.parametrize("path", ["/sage/login", "/admin/login/"])
def test_the_page_of_a_lockout(path: str, alice: User) -> None:
    for number in range(10):
        Visitor().sign_in("alice", f"guess {number}", path=path)
    response = Visitor().sign_in("alice", path=path)
    assert response.status_code == 429
    assert 1 <= int(response.headers["Retry-After"]) <= 900
    assert re.search(r"Too many failed sign-ins\. Please try again in 1[45] minutes\.", text_of(response))


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "NONSENSE"])
def test_another_method_is_405_whatever_else_is_wrong(method: str) -> None:
    response = Visitor().client.generic(method, "/sage/login", b"x", content_type="text/plain")
    assert (response.status_code, response.headers["Allow"]) == (405, "GET, HEAD, POST")
    assert "405 This address does not do that." in text_of(response)


def test_never_cached_never_framed_and_without_scripts() -> None:
    response = Visitor().open("/sage/login")
    assert response.headers["Cache-Control"] == "no-store, private"
    assert response.headers["X-Frame-Options"] == "DENY"
    assert response.headers["Content-Security-Policy"] == policy_for(response)
    assert "Cookie" in response.headers["Vary"]
    page = response.content.decode()
    assert "<script" not in page
    assert "style=" not in page
    assert Visitor().client.head("/sage/login").status_code == 200


@pytest.mark.parametrize(
    ("header", "value", "language", "title"),
    [
        ("Accept-Language", "zh-CN,zh;q=0.9", "zh-CN", "登录 · Sage"),
        ("X-Sage-Locale", "zh", "zh-CN", "登录 · Sage"),
        ("X-Accept-Language", "zh-CN", "zh-CN", "登录 · Sage"),
        ("Accept-Language", "en-US", "en", "Sign in · Sage"),
        ("Accept-Language", "fr", "en", "Sign in · Sage"),
    ],
)
def test_both_languages(header: str, value: str, language: str, title: str) -> None:
    response = Visitor().client.get("/sage/login", headers={header: value})
    page = response.content.decode()
    assert f'<html lang="{language}">' in page
    assert f"<title>{title}</title>" in page
    assert response.headers["Content-Language"] == language


def test_the_language_switch_is_remembered_for_pages_and_leaves_the_api_alone() -> None:
    guest = Visitor()
    chosen = guest.open("/sage/login?lang=zh-CN&next=%2Fagent%2Fchat%3Fa%26b", Accept_Language="en")
    assert (chosen.status_code, chosen.headers["Location"]) == (302, "/sage/login?next=%2Fagent%2Fchat%3Fa%26b")
    cookie = guest.client.cookies["sage_language"]
    assert (cookie.value, cookie["httponly"], cookie["samesite"]) == ("zh-CN", True, "Lax")
    assert "登录 Sage" in text_of(guest.open("/sage/login", Accept_Language="en"))
    assert "Sign in to Sage" in text_of(guest.open("/sage/login", Accept_Language="zh", X_Sage_Locale="en"))
    refused = envelope(Caller(guest.client).get("/api/nowhere", Accept_Language="en"))
    assert refused["message"] == "There is nothing at this address."
    assert guest.open("/sage/login?lang=en").headers["Location"] == "/sage/login"
    assert "Sign in to Sage" in text_of(guest.open("/sage/login", Accept_Language="zh"))


@pytest.mark.parametrize("value", ["xx", "", "\x00", "//x.example", "zh-CN\r\nSet-Cookie:a=b", "e" * 2000])
def test_an_unknown_language_changes_nothing(value: str) -> None:
    guest = Visitor()
    response = guest.open("/sage/login?lang=" + quote(value))
    assert response.status_code == 200
    assert "sage_language" not in guest.client.cookies


def test_a_wrong_password_in_chinese(alice: User) -> None:
    guest = Visitor()
    guest.open("/sage/login?lang=zh-CN")
    assert "用户名或密码错误" in text_of(guest.sign_in("alice", "wrong"))


@pytest.mark.parametrize(
    "name", ["", " ", "a" * 255, "a" * 256, "a" * 100_000, "\x00", "al\x00ice", "🙂" * 50, "\ud800", "@", "%00", "' OR 1=1--"]
)
@pytest.mark.parametrize("path", ["/sage/login", "/admin/login/"])
def test_strange_input_is_a_refused_form(path: str, name: str, alice: User) -> None:
    before = rows()
    for given in ({"username": name, "password": "x"}, {"username": "alice", "password": name or "\x00"}):
        guest = Visitor()
        response = guest.sign_in(given["username"], given["password"], path=path)
        assert response.status_code == 200
        assert 'name="password"' in response.content.decode()
        assert not guest.is_signed_in()
    assert rows() == before


def test_a_body_that_is_no_form_or_too_large_or_without_an_end_is_not_read(alice: User) -> None:
    guest = Visitor()
    guest.open("/sage/login")
    multipart = guest.send("/sage/login", b"--a--", content_type="multipart/form-data; boundary=a")
    assert multipart.status_code == 415
    assert "Send the form as application/x-www-form-urlencoded." in text_of(multipart)
    assert guest.send("/sage/login", b"{}", content_type="application/json").status_code == 415
    large = guest.send("/sage/login", b"username=" + b"a" * (2 * 1024 * 1024))
    assert large.status_code == 413
    assert "The request body is too large." in text_of(large)
    assert guest.send("/sage/login", b"", Transfer_Encoding="chunked").status_code == 411
    assert guest.send("/sage/login", b"&".join([b"a=b"] * 2000)).status_code == 413


def test_oauth_mode_has_no_form_and_takes_no_password(alice: User, settings: Settings) -> None:
    guest = Visitor()
    page = guest.open("/sage/login")
    settings.SAGE_AUTH_MODE = "oauth"
    before = rows()
    for path in ("/sage/login", "/sage/login?local_only=1", "/admin/login/"):
        shown = guest.open(path)
        assert shown.status_code == 200
        assert "Password sign-in is not enabled here." in text_of(shown)
        assert 'type="password"' not in shown.content.decode()
        given = {"username": "alice", "password": PASSWORD, "csrfmiddlewaretoken": visitor.token_in(page)}
        assert guest.send(path, given).status_code == 200
    assert not guest.is_signed_in()
    assert rows() == before


def test_trusted_proxy_mode_lets_administrators_in_alone(alice: User, admin: User, settings: Settings) -> None:
    settings.SAGE_AUTH_MODE = "trusted_proxy"
    guest = Visitor()
    assert "Only administrators sign in here with a password." in text_of(guest.open("/sage/login"))
    refused = guest.sign_in("alice")
    assert refused.status_code == 200
    assert "Only administrators may sign in with a password" in text_of(refused)
    assert not guest.is_signed_in()
    assert Visitor().sign_in("admin").headers["Location"] == "/sage/"
    assert WRONG in text_of(Visitor().sign_in("alice", path="/admin/login/"))


def test_local_only_is_taken_and_kept_by_the_language_switch(alice: User) -> None:
    guest = Visitor()
    response = guest.open("/sage/login?next=%2Fjaeger%2F&local_only=1")
    assert 'href="?next=%2Fjaeger%2F&amp;local_only=1&amp;lang=zh-CN"' in response.content.decode()
    assert guest.sign_in("alice", next="/jaeger/").headers["Location"] == "/jaeger/"

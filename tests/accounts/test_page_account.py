"""/sage/ (who I am) and /sage/logout"""

import pytest

from sage_platform.accounts.models import SignIn, User
from tests import visitor
from tests.people import PASSWORD, Caller, signed_in
from tests.rows import rows
from tests.visitor import Visitor, text_of

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("path", ["/sage/", "/sage"])
def test_who_i_am(path: str, as_alice: Caller) -> None:
    response = visitor.of(as_alice).open(path)
    assert response.status_code == 200
    text = text_of(response)
    for fact in ("alice", "alice@sage.example", "User ID alice", "Connected applications", "Change password", "Sign out"):
        assert fact in text
    assert "See connected applications" in text


def test_in_chinese(as_alice: Caller) -> None:
    response = visitor.of(as_alice).open("/sage/", Accept_Language="zh-CN")
    assert '<html lang="zh-CN">' in response.content.decode()
    text = text_of(response)
    for fact in ("邮箱地址 alice@sage.example", "已授权的应用", "修改密码", "退出登录"):
        assert fact in text


def test_the_way_to_the_administration_is_for_administrators(as_alice: Caller, as_admin: Caller) -> None:
    for caller, sees in ((as_alice, False), (as_admin, True)):
        page = visitor.of(caller).open("/sage/").content.decode()
        assert ('href="/admin/"' in page) is sees
        assert ('href="/api/docs"' in page) is sees


@pytest.mark.parametrize(
    ("path", "login"),
    [
        ("/sage/", "/sage/login?next=%2Fsage%2F"),
        ("/sage", "/sage/login?next=%2Fsage"),
        ("/sage/?a=1&b=2", "/sage/login?next=%2Fsage%2F%3Fa%3D1%26b%3D2"),
    ],
)
def test_logged_out_it_leads_to_the_login_page(path: str, login: str) -> None:
    response = Visitor().open(path)
    assert (response.status_code, response.headers["Location"]) == (302, login)
    assert response.headers["Cache-Control"] == "no-store, private"


def test_a_bearer_token_is_no_key_to_a_page(alice: User) -> None:
    caller = signed_in(alice, token=True)
    assert caller.get("/api/auth/session").status_code == 200
    assert caller.get("/sage/").status_code == 302


def test_what_a_person_wrote_about_themselves_cannot_break_out_of_the_page(as_alice: Caller) -> None:
    User.objects.filter(pk="alice").update(nickname="<script>alert(1)</script>", phonenum='"><img src=x>')
    page = visitor.of(as_alice).open("/sage/").content.decode()
    assert "<script" not in page
    assert "<img src=x>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_never_cached_and_never_framed(as_alice: Caller) -> None:
    response = visitor.of(as_alice).open("/sage/")
    assert response.headers["Cache-Control"] == "no-store, private"
    assert response.headers["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]
    assert "Cookie" in response.headers["Vary"]


@pytest.mark.parametrize(
    ("path", "method", "allow"),
    [
        ("/sage/", "POST", "GET, HEAD"),
        ("/sage/", "DELETE", "GET, HEAD"),
        ("/sage/", "OPTIONS", "GET, HEAD"),
        ("/sage/logout", "GET", "POST"),
        ("/sage/logout", "HEAD", "POST"),
        ("/sage/logout", "PUT", "POST"),
    ],
)
def test_another_method_is_405_for_everybody(path: str, method: str, allow: str, as_alice: Caller) -> None:
    for guest in (Visitor(), visitor.of(as_alice)):
        response = guest.client.generic(method, path)
        assert (response.status_code, response.headers["Allow"]) == (405, allow)
    assert visitor.of(as_alice).is_signed_in()


def test_signing_out_ends_the_session_and_the_tokens_of_this_sign_in(alice: User) -> None:
    guest = Visitor()
    given = guest.client.post(
        "/api/auth/login", {"username_or_email": "alice", "password": PASSWORD}, content_type="application/json"
    ).json()["data"]
    by_token = Caller(headers={"Authorization": f"Bearer {given['access_token']}"})
    elsewhere = signed_in(alice)
    stolen = guest.client.cookies["sage_session"].value
    assert by_token.get("/api/auth/session").status_code == 200

    response = guest.submit("/sage/logout", shown_at="/sage/")

    assert (response.status_code, response.headers["Location"]) == (302, "/sage/login")
    assert "You are signed out." in text_of(guest.open("/sage/login"))
    assert "You are signed out." not in text_of(guest.open("/sage/login"))
    assert not guest.is_signed_in()
    assert by_token.get("/api/auth/session").status_code == 401
    assert by_token.post("/api/auth/refresh", {"refresh_token": given["refresh_token"]}).json()["code"] == 401
    thief = Visitor()
    thief.client.cookies["sage_session"] = stolen
    assert not thief.is_signed_in()
    assert elsewhere.get("/api/auth/session").status_code == 200


def test_another_site_signs_nobody_out(as_alice: Caller) -> None:
    before = rows()
    guest = visitor.of(as_alice)
    response = guest.send("/sage/logout", {})
    assert response.status_code == 403
    assert "Reload the page" not in text_of(response)  # What can be sent alone shows nothing.
    assert rows() == before
    assert guest.is_signed_in()
    assert SignIn.objects.filter(ended_at=None).count() == 1


def test_signing_out_twice_is_no_error() -> None:
    guest = Visitor()
    response = guest.submit("/sage/logout", shown_at="/sage/login")
    assert (response.status_code, response.headers["Location"]) == (302, "/sage/login")

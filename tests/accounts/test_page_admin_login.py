"""/admin/login/, /admin/logout/ and what else around the admin's pages is our own."""

from urllib.parse import quote

import pytest

from sage_platform.accounts.models import SignIn, User
from tests import visitor
from tests.answers import assert_not_for
from tests.people import PASSWORD, Caller
from tests.rows import rows
from tests.visitor import REFUSED_TARGETS, Visitor, text_of

pytestmark = pytest.mark.django_db
LOGIN = "/admin/login/"
WRONG = "Invalid username or password"
POLICY = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"


def test_an_administrator_signs_in(admin: User) -> None:
    guest = Visitor()
    response = guest.sign_in("admin", path=LOGIN)
    assert (response.status_code, response.headers["Location"]) == (302, "/admin/")
    index = guest.open("/admin/")
    assert index.status_code == 200
    assert "The deployment" in text_of(index)
    assert 'href="/sage/"' in index.content.decode()
    assert guest.is_signed_in()


@pytest.mark.parametrize(("name", "password"), [("alice", PASSWORD), ("alice", "wrong"), ("admin", "wrong"), ("nobody", "x")])
def test_a_plain_user_reads_the_same_as_for_a_wrong_password(name: str, password: str, alice: User, admin: User) -> None:
    before = rows()
    guest = Visitor()
    response = guest.sign_in(name, password, path=LOGIN)
    assert response.status_code == 200
    page = response.content.decode()
    assert page.count('<p class="errornote">') == 1
    assert WRONG in text_of(response)
    assert not guest.is_signed_in()
    assert guest.open("/admin/").status_code == 302
    assert rows() == before


def test_a_deactivated_administrator_is_refused(admin: User) -> None:
    User.objects.filter(pk="admin").update(is_active=False)
    assert WRONG in text_of(Visitor().sign_in("admin", path=LOGIN))
    assert SignIn.objects.count() == 0


@pytest.mark.parametrize("target", REFUSED_TARGETS)
def test_next_never_leads_off_this_origin(target: str, admin: User) -> None:
    by_field = Visitor().sign_in("admin", path=LOGIN, next=target)
    assert (by_field.status_code, by_field.headers["Location"]) == (302, "/admin/")
    address = f"{LOGIN}?next={quote(target, safe='')}"
    by_query = Visitor().sign_in("admin", path=address)
    assert (by_query.status_code, by_query.headers["Location"]) == (302, "/admin/")


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/admin/accounts/user/?q=a&p=2", "/admin/accounts/user/?q=a&p=2"),
        ("/agent/chat", "/sage/agent/chat"),
        ("/%2f%2fx.example", "/sage/%2f%2fx.example"),
        ("http://testserver/admin/", "/admin/"),
    ],
)
def test_where_next_leads(target: str, expected: str, admin: User) -> None:
    assert Visitor().sign_in("admin", path=LOGIN, next=target).headers["Location"] == expected


def test_a_deep_address_survives_the_round_trip(admin: User) -> None:
    guest = Visitor()
    sent = guest.open("/admin/accounts/user/?q=a&p=2")
    assert sent.status_code == 302
    assert visitor.hidden_next(guest.open(sent.headers["Location"])) == "/admin/accounts/user/?q=a&p=2"
    response = guest.sign_in("admin", path=sent.headers["Location"])
    assert response.headers["Location"] == "/admin/accounts/user/?q=a&p=2"


def test_a_form_from_elsewhere_is_refused(admin: User) -> None:
    before = rows()
    guest = Visitor()
    guest.open(LOGIN)
    response = guest.send(LOGIN, {"username": "admin", "password": PASSWORD})
    assert response.status_code == 403
    assert "This form has expired." in text_of(response)
    assert "sage_session" not in guest.client.cookies
    assert rows() == before


def test_signing_in_changes_the_session_key(admin: User) -> None:
    guest = Visitor()
    planted = guest.client.session
    planted.save()
    assert planted.session_key
    guest.client.cookies["sage_session"] = planted.session_key
    guest.sign_in("admin", path=LOGIN)
    assert guest.client.cookies["sage_session"].value != planted.session_key
    thief = Visitor()
    thief.client.cookies["sage_session"] = planted.session_key
    assert not thief.is_signed_in()


def test_both_languages_and_the_switch(admin: User) -> None:
    guest = Visitor()
    page = guest.open(LOGIN, Accept_Language="zh-CN")
    assert "用户名或邮箱地址" in text_of(page)
    assert "Sage 管理后台" in text_of(page)
    assert 'lang="zh-hans"' in page.content.decode()
    assert guest.open(f"{LOGIN}?next=/admin/&lang=zh-CN").headers["Location"] == f"{LOGIN}?next=%2Fadmin%2F"
    assert "用户名或密码错误" in text_of(guest.sign_in("admin", "wrong", path=LOGIN))
    guest.sign_in("admin", path=LOGIN)
    assert "平台概览" in text_of(guest.open("/admin/"))
    assert guest.open("/admin/accounts/user/?lang=en&q=a").headers["Location"] == "/admin/accounts/user/?q=a"
    assert "The deployment" in text_of(guest.open("/admin/", Accept_Language="zh-CN"))


@pytest.mark.parametrize("path", [LOGIN, "/admin/", "/admin/accounts/user/", "/admin/jsi18n/"])
def test_what_may_be_loaded_into_the_admin(path: str, as_admin: Caller) -> None:
    guest = Visitor() if path == LOGIN else visitor.of(as_admin)
    response = guest.open(path)
    assert response.status_code == 200
    assert response.headers["Content-Security-Policy"] == POLICY
    assert response.headers["X-Frame-Options"] == "DENY"


def test_never_cached(as_admin: Caller) -> None:
    for response in (Visitor().open(LOGIN), as_admin.get("/admin/")):
        assert "no-store" in response.headers["Cache-Control"]


def test_who_is_signed_in_goes_on(as_admin: Caller, as_alice: Caller) -> None:
    assert as_admin.get(LOGIN).headers["Location"] == "/admin/"
    assert as_alice.get(LOGIN).status_code == 200
    assert_not_for(as_alice, as_alice.get("/admin/"), "/admin/")


def test_what_a_plain_user_is_told_in_chinese(as_alice: Caller) -> None:
    response = as_alice.get("/admin/accounts/user/?lang=", Accept_Language="zh-CN")
    assert response.status_code == 403
    assert "管理后台仅供管理员使用。您当前登录的身份是 alice。" in text_of(response)
    assert response.headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_signing_out(as_admin: Caller) -> None:
    guest = visitor.of(as_admin)
    assert guest.open("/admin/logout/").status_code == 405
    assert guest.send("/admin/logout/", {}).status_code == 403
    assert guest.is_signed_in()
    response = guest.submit("/admin/logout/", shown_at="/admin/")
    assert (response.status_code, response.headers["Location"]) == (302, "/admin/login/")
    assert not guest.is_signed_in()


def test_ones_own_password_is_changed_at_our_page_alone(as_admin: Caller) -> None:
    """Django's own form would take the old password without a limit on guesses."""
    before = rows("accounts.User", "accounts.SignIn")
    guest = visitor.of(as_admin)
    assert guest.open("/admin/password_change/").headers["Location"] == "/sage/password"
    new = "a bird in the hand"
    given = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    assert guest.submit("/admin/password_change/", shown_at="/admin/", **given).headers["Location"] == "/sage/password"
    assert guest.open("/admin/password_change/done/").headers["Location"] == "/sage/"
    assert rows("accounts.User", "accounts.SignIn") == before

"""The pages as a person meets them: in Chromium, in both languages, on a phone and on a desktop.

With SCREENSHOTS_DIR set each test leaves pictures there.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ViewportSize, expect

from tests.e2e.axe import violations
from tests.e2e.chromium import DESKTOP, PHONE, SMALLEST, Visit, window
from tests.e2e.served import Platform, served

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("chromium")]

PASSWORD = "a bird in the hand"
Visitor = Callable[..., Any]


@pytest.fixture(scope="module")
def site() -> Iterator[Platform]:
    """Its own, since the passwords of its people change here."""
    with served() as platform:
        admin = platform.admin()
        for name in ("alice", "bob"):
            admin.post("/api/user/add", {"username": name, "password": PASSWORD, "email": f"{name}@sage.example"})
        yield platform


@pytest.fixture
def visit(site: Platform, chromium: Browser) -> Iterator[Visitor]:
    """A window; at the end of the test its console must have been silent and nobody but the platform asked."""
    visits: list[Visit] = []

    @contextmanager
    def opened(**given: Any) -> Iterator[Visit]:
        with window(chromium, site.base, **given) as one:
            visits.append(one)
            yield one

    yield opened
    for one in visits:
        assert one.troubles == []
        assert one.hosts - {"data:"} == {urlsplit(site.base).netloc}


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
@pytest.mark.parametrize(("device", "viewport"), [("phone", PHONE), ("desktop", DESKTOP), ("small", SMALLEST)])
def test_login_and_account_page_in_each_language_and_size(
    visit: Visitor, device: str, viewport: ViewportSize, locale: str
) -> None:
    chinese = locale == "zh-CN"
    with visit(locale=locale, viewport=viewport, java_script_enabled=False) as one:
        one.open("/sage/login")
        expect(one.page).to_have_title("登录 · Sage" if chinese else "Sign in · Sage")
        expect(one.page.locator("html")).to_have_attribute("lang", "zh-CN" if chinese else "en")
        expect(one.page.get_by_label("用户名或邮箱地址" if chinese else "Username or email address")).to_be_visible()
        one.picture(f"login-{device}-{locale}")
        one.sign_in("bob", PASSWORD)
        expect(one.page.get_by_role("heading", name="bob")).to_be_visible()
        expect(one.page.get_by_role("heading", name="已授权的应用" if chinese else "Connected applications")).to_be_visible()
        assert one.path == "/sage/"
        one.picture(f"account-{device}-{locale}")
        one.open("/sage/password")
        expect(one.page.get_by_role("heading", name="修改密码" if chinese else "Change password")).to_be_visible()
        one.picture(f"password-{device}-{locale}")


@pytest.mark.parametrize("viewport", [PHONE, DESKTOP, SMALLEST])
@pytest.mark.parametrize("path", ["/sage/login", "/sage/login?lang=zh-CN", "/sage/", "/sage/password", "/nowhere"])
def test_nothing_sticks_out_sideways(visit: Visitor, site: Platform, path: str, viewport: ViewportSize) -> None:
    with visit(viewport=viewport) as one:
        if path in {"/sage/", "/sage/password"}:
            one.open("/sage/login")
            one.sign_in("bob", PASSWORD)
            expect(one.page).to_have_url(site.base + "/sage/")
        one.open(path)
        assert one.fits()
        one.troubles.clear() if path == "/nowhere" else None  # Chromium reports the 404 that was asked for.


def test_a_wrong_password_is_told_at_the_form_and_beside_each_field(visit: Visitor) -> None:
    with visit(color_scheme="dark") as one:
        one.open("/sage/login?next=/sage/password")
        one.picture("login-dark")
        one.sign_in("alice", "not the password")
        expect(one.page.get_by_role("alert")).to_contain_text("Invalid username or password")
        expect(one.page.locator("#id_username")).to_have_attribute("aria-describedby", "errors")
        expect(one.page.locator("#id_username")).to_have_value("alice")
        expect(one.page.locator("#id_password")).to_have_value("")
        one.picture("login-wrong-dark")
        one.sign_in("alice", PASSWORD)
        expect(one.page.get_by_role("heading", name="Change password")).to_be_visible()
        assert one.path == "/sage/password"
        one.picture("password-dark")
        one.open("/sage/")
        one.picture("account-dark")


def test_the_language_switch_is_a_link_and_is_remembered(visit: Visitor) -> None:
    with visit(java_script_enabled=False) as one:
        one.open("/sage/login?next=/sage/password")
        one.page.get_by_role("link", name="简体中文").click()
        expect(one.page.get_by_role("heading", name="登录 Sage")).to_be_visible()
        assert one.page.url.endswith("/sage/login?next=%2Fsage%2Fpassword")
        one.open("/sage/login")
        expect(one.page.get_by_role("heading", name="登录 Sage")).to_be_visible()
        one.page.get_by_role("link", name="English").click()
        expect(one.page.get_by_role("heading", name="Sign in to Sage")).to_be_visible()


def test_changing_the_password_ends_the_other_window_and_keeps_this_one(visit: Visitor, site: Platform) -> None:
    new = "two in the bush, they say"
    with visit() as one, visit() as other:
        for window in (one, other):
            window.open("/sage/login")
            window.sign_in("alice", PASSWORD)
            expect(window.page.get_by_role("heading", name="alice")).to_be_visible()
        one.page.get_by_role("link", name="Change password").click()
        one.page.get_by_label("Current password").fill(PASSWORD)
        one.page.get_by_label("New password", exact=True).fill("12345678")
        one.page.get_by_label("New password, again").fill("1234")
        one.page.get_by_role("button", name="Change password").click()
        expect(one.page.get_by_role("alert")).to_contain_text("Please check these fields")
        expect(one.page.get_by_label("New password, again")).to_have_attribute("aria-describedby", "id_repeated_error")
        one.picture("password-wrong")
        one.page.get_by_label("Current password").fill(PASSWORD)
        one.page.get_by_label("New password", exact=True).fill(new)
        one.page.get_by_label("New password, again").fill(new)
        one.page.get_by_role("button", name="Change password").click()
        expect(one.page.get_by_role("status")).to_contain_text("Your password is changed")
        one.picture("account-password-changed")
        other.open("/sage/")
        assert other.path == "/sage/login"
        one.page.get_by_role("button", name="Sign out").click()
        expect(one.page).to_have_url(site.base + "/sage/login")
        one.open("/sage/")
        assert one.path == "/sage/login"
    signed_in = site.caller().post("/api/auth/login", {"username_or_email": "alice", "password": new})
    assert signed_in.json()["code"] == 200
    restored = site.signed_in("alice", new).post("/api/user/change-password", {"old_password": new, "new_password": PASSWORD})
    assert restored.json()["code"] == 200  # So that the tests may run in any order.


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
@pytest.mark.parametrize(("device", "viewport"), [("phone", PHONE), ("desktop", DESKTOP)])
def test_the_admin_works_under_its_security_policy(
    visit: Visitor, site: Platform, device: str, viewport: ViewportSize, locale: str
) -> None:
    chinese = locale == "zh-CN"
    with visit(viewport=viewport, locale=locale) as one:
        one.open("/admin/")
        one.picture(f"admin-login-{device}-{locale}")
        one.sign_in("admin", site.admin_password)
        expect(one.page.get_by_role("heading", name="平台概览" if chinese else "The deployment")).to_be_visible()
        one.picture(f"admin-index-{device}-{locale}")
        one.open("/admin/accounts/user/")
        expect(one.page.get_by_role("link", name="bob", exact=True)).to_be_visible()
        one.picture(f"admin-users-{device}-{locale}")
        one.page.set_viewport_size({"width": 1600, "height": 800})
        one.picture(f"admin-users-wide-{locale}")
        one.page.set_viewport_size(viewport)
        one.page.get_by_role("link", name="bob", exact=True).click()
        expect(one.page.locator("#id_nickname")).to_be_visible()
        one.picture(f"admin-user-{device}-{locale}")
        one.open("/sage/")
        expect(one.page.get_by_role("link", name="进入管理后台" if chinese else "Open the administration")).to_be_visible()
        one.picture(f"account-admin-{device}-{locale}")


def test_the_admin_in_the_dark_and_its_way_back_and_out(visit: Visitor, site: Platform) -> None:
    with visit(color_scheme="dark") as one:
        one.open("/admin/accounts/user/")
        one.sign_in("admin", site.admin_password)
        expect(one.page).to_have_url(site.base + "/admin/accounts/user/")
        one.picture("admin-users-dark")
        one.page.get_by_role("link", name="简体中文").click()
        expect(one.page.get_by_role("link", name="我的帐号")).to_be_visible()
        one.page.get_by_role("link", name="English").click()
        one.page.get_by_role("link", name="Your account").click()
        expect(one.page.get_by_role("heading", name="admin", exact=True)).to_be_visible()
        one.open("/admin/")
        one.page.get_by_role("button", name="Sign out").click()
        expect(one.page).to_have_url(site.base + "/admin/login/")


def test_an_error_page_says_what_to_do_next(visit: Visitor, site: Platform) -> None:
    with visit(locale="zh-CN", viewport=PHONE) as one:
        one.open("/nowhere")
        expect(one.page.get_by_role("heading", name="您访问的地址不存在。")).to_be_visible()
        one.picture("error-phone-zh-CN")
        one.page.get_by_role("link", name="前往我的帐号").click()
        assert one.path == "/sage/login"
        one.troubles.clear()  # Chromium reports the 404 that was asked for.


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_api_page_names_its_language_and_follows_the_scheme(visit: Visitor, scheme: str) -> None:
    """In English for a Chinese browser too, since the document is."""
    with visit(color_scheme=scheme, locale="zh-CN", viewport=PHONE) as one:
        one.open("/api/docs")
        expect(one.page.get_by_text("/api/auth/login", exact=True)).to_be_visible()
        expect(one.page.locator("html")).to_have_attribute("lang", "en")
        ground = "rgb(28, 32, 34)" if scheme == "dark" else "rgb(250, 250, 250)"
        expect(one.page.locator("body")).to_have_css("background-color", ground)
        assert one.fits()
        one.picture(f"api-docs-phone-{scheme}")


@pytest.mark.parametrize(("viewport", "scheme"), [(PHONE, "light"), (DESKTOP, "dark")])
def test_axe_finds_nothing_on_the_api_page(visit: Visitor, viewport: ViewportSize, scheme: str) -> None:
    """With operations of each method and a schema open, all being tried, and the dialog for signing in above them."""
    with visit(viewport=viewport, color_scheme=scheme) as one:
        one.open("/api/docs")
        expect(one.page.get_by_text("/api/auth/login", exact=True)).to_be_visible()
        for method in ("get", "post", "put", "delete"):
            one.page.locator(f".opblock-{method} .opblock-summary-control").last.click()
        one.page.locator(".json-schema-2020-12-accordion").first.click()
        expect(one.page.locator(".opblock.is-open .responses-table")).to_have_count(4)
        for button in one.page.locator(".try-out__btn").all():
            button.click()
        expect(one.page.locator(".btn.execute")).not_to_have_count(0)
        assert violations(one.page) == []
        one.page.locator(".scheme-container .btn.authorize").click()
        expect(one.page.get_by_role("button", name="Close")).not_to_have_count(0)
        assert violations(one.page) == []


def test_the_api_page_shows_its_operations_from_this_server_alone(visit: Visitor) -> None:
    with visit() as one:
        one.open("/api/docs")
        expect(one.page.get_by_text("/api/auth/login", exact=True)).to_be_visible()
        assert one.page.locator(".opblock").count() >= 20
        expect(one.page.locator(".errors-wrapper")).to_have_count(0)
        one.picture("api-docs")
        one.page.get_by_text("/api/auth/login", exact=True).click()
        expect(one.page.locator(".opblock.is-open .responses-table").first).to_be_visible()
        one.picture("api-docs-operation")

"""Jaeger behind the gate, as people meet it in Chromium: nginx with TLS, a platform, and a stand-in for Jaeger.

With SCREENSHOTS_DIR set each test leaves pictures there.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from typing import Literal

import pytest
from playwright.sync_api import ViewportSize, expect

from tests.e2e.chromium import DESKTOP, PHONE, Visit, launched, window
from tests.e2e.nginx import NAME, ORIGIN, Nginx
from tests.e2e.test_jaeger_gate import ALICE, ASKED, Site, behind_the_gate, site

pytestmark = [pytest.mark.browser, pytest.mark.nginx, pytest.mark.xdist_group("chromium")]
__all__ = ["site"]  # A fixture.

SIZES: dict[str, ViewportSize] = {"phone": PHONE, "desktop": DESKTOP}
SCHEMES: list[Literal["light", "dark"]] = ["light", "dark"]


@contextmanager
def visit(front: Nginx, language: str = "en-US") -> Iterator[Visit]:
    """A person's window, which finds the name here. The certificate is nobody's whom Chromium knows."""
    with (
        launched(f"--host-resolver-rules=MAP {NAME}:443 127.0.0.1:{front.port}") as browser,
        window(browser, ORIGIN, locale=language, ignore_https_errors=True) as one,
    ):
        yield one


def pictures(one: Visit, name: str) -> None:
    for (device, size), scheme in product(SIZES.items(), SCHEMES):
        one.page.set_viewport_size(size)
        one.page.emulate_media(color_scheme=scheme)
        one.picture(f"{name}-{device}-{scheme}")
        assert one.fits()


def test_an_administrator_signs_in_and_is_at_the_very_address(site: Site) -> None:
    with visit(site.front) as one:
        one.open(ASKED)
        assert one.path == "/sage/login"
        one.sign_in("admin", site.platform.admin_password)
        # The page's script has run, which nginx lets through as well.
        expect(one.page.locator("h1")).to_have_text(f"Traces at {ASKED}")
        assert one.page.url == ORIGIN + ASKED
        kept = one.page.evaluate("fetch('/jaeger/api/traces?limit=20', {method: 'POST'}).then(answer => answer.json())")
        assert kept == {"data": ["/jaeger/api/traces?limit=20"]}
        one.open("/api/observability/jaeger/search?limit=20&service=a%20b")
        expect(one.page.locator("h1")).to_have_text("Traces at /jaeger/search?limit=20&service=a%20b")
        one.picture("jaeger-of-an-administrator")
        one.open("/sage/")
        one.page.get_by_role("button", name="Sign out").click()
        one.page.wait_for_url("**/sage/login")
        one.open("/jaeger/")
        assert one.path == "/sage/login"
        assert one.hosts == {NAME}


@pytest.mark.parametrize(
    ("language", "told"), [("en-US", "If you should have access, ask an administrator."), ("zh-CN", "权限不足")]
)
def test_a_user_reads_why_not(language: str, told: str, site: Site) -> None:
    with visit(site.front, language) as one:
        one.open(ASKED)
        one.sign_in("alice", ALICE)
        expect(one.page.locator("main")).to_contain_text(told)
        assert one.page.url == ORIGIN + ASKED
        pictures(one, f"jaeger-403-{language}")


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Nginx]:
    """Where people sign in elsewhere."""
    with behind_the_gate(SAGE_AUTH_MODE="oauth") as (_platform, front, _pages):
        yield front


@pytest.mark.parametrize(
    ("language", "told", "button"),
    [
        ("en-US", "Sign in at your organization's sign-in service first", "Try again"),
        ("zh-CN", "请先通过您所在组织的登录服务登录", "重试"),
    ],
)
def test_in_oauth_mode_a_page_says_what_to_do(language: str, told: str, button: str, elsewhere: Nginx) -> None:
    with visit(elsewhere, language) as one:
        one.open(ASKED)
        expect(one.page.locator("main")).to_contain_text(told)
        pictures(one, f"jaeger-503-{language}")
        with one.page.expect_navigation():
            one.page.get_by_role("link", name=button).click()
        assert one.page.url == ORIGIN + ASKED

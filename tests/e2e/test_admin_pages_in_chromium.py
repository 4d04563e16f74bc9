"""Every page of the administration in Chromium: axe finds nothing wrong with it, and long names hide nothing.

A page is loaded once for each language; the sizes and colors are then changed under it.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.chromium import DESKTOP, PHONE, Visit, window, windows_of_an_administrator
from tests.e2e.long_names import WORDLESS
from tests.e2e.looks import faults
from tests.e2e.served import Platform, served

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("chromium")]

LISTS = {
    "users": "/admin/accounts/user/",
    "sign-ins": "/admin/accounts/signin/",
    "history": "/admin/admin/logentry/",
    "providers": "/admin/providers/provider/",
    "clients": "/admin/oauth2/application/",
    "access tokens": "/admin/oauth2/accesstoken/",
    "refresh tokens": "/admin/oauth2/refreshtoken/",
    "consents": "/admin/oauth2/consent/",
    "signing keys": "/admin/oauth2/signingkey/",
    "uploads": "/admin/uploads/upload/",
    "releases": "/admin/versions/release/",
    "refused releases": "/admin/versions/refusedrelease/",
    "events of usage": "/admin/system/usageevent/",
}
# Its rows have no pages.
LOCK_OUTS = "/admin/accounts/lockout/"
SETTINGS = "/admin/system/systemsettings/"
# A report in the place of a list; more of it in test_usage_in_chromium.py.
USAGE = "/admin/system/dailyusage/"


@pytest.fixture(scope="module")
def site() -> Iterator[Platform]:
    with served() as platform:
        filled = platform.manage("shell", "-c", "from tests.e2e.long_names import fill; fill()")
        assert filled.returncode == 0, filled.stdout + filled.stderr
        for _ in range(10):  # As many as lock an account out.
            platform.caller().post("/api/auth/login", {"username_or_email": f"{WORDLESS[:-1]}0", "password": "wrong"})
        yield platform


@pytest.fixture(scope="module")
def windows(chromium: Browser, site: Platform) -> Iterator[list[Visit]]:
    with windows_of_an_administrator(chromium, site) as both:
        yield both


def first_row(one: Visit, path: str) -> str:
    one.open(path)
    href = one.page.locator("#result_list tbody th a").first.get_attribute("href")
    assert href is not None
    return href.partition("?")[0]


def with_filters(one: Visit, path: str) -> None:
    one.open(path)
    filters = one.page.locator("details.filters > summary")
    if filters.count():
        filters.click()


def asked(action: str) -> Callable[[Visit, str], None]:
    """The page that asks before an action, from the first row's page."""

    def go(one: Visit, path: str) -> None:
        one.open(first_row(one, path))
        one.page.locator(f"form:has(input[name=action][value={action}]) button").click()
        expect(one.page.locator("input[name=confirmed]")).to_be_attached()

    return go


class PageOf(NamedTuple):
    """A page of the administration, and how one comes to it."""

    name: str
    path: str
    go: Callable[[Visit, str], None] = Visit.open


def of_row(part: str) -> Callable[[Visit, str], None]:
    return lambda one, path: one.open(first_row(one, path).replace("/change/", f"/{part}/"))


MADE_BY_HAND = ("users", "providers", "clients", "releases")
ASKED = [
    *[("users", "deactivate"), ("sign-ins", "end"), ("access tokens", "revoke"), ("refresh tokens", "revoke")],
    *[("consents", "withdraw"), ("clients", "disable"), ("clients", "renew_secret")],
    *[("uploads", "delete_files"), ("releases", "publish")],
]
PAGES = [
    PageOf("index", "/admin/"),
    PageOf("area", "/admin/oauth2/"),
    PageOf("settings", SETTINGS),
    PageOf("lock-outs", LOCK_OUTS),
    PageOf("usage", USAGE),
    PageOf("password", LISTS["users"], of_row("password")),
    *[PageOf(name, path, with_filters) for name, path in LISTS.items()],
    *[PageOf(f"row of {name}", path, of_row("change")) for name, path in LISTS.items()],
    *[PageOf(f"history of {name}", path, of_row("history")) for name, path in LISTS.items()],
    *[PageOf(f"adding to {name}", f"{LISTS[name]}add/") for name in MADE_BY_HAND],
    *[PageOf(f"deleting of {name}", LISTS[name], of_row("delete")) for name in MADE_BY_HAND],
    *[PageOf(f"{action} of {name}", LISTS[name], asked(action)) for name, action in ASKED],
]


def test_no_list_is_left_out(windows: list[Visit]) -> None:
    one = windows[0]
    one.open("/admin/")
    links = one.page.eval_on_selector_all("#content-main th a", "(links) => links.map((link) => link.getAttribute('href'))")
    assert set(links) == {*LISTS.values(), LOCK_OUTS, SETTINGS, USAGE}


@pytest.mark.parametrize("which", PAGES, ids=lambda which: which.name)
def test_a_page(which: PageOf, windows: list[Visit]) -> None:
    english, chinese = windows
    for one in windows:
        one.troubles.clear()
        one.page.set_viewport_size(DESKTOP)
        which.go(one, which.path)
        expect(one.page.locator("#content h1")).to_be_visible()
        one.picture(f"admin-{which.name}-{one.page.locator('html').get_attribute('lang')}".replace(" ", "-"))
    assert faults(english) == []
    assert faults(chinese, colors=["light"]) == []


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
def test_signing_in(chromium: Browser, site: Platform, locale: str) -> None:
    with window(chromium, site.base, locale=locale, reduced_motion="reduce") as one:
        one.open("/admin/login/")
        assert faults(one) == []


def test_a_name_is_shown_whole(windows: list[Visit]) -> None:
    """It breaks within its column, and every other column is in view beside it."""
    one = windows[0]
    one.page.set_viewport_size(DESKTOP)
    for name in ("users", "clients", "providers"):
        one.open(LISTS[name])
        cells = one.page.locator("#result_list tbody tr").first.locator("th, td")
        boxes = [cell.bounding_box() for cell in cells.all()]
        assert all(box is not None and box["x"] + box["width"] <= DESKTOP["width"] for box in boxes)
    hidden = "(cell) => getComputedStyle(cell).textOverflow === 'ellipsis' || cell.scrollWidth > cell.clientWidth + 1"
    assert not any(cell.evaluate(hidden) for cell in cells.all())


def test_on_a_phone_each_value_has_its_columns_name(windows: list[Visit]) -> None:
    one = windows[0]
    one.open(LISTS["users"])
    one.page.set_viewport_size(PHONE)
    row = one.page.locator("#result_list tbody tr", has_text="alice@sage.example")
    label = row.locator("td.field-email").evaluate("(cell) => getComputedStyle(cell, '::before').content")
    assert label == '"EMAIL ADDRESS"' or label.lower() == '"email address"'
    expect(row.locator("td.field-role")).to_be_visible()


def test_an_action_is_confirmed_by_the_keyboard(windows: list[Visit]) -> None:
    one = windows[0]
    one.page.set_viewport_size(DESKTOP)
    one.open(f"{LISTS['users']}?q=alice@sage")
    one.page.get_by_role("link", name="alice", exact=True).press("Enter")
    one.page.get_by_role("button", name="Deactivate").press("Enter")
    expect(one.page.get_by_role("heading", name="Deactivate")).to_be_visible()
    yes, no = one.page.get_by_role("button", name="Yes, I’m sure"), one.page.get_by_role("link", name="No, take me back")
    yes.focus()
    one.page.keyboard.press("Tab")
    expect(no).to_be_focused()
    one.page.keyboard.press("Enter")
    one.page.get_by_role("button", name="Deactivate").press("Enter")
    yes.press("Enter")
    expect(one.page.locator(".messagelist")).to_contain_text("1 user deactivated.")
    one.page.get_by_role("button", name="Activate").press("Enter")
    expect(one.page.locator(".messagelist")).to_contain_text("1 user activated.")


def test_a_new_secret_is_copied(windows: list[Visit]) -> None:
    one = windows[0]
    one.troubles.clear()
    one.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    asked("renew_secret")(one, LISTS["clients"])
    one.page.get_by_role("button", name="Yes, I’m sure").click()
    one.page.get_by_role("button", name="Copy").click()
    expect(one.page.get_by_role("status")).to_have_text("Copied")
    secret = one.page.locator(".secret dd code").nth(1).inner_text()
    assert secret.startswith("sage_cs_")
    assert one.page.evaluate("navigator.clipboard.readText()") == secret
    assert faults(one) == []

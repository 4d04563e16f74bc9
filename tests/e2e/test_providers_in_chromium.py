"""Model providers in the administration, as an administrator meets them in Chromium on a phone and on a desktop."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, ViewportSize, expect

from tests.e2e.chromium import DESKTOP, PHONE, Visit, window
from tests.e2e.served import Platform, served
from tests.vendor import Vendor, scripted_vendor

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("chromium")]

KEY = "sk-proj-Qx7Lw2Zt9Vb4Nm6Rk8Hd3"
PROVIDERS = "/admin/providers/provider/"
Look = tuple[str, ViewportSize, str]
LOOKS: list[Look] = [(*size, locale) for size in (("phone", PHONE), ("desktop", DESKTOP)) for locale in ("en-US", "zh-CN")]


@pytest.fixture(scope="module")
def site() -> Iterator[Platform]:
    with served() as platform:
        yield platform


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    with scripted_vendor() as made:
        yield made


def fill(one: Visit, vendor: Vendor, name: str) -> None:
    for field, text in (("name", name), ("base_url", vendor.base_url), ("model", "scripted-large"), ("new_key", KEY)):
        one.page.locator(f"#id_{field}").fill(text)


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: f"{look[0]}-{look[2]}")
def test_adding_one_that_fails_then_works_and_probing_it_again(
    chromium: Browser, site: Platform, vendor: Vendor, look: Look
) -> None:
    device, viewport, locale = look
    name = f"Acme {device} {locale}"
    with window(chromium, site.base, viewport=viewport, locale=locale) as one:
        one.open(PROVIDERS + "add/")
        one.sign_in("admin", site.admin_password)
        expect(one.page.locator("#id_new_key")).to_have_attribute("type", "password")
        one.picture(f"provider-add-{device}-{locale}")
        vendor.behave("unauthorized_401")
        fill(one, vendor, name)
        one.page.locator("[name=_save]").click()
        expect(one.page.locator(".errorlist")).to_contain_text("Incorrect API key provided.")
        expect(one.page.locator("#id_name")).to_have_value(name)
        expect(one.page.locator("#id_new_key")).to_have_value("")
        one.picture(f"provider-failing-{device}-{locale}")
        vendor.behave("good")
        one.page.locator("#id_new_key").fill(KEY)
        one.page.locator("[name=_save]").click()
        expect(one.page.locator("#result_list")).to_contain_text(name)
        one.picture(f"provider-list-{device}-{locale}")
        vendor.behave("quota_429")
        one.page.get_by_role("row", name=name).locator("input[type=checkbox]").check()
        one.page.locator("select[name=action]").select_option("probe_again")
        one.page.locator("button[name=index]").click()
        expect(one.page.locator(".messagelist .error")).to_contain_text("You exceeded your current quota")
        one.picture(f"provider-probed-{device}-{locale}")
        one.page.get_by_role("link", name=name, exact=True).click()
        expect(one.page.locator("#probes-group")).to_contain_text("You exceeded your current quota")
        one.picture(f"provider-form-{device}-{locale}")
        one.page.locator("#probes-group").scroll_into_view_if_needed()
        one.picture(f"provider-history-{device}-{locale}")
        assert KEY not in one.page.content()
        assert one.troubles == []

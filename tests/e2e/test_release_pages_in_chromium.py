"""A release in the administration, from a draft with faults to its withdrawal, in Chromium."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e import axe
from tests.e2e.chromium import DESKTOP, PHONE, Visit, window
from tests.e2e.served import Platform, served
from tests.versions.minisigning import SIGNER

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("chromium")]
WORDS = {
    "en-US": ("Save and continue editing", "Publish", "Withdraw", "Yes, I’m sure"),
    "zh-CN": ("保存并继续编辑", "发布", "撤回", "是的，我确定"),
}


@pytest.fixture(scope="module")
def site() -> Iterator[Platform]:
    with served() as platform:
        yield platform


def looked_at(one: Visit, name: str) -> None:
    """Nothing is wrong with the page, at either size and in light and dark."""
    assert one.troubles == []
    for size in (DESKTOP, PHONE):
        one.page.set_viewport_size(size)
        for color in ("light", "dark"):
            one.page.emulate_media(color_scheme="dark" if color == "dark" else "light")
            assert one.fits()
            assert axe.violations(one.page) == []
            one.whole_picture(f"release-{name}-{size['width']}-{color}")
    one.page.set_viewport_size(DESKTOP)
    one.troubles.clear()  # What axe tries to load is against the security policy, and told in the console.


@pytest.mark.parametrize("locale", WORDS)
def test_from_a_draft_to_its_withdrawal(locale: str, chromium: Browser, site: Platform) -> None:
    save, publish, withdraw, yes = WORDS[locale]
    version = {"en-US": "1.4.0", "zh-CN": "1.5.0"}[locale]
    with window(chromium, site.base, locale=locale, reduced_motion="reduce") as one:
        page = one.page
        one.open("/admin/login/")
        one.sign_in("admin", site.admin_password)
        expect(page.locator("#logout-form")).to_be_attached()
        one.open("/admin/versions/release/add/")
        page.locator("#id_version").fill(version)
        page.locator("#id_release_notes").fill("# Sage\n\n- 更快 🚀")
        page.locator("#id_artifacts-0-platform").fill("darwin-aarch64")
        page.locator("#id_artifacts-0-updater_url").fill("https://dl.example/Sage.app.tar.gz")
        # The preview follows what is typed, without saving.
        preview = page.locator(".release-preview")
        expect(preview.locator(".faults li")).to_have_count(1)
        looked_at(one, f"draft-with-faults-{locale}")
        page.locator("#id_artifacts-0-updater_signature").fill(SIGNER.sign(b"the update"))
        expect(preview.locator(".faults")).to_have_count(0)
        expect(preview.locator("pre").first).to_contain_text(f'"version": "{version}"')
        preview.locator("summary", has_text="latest").press("Enter")
        page.locator("#id_release_notes").fill("# Sage\n\n- 更稳定")
        expect(preview.locator("pre").last).to_be_visible()
        expect(preview.locator("pre").last).to_contain_text("更稳定")
        page.get_by_role("button", name=save).click()
        expect(page.locator(".messagelist .success")).to_be_visible()
        looked_at(one, f"draft-{locale}")
        page.get_by_role("button", name=publish, exact=True).click()
        page.get_by_role("button", name=yes).press("Enter")
        expect(page.locator(".messagelist .success")).to_be_visible()
        looked_at(one, f"published-{locale}")
        told = site.caller().get("/api/system/version/check")
        assert (told.status_code, told.json()["version"], told.json()["notes"]) == (200, version, "# Sage\n\n- 更稳定")
        page.get_by_role("button", name=withdraw, exact=True).click()
        page.locator("#id_because").fill("It loses files.")
        looked_at(one, f"withdrawing-{locale}")
        page.get_by_role("button", name=yes).click()
        expect(page.locator(".field-withdrawn_because")).to_contain_text("It loses files.")
        looked_at(one, f"withdrawn-{locale}")
        assert site.caller().get("/api/system/version/check").status_code == 204

"""The plots of usage in Chromium, with nothing, a day and a year of it: as they look, and as they are used by the keyboard."""

from collections.abc import Iterator
from itertools import pairwise

import pytest
from playwright.sync_api import Browser, ViewportSize, expect

from tests.e2e.chromium import PHONE, Visit, windows_of_an_administrator
from tests.e2e.looks import Color, faults
from tests.e2e.served import Platform, served

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("chromium")]

PAGE = "/admin/system/dailyusage/"


@pytest.fixture(scope="module")
def site() -> Iterator[Platform]:
    with served() as platform:
        yield platform


def have(platform: Platform, days: int) -> None:
    made = platform.manage("shell", "-c", f"from tests.usage_rows import fill; fill({days})")
    assert made.returncode == 0, made.stdout + made.stderr


@pytest.fixture(scope="module")
def windows(chromium: Browser, site: Platform) -> Iterator[list[Visit]]:
    with windows_of_an_administrator(chromium, site) as both:
        yield both


def looked_at(one: Visit, path: str, name: str) -> list[str]:
    language = one.page.locator("html").get_attribute("lang")

    def picture(size: ViewportSize, color: Color) -> None:
        one.whole_picture(f"usage-{name}-{language}-{size['width']}-{color}")

    one.troubles.clear()
    one.open(path)
    return faults(one, shown=picture)


@pytest.mark.parametrize(("days", "name"), [(0, "none"), (1, "day"), (365, "year")])
def test_how_it_looks(days: int, name: str, site: Platform, windows: list[Visit]) -> None:
    have(site, days)
    for one in windows:
        assert looked_at(one, f"{PAGE}?days=365" if days > 1 else PAGE, name) == []
        assert looked_at(one, "/admin/", f"index-{name}") == []


def test_a_month_and_mistakes(site: Platform, windows: list[Visit]) -> None:
    have(site, 365)
    for one in windows:
        assert looked_at(one, PAGE, "month") == []
        assert looked_at(one, f"{PAGE}?start_date=2026-11-28&end_date=2026-11-01&agent={'🦊' * 128}", "mistake") == []


def test_the_labels_of_a_plot_do_not_shrink(site: Platform, windows: list[Visit]) -> None:
    one = windows[0]
    have(site, 365)
    one.page.set_viewport_size(PHONE)
    one.open(f"{PAGE}?days=90")
    plot = one.page.locator(".chart-plot").first
    heights = [box["height"] for label in plot.locator(".chart-days text:visible").all() if (box := label.bounding_box())]
    assert len(heights) >= 4
    assert min(heights) >= 12
    right = [box["x"] + box["width"] for label in plot.locator("text:visible").all() if (box := label.bounding_box())]
    assert max(right) <= PHONE["width"]
    texts = [box for label in plot.locator(".chart-days text:visible").all() if (box := label.bounding_box())]
    row = sorted((box["x"], box["x"] + box["width"]) for box in texts if abs(box["y"] - texts[0]["y"]) < 2)
    assert all(end < start for (_start, end), (start, _end) in pairwise(row))


def test_by_the_keyboard(site: Platform, windows: list[Visit]) -> None:
    """The range, the table behind a plot, and who used most."""
    one = windows[0]
    have(site, 30)
    one.open(PAGE)
    one.page.get_by_label("Agent", exact=True).press("Enter")
    one.page.get_by_role("link", name="7 days").press("Enter")
    expect(one.page.get_by_role("link", name="7 days")).to_have_attribute("aria-current", "page")
    one.page.get_by_text("Calls as a table").press("Enter")
    table = one.page.get_by_role("region", name="Calls")
    expect(table.get_by_role("row")).to_have_count(8)
    one.page.keyboard.press("Tab")
    expect(table).to_be_focused()
    one.page.get_by_role("link", name="writer", exact=True).press("Enter")
    expect(one.page.locator(".usage-about")).to_contain_text("Of the agent writer alone.")
    with one.page.expect_download() as download:
        one.page.get_by_role("link", name="Download as CSV").press("Enter")
    assert download.value.suggested_filename.startswith("usage-")
    one.page.get_by_role("link", name="Every agent").press("Enter")
    expect(one.page.locator(".usage-about")).not_to_contain_text("alone")

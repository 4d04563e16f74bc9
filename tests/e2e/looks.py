"""What is wrong with how a page looks, at each size and in light and dark."""

from collections.abc import Callable, Sequence
from typing import Literal

from playwright.sync_api import ViewportSize

from tests.e2e import axe
from tests.e2e.chromium import DESKTOP, PHONE, Visit

Color = Literal["light", "dark"]
SIZES: list[ViewportSize] = [DESKTOP, PHONE]
# What is too wide for the place that it has: there the page could be scrolled sideways, or something is cut off.
TOO_WIDE = """() => [document.documentElement, ...document.querySelectorAll(".results, .tabular, .module table, .chart-ranking")]
  .filter((element) => element.scrollWidth > Math.min(element.clientWidth, innerWidth) + 1)
  .map((element) => `${element.tagName}.${element.className}: ${element.scrollWidth} in ${element.clientWidth}`)"""


def faults(
    one: Visit, colors: Sequence[Color] = ("light", "dark"), shown: Callable[[ViewportSize, Color], object] | None = None
) -> list[str]:
    """What is wrong with the open page. `shown` is called with each size and color."""
    assert one.troubles == []
    found: list[str] = []
    for size in SIZES:
        one.page.set_viewport_size(size)
        found += [f"{size['width']} px: {fault}" for fault in one.page.evaluate(TOO_WIDE)]
        for color in colors:
            one.page.emulate_media(color_scheme=color)
            if shown is not None:
                shown(size, color)
            found += [f"{size['width']} px, {color}: {fault}" for fault in axe.violations(one.page)]
    one.troubles.clear()  # What axe tries to load is against the security policy, and told in the console.
    return found

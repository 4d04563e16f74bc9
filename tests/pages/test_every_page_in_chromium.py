"""Every page of ours in Chromium, in both languages, light and dark, on a phone and on a desktop: axe finds nothing wrong.

The pages are answered by the platform inside the test, in all their states, and shown at an address that nobody has. What the
browser asks for beside them is refused. With SCREENSHOTS_DIR set each page leaves a picture there.
"""

from itertools import product
from typing import Literal
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Route, ViewportSize

from tests.e2e.axe import violations
from tests.e2e.chromium import DESKTOP, PHONE, SMALLEST, launched, window
from tests.pages.conftest import Show, Shown

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("chromium")]

SIZES: dict[str, ViewportSize] = {"phone": PHONE, "desktop": DESKTOP}
# A desktop at 400 % (WCAG 2.2, 1.4.10), so that 200 % is no question.
ZOOMED: ViewportSize = {"width": 320, "height": 256}
SCHEMES: list[Literal["light", "dark"]] = ["light", "dark"]
ORIGIN = "https://sage.example"
# Letters at 200 % and nothing else larger (WCAG 2.2, 1.4.4), and which words of ours are then cut to fit.
ENLARGE = "() => { document.documentElement.style.fontSize = '200%'; }"
CUT_WORDS = """() => [...document.querySelectorAll('.top, h1, label, .button, .badge')].flatMap(element => {
  const found = [], walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) for (const word of walker.currentNode.data.matchAll(/[a-z]{2,12}(?![a-z])/gi)) {
    const range = document.createRange();
    range.setStart(walker.currentNode, word.index);
    range.setEnd(walker.currentNode, word.index + word[0].length);
    if (range.getClientRects().length > 1) found.push(`It cuts ${word[0]}.`);
  }
  return found;
})"""


class Shelf:
    """Answers the browser from the pages at hand. `refused` is what else it asked for."""

    def __init__(self, shown: Shown) -> None:
        self.shown = shown
        self.refused: list[str] = []

    def __call__(self, route: Route) -> None:
        page = self.shown.get(urlsplit(route.request.url).path.removeprefix("/"))
        if page is None:
            self.refused.append(route.request.url)
            route.abort()
            return
        route.fulfill(status=page.status_code, headers=dict(page.headers.items()), body=page.content)


@pytest.mark.parametrize("language", ["en-US", "zh-CN"])
def test_axe_finds_nothing_and_nothing_sticks_out(show: Show, language: str) -> None:
    shelf = Shelf(show(language))
    wrong: dict[str, list[str]] = {}
    with launched() as browser, window(browser, ORIGIN, locale=language) as one:
        one.page.route("**/*", shelf)
        for name in shelf.shown:
            one.open(f"/{name}")
            for (device, size), scheme in product(SIZES.items(), SCHEMES):
                one.page.set_viewport_size(size)
                one.page.emulate_media(color_scheme=scheme)
                look = f"{name}-{device}-{scheme}-{language}"
                one.picture(look)
                found = violations(one.page) + ([] if one.fits() else ["It sticks out sideways."])
                wrong |= {look: found} if found else {}
            one.page.set_viewport_size(ZOOMED)
            one.picture(f"{name}-zoomed-{language}")
            wrong |= {} if one.fits() else {f"{name}-zoomed-{language}": ["It sticks out sideways."]}
            one.page.set_viewport_size(SMALLEST)
            one.page.evaluate(ENLARGE)
            one.picture(f"{name}-enlarged-{language}")
            cut = [] if "long-names" in name else one.page.evaluate(CUT_WORDS)
            found = cut + ([] if one.fits() else ["It sticks out sideways."])
            wrong |= {f"{name}-enlarged-{language}": found} if found else {}
        assert wrong == {}
        assert shelf.refused == []
        # Chromium reports the statuses that were asked for, and nothing that the policy has kept out.
        assert [line for line in one.troubles if "the server responded with a status of" not in line] == []

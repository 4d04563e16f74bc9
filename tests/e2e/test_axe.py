"""That axe tells what is wrong: else the tests that it finds nothing would say nothing."""

import pytest

from tests.e2e.axe import violations
from tests.e2e.chromium import launched, window

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("chromium")]

PAGE = """<!doctype html>
<html lang="en"><head><title>A page</title></head>
<body style="background: white"><main><h1>A page</h1>%s</main></body></html>"""


@pytest.mark.parametrize(
    ("body", "rules"),
    [
        ("<p>Nothing is wrong here.</p>", []),
        ('<p style="color: #bbb">Who can read this?</p>', ["color-contrast"]),
        ("<select><option>One</option></select>", ["select-name"]),
        ('<button style="all: unset; font-size: 8px">a</button>' * 2, ["target-size"] * 2),
    ],
)
def test_axe_names_the_rule_that_is_broken(body: str, rules: list[str]) -> None:
    with launched() as browser, window(browser, "") as one:
        one.page.set_content(PAGE % body)
        assert [line.partition(":")[0] for line in violations(one.page)] == rules

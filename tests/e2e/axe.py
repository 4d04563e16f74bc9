"""axe-core in the browser: what it finds against WCAG 2.2, levels A and AA, on the page that is open.

`make check-browser` installs it, with the other npm packages of the tests (tests/clients).
"""

from functools import cache
from pathlib import Path

from playwright.sync_api import Page

SCRIPT = Path(__file__).parents[1] / "clients" / "node_modules" / "axe-core" / "axe.min.js"
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
RUN = """async levels => {
  const found = await axe.run({ runOnly: { type: 'tag', values: levels }, resultTypes: ['violations'] });
  return found.violations.flatMap(rule => rule.nodes.map(node =>
    `${rule.id}: ${node.target.join(' ')}: ${node.failureSummary.replace(/\\s+/g, ' ')}`));
}"""


@cache
def script() -> str:
    return SCRIPT.read_text(encoding="utf-8")


def violations(page: Page) -> list[str]:
    """A line for each element that breaks a rule: the rule, the element, and what to mend."""
    page.evaluate(script())
    found: list[str] = page.evaluate(RUN, LEVELS)
    return found

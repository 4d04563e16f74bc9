"""A person with a browser that follows every redirect, signs in at our login page, and answers our consent page."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import requests

PASSWORD = "a bird in the hand"


class _Forms(HTMLParser):
    """The forms of a page: where each is sent, and its fields that are filled in already."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.found.append((values.get("action", ""), {}))
        elif tag == "input" and self.found and "name" in values:
            self.found[-1][1][values["name"]] = values.get("value", "")


@dataclass
class Person:
    """`decision` is what they answer where they are asked: "allow" or "deny"."""

    name: str
    platform: str
    decision: str = "allow"
    browser: requests.Session = field(default_factory=requests.Session)
    # The platform's pages that they were shown, as paths.
    shown: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.browser.trust_env = False

    def open(self, address: str) -> requests.Response:
        return self._go_on(self.browser.get(address, timeout=20))

    def submit(self, page: requests.Response, **typed: str) -> requests.Response:
        """Send the page's only form, or the last one."""
        return self._go_on(self._send(page, typed))

    def _send(self, page: requests.Response, typed: dict[str, str]) -> requests.Response:
        forms = _Forms()
        forms.feed(page.text)
        action, filled = forms.found[-1]
        return self.browser.post(urljoin(page.url, action), filled | typed, timeout=20)

    def _go_on(self, page: requests.Response) -> requests.Response:
        """Answer the platform's pages until a page of another program comes."""
        while page.url.startswith(self.platform):
            path = urlsplit(page.url).path
            assert page.status_code == 200, page.text
            assert len(self.shown) < 10, self.shown
            self.shown.append(path)
            answer = {"decision": self.decision}
            if path == "/sage/login":
                answer = {"username": self.name, "password": PASSWORD}
            page = self._send(page, answer)
        return page

"""Chromium, and one person's window in it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

from tests.e2e.served import Platform

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
PHONE: ViewportSize = {"width": 390, "height": 844}
DESKTOP: ViewportSize = {"width": 1280, "height": 800}
SMALLEST: ViewportSize = {"width": 360, "height": 640}
expect.set_options(timeout=20_000)  # A busy machine is slow, which is no failure.


@dataclass
class Visit:
    """One person's browser window. `troubles` is what the console complained of, and `hosts` who was asked for anything."""

    page: Page
    base: str
    troubles: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)

    def open(self, path: str) -> None:
        self.page.goto(self.base + path)

    def sign_in(self, name: str, password: str) -> None:
        self.page.locator("#id_username").fill(name)
        self.page.locator("#id_password").fill(password)
        self.page.locator("#id_password").press("Enter")

    @property
    def path(self) -> str:
        return urlsplit(self.page.url).path

    def fits(self) -> bool:
        """Nothing sticks out sideways."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))

    def picture(self, name: str) -> None:
        if folder := os.environ.get("SCREENSHOTS_DIR"):
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=Path(folder, f"{name}.png"))

    def whole_picture(self, name: str) -> None:
        """Of the page in its whole length."""
        if folder := os.environ.get("SCREENSHOTS_DIR"):
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=Path(folder, f"{name}.png"), full_page=True)


@contextmanager
def launched(*more: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS, *more], headless=True)
        yield browser
        browser.close()


@contextmanager
def windows_of_an_administrator(browser: Browser, site: Platform) -> Iterator[list[Visit]]:
    """One in each language, where nothing moves."""
    with (
        window(browser, site.base, locale="en-US", reduced_motion="reduce") as english,
        window(browser, site.base, locale="zh-CN", reduced_motion="reduce") as chinese,
    ):
        for one in (english, chinese):
            one.open("/admin/login/")
            one.sign_in("admin", site.admin_password)
            expect(one.page.locator("#logout-form")).to_be_attached()
        yield [english, chinese]


@contextmanager
def window(browser: Browser, base: str, **given: Any) -> Iterator[Visit]:
    """A new person's: nothing of another window's cookies."""
    options: dict[str, Any] = {"viewport": DESKTOP, "locale": "en-US"} | given
    with browser.new_context(**options) as context:
        one = Visit(context.new_page(), base)
        one.page.set_default_timeout(20_000)
        one.page.on("console", lambda line: one.troubles.append(line.text) if line.type in {"error", "warning"} else None)
        one.page.on("pageerror", lambda error: one.troubles.append(str(error)))
        one.page.on("request", lambda request: one.hosts.add(urlsplit(request.url).netloc or request.url[:5]))
        yield one

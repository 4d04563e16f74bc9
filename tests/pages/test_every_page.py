"""What holds of every page of ours."""

import html
import re

from tests.pages.conftest import GIVEN, Show
from tests.visitor import policy_for

# Names, and what is written in Latin letters in Chinese too.
LATIN = {
    "Sage",
    "ID",
    "API",
    "GB",
    "MB",
    "KB",
    "UTC",
    "token",
    "Cookie",
    "English",
    "Content-Length",
    "application",
    "x-www-form-urlencoded",
}
ATTRIBUTES = re.compile(r'(?:aria-label|title|alt|placeholder)="([^"]*)"')


def words(page: str) -> list[str]:
    """All that a person reads or hears, by its words of Latin letters."""
    bare = re.sub(r"(?s)<style>.*?</style>|<code>.*?</code>", " ", page)
    text = " ".join([re.sub(r"<[^>]*>", " ", bare), *ATTRIBUTES.findall(bare)])
    text = html.unescape(text)
    for given in GIVEN:
        text = text.replace(given, " ")
    return sorted(set(re.findall(r"[A-Za-z][A-Za-z'-]+", text)) - LATIN)


def test_no_english_is_left_on_a_chinese_page(show: Show) -> None:
    shown = show("zh-CN")
    assert {name: left for name, page in shown.items() if (left := words(page.content.decode()))} == {}
    assert {page.headers["Content-Language"] for page in shown.values()} == {"zh-CN"}


def test_every_page_carries_what_it_needs_and_runs_nothing(show: Show) -> None:
    """Behind a proxy that passes nothing else on it looks the same."""
    for name, page in show("en").items():
        assert page.headers["Content-Security-Policy"] == policy_for(page), name
        assert page.headers["Cache-Control"] == "no-store, private", name
        text = page.content.decode()
        assert re.findall(r"<script|\son\w+=|\sstyle=|javascript:", text) == [], name
        loaded = re.findall(r'<(?:link|img|script|iframe)[^>]*(?:href|src)="([^"]*)"', text)
        assert {address[:19] for address in loaded} == {"data:image/svg+xml,"}, name
        assert text.count("<h1") == 1, name
        assert '<html lang="en">' in text, name

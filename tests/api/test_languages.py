"""Which language an answer is in (docs/api.md#languages), and what Content-Language and Vary say of it."""

import pytest
from django.test import RequestFactory
from pytest_django import Settings

from sage_platform.api.languages import language_of
from tests.people import Caller, envelope

EN, ZH = "en", "zh-hans"
TAGS = [
    ("en", EN),
    ("en-US", EN),
    ("EN-gb", EN),
    ("en_US", EN),
    ("zh", ZH),
    ("zh-CN", ZH),
    ("zh_CN", ZH),
    ("ZH-cn", ZH),
    ("zh-Hans", ZH),
    ("zh-Hans-CN", ZH),
    ("zh-TW", ZH),
]


@pytest.mark.parametrize("header", ["X-Sage-Locale", "X-Accept-Language", "Accept-Language"])
@pytest.mark.parametrize(("tag", "language"), TAGS)
def test_each_header_and_tag(tag: str, language: str, header: str, settings: Settings) -> None:
    settings.LANGUAGE_CODE = EN if language == ZH else ZH
    assert language_of(RequestFactory().get("/", headers={header: tag})) == language


PRECEDENCE = [
    ({"X-Sage-Locale": "zh", "X-Accept-Language": "en", "Accept-Language": "en"}, ZH),
    ({"X-Sage-Locale": "en", "X-Accept-Language": "zh", "Accept-Language": "zh"}, EN),
    ({"X-Accept-Language": "zh", "Accept-Language": "en"}, ZH),
    ({"X-Accept-Language": "en", "Accept-Language": "zh"}, EN),
    # A header that names no language of ours is passed over.
    ({"X-Sage-Locale": "fr", "X-Accept-Language": "zh", "Accept-Language": "en"}, ZH),
    ({"X-Sage-Locale": "", "Accept-Language": "zh"}, ZH),
    ({"X-Sage-Locale": "fr", "X-Accept-Language": "de", "Accept-Language": "ja"}, EN),
    # The weights of RFC 9110 §12.4.2.
    ({"Accept-Language": "en;q=0.3, zh;q=0.8"}, ZH),
    ({"Accept-Language": "zh;q=0.3, en;q=0.8"}, EN),
    ({"Accept-Language": "fr, zh;q=0.1"}, ZH),
    ({"Accept-Language": "zh;q=0, en;q=0.1"}, EN),
    ({"Accept-Language": "zh;q=0"}, EN),
    ({"Accept-Language": "*"}, EN),
    ({"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.8"}, ZH),
    # What is no list of languages is nothing.
    ({"Accept-Language": "zh;;q=1"}, EN),
    ({"Accept-Language": "../../zh"}, EN),
    ({"Accept-Language": "x" * 10_000}, EN),
    ({"X-Sage-Locale": "zh-" * 5_000}, EN),
    ({"X-Sage-Locale": "\u4e2d\u6587"}, EN),
    ({}, EN),
]


@pytest.mark.parametrize(("headers", "language"), PRECEDENCE)
def test_precedence_and_weights(headers: dict[str, str], language: str) -> None:
    assert language_of(RequestFactory().get("/", headers=headers)) == language


COOKIE = [
    ("/sage/login", {"Accept-Language": "en"}, ZH),
    ("/sage/login", {"X-Accept-Language": "en"}, EN),
    ("/sage/login", {"X-Sage-Locale": "en"}, EN),
    ("/sage/login", {}, ZH),
    ("/api/system/info", {}, EN),
    ("/api/system/info", {"Accept-Language": "zh"}, ZH),
]


@pytest.mark.parametrize(("path", "headers", "language"), COOKIE)
def test_the_cookie_of_the_switch_counts_on_pages_before_the_browsers_header(
    path: str, headers: dict[str, str], language: str
) -> None:
    """And after the headers that only a program sends; for the API never, since no cache compares cookies."""
    request = RequestFactory().get(path, headers=headers)
    request.COOKIES["sage_language"] = "zh-CN"
    assert language_of(request) == language


@pytest.mark.parametrize("headers", [{}, {"Accept-Language": "*"}, {"X-Sage-Locale": "fr"}])
def test_the_deployments_default(headers: dict[str, str], settings: Settings) -> None:
    settings.LANGUAGE_CODE = ZH
    assert language_of(RequestFactory().get("/", headers=headers)) == ZH


@pytest.mark.parametrize("path", ["/api/auth/session", "/api/system/info", "/api/nowhere", "/sage/login", "/nowhere"])
def test_content_language_and_vary(path: str, anyone: Caller) -> None:
    for tag, said in (("zh-TW", "zh-CN"), ("en-GB", "en")):
        response = anyone.get(path, Accept_Language=tag)
        assert response.headers["Content-Language"] == said
        vary = {name.strip().lower() for name in response.headers["Vary"].split(",")}
        assert {"x-sage-locale", "x-accept-language", "accept-language"} <= vary


def test_messages_are_translated(anyone: Caller) -> None:
    said = envelope(anyone.get("/api/auth/session", X_Sage_Locale="zh-CN"))["message"]
    assert said != "Please sign in."
    assert any("\u4e00" <= character <= "\u9fff" for character in said)


def test_one_request_does_not_choose_for_the_next(anyone: Caller) -> None:
    anyone.get("/api/auth/session", X_Sage_Locale="zh-CN")
    response = anyone.get("/api/auth/session")
    assert response.headers["Content-Language"] == "en"
    assert envelope(response)["message"] == "Please sign in."

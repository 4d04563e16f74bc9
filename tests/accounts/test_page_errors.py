"""What a person sees where a page cannot be shown: the status, what to do next, and the request's id."""

import logging

import pytest
from django.db import OperationalError

from sage_platform.accounts.services import sign_ins
from tests.people import Response
from tests.visitor import Visitor, policy_for, text_of

pytestmark = pytest.mark.django_db
ID = "page-error-0001"


def shown(response: Response, status: int) -> str:
    assert response.status_code == status
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert response.headers["X-Request-ID"] == ID
    assert response.headers["Cache-Control"] == "no-store, private"
    assert response.headers["Content-Security-Policy"] == policy_for(response)
    assert "Cookie" in response.headers["Vary"]
    text = text_of(response)
    assert f"{status}" in text
    assert ID in text
    return text


@pytest.mark.parametrize(
    ("language", "title", "advice"),
    [
        ("en", "There is nothing at this address.", "The address may be mistyped, or what was there has been removed."),
        ("zh-CN", "您访问的地址不存在。", "地址可能输入有误，或者内容已被移除。"),
    ],
)
@pytest.mark.parametrize("path", ["/nowhere", "/sage/nowhere", "/admin.php"])
def test_nothing_there(path: str, language: str, title: str, advice: str) -> None:
    text = shown(Visitor().open(path, X_Request_ID=ID, Accept_Language=language), 404)
    assert title in text
    assert advice in text
    assert text.startswith(f"404: {title} · Sage ")


def test_the_chosen_language_counts_here_too() -> None:
    guest = Visitor()
    guest.open("/sage/login?lang=zh-CN")
    response = guest.open("/nowhere", X_Request_ID=ID, Accept_Language="en")
    assert "您访问的地址不存在。" in shown(response, 404)
    assert '<html lang="zh-CN">' in response.content.decode()


def test_a_forged_host() -> None:
    response = Visitor().open("/sage/login", X_Request_ID=ID, Host="x.example")
    text = shown(response, 400)
    assert "The request is not valid." in text
    assert "x.example" not in response.content.decode()


def test_a_wrong_method_is_not_repeated_in_the_page() -> None:
    response = Visitor().client.generic("BREW", "/sage/login", headers={"X-Request-ID": ID})
    assert "Go back and use the page's own buttons and links." in shown(response, 405)
    assert "BREW" not in response.content.decode()


def test_a_crash_tells_nothing_of_what_broke(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def broken(_request: object, *, at: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(sign_ins, "of_session", broken)
    with caplog.at_level(logging.CRITICAL):
        response = Visitor().open("/sage/", X_Request_ID=ID)
    assert "Something went wrong here. It is not your fault." in shown(response, 500)
    assert "secret detail" not in response.content.decode()


def test_a_lost_database_is_a_503(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(_request: object, *, at: object) -> None:
        raise OperationalError("could not connect to db.internal")

    monkeypatch.setattr(sign_ins, "of_session", gone)
    response = Visitor().open("/sage/", X_Request_ID=ID, Accept_Language="zh")
    assert "服务暂时不可用，请稍后再试。" in shown(response, 503)
    assert response.headers["Retry-After"] == "5"
    assert "db.internal" not in response.content.decode()

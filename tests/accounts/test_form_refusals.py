"""What a person typed into a form and is not allowed there: a sentence, with HTTP 200 (docs/api.md#business-refusals).

The web application shows the text of business refusals alone.
"""

from typing import Any

import pytest

from sage_platform.accounts.models import User
from tests.people import PASSWORD, Caller, envelope
from tests.rows import rows

pytestmark = pytest.mark.usefixtures("open_registration")

REGISTER = {"username": "carol", "password": PASSWORD, "email": "c@sage.example", "verification_code": "123456"}
ADD = {"username": "carol", "password": PASSWORD}
SEND = {"email": "c@sage.example"}
NAME = "A username is 1 to 64 letters, digits and . _ - without spaces."
NAME_ZH = "用户名由 1 到 64 个字母、数字以及 . _ - 组成，不含空格。"
EMAIL = "Enter a valid email address."
EMAIL_ZH = "请输入有效的邮箱地址。"
PHONE = "Enter a phone number: digits, and + ( ) - . / between them."
PHONE_ZH = "请输入电话号码：数字，其间可用 + ( ) - . / 分隔。"

CASES: list[tuple[str, dict[str, str], str, str, str, str]] = [
    ("/api/auth/register", REGISTER, "username", "carol smith", NAME, NAME_ZH),
    ("/api/user/register", REGISTER, "username", "carol smith", NAME, NAME_ZH),
    ("/api/auth/register", REGISTER, "username", "", NAME, NAME_ZH),
    ("/api/auth/register", REGISTER, "username", "c" * 256, NAME, NAME_ZH),
    ("/api/auth/register", REGISTER, "email", "carol at sage", EMAIL, EMAIL_ZH),
    ("/api/auth/register", REGISTER, "phonenum", "call me", PHONE, PHONE_ZH),
    ("/api/auth/register", REGISTER, "password", "", "Enter a password.", "请输入密码。"),
    (
        "/api/auth/register", REGISTER, "password", "x" * 1025,
        "A password has at most 1024 characters.", "密码最多 1024 个字符。",
    ),
    ("/api/auth/register", REGISTER, "verification_code", "", "Enter the code from the mail.", "请输入邮件中的验证码。"),
    ("/api/auth/register/send-code", SEND, "email", "carol at sage", EMAIL, EMAIL_ZH),
    ("/api/user/register/send-code", SEND, "email", "", EMAIL, EMAIL_ZH),
    ("/api/auth/register/send-code", SEND, "email", "c" * 250 + "@sage.example", EMAIL, EMAIL_ZH),
    ("/api/user/add", ADD, "username", "carol/smith", NAME, NAME_ZH),
    ("/api/user/add", ADD, "email", "carol", EMAIL, EMAIL_ZH),
    ("/api/user/add", ADD, "phonenum", "1" * 33, PHONE, PHONE_ZH),
]  # fmt: skip


@pytest.mark.parametrize(("path", "body", "field", "value", "english", "chinese"), CASES)
def test_the_sentence_is_in_the_message_and_beside_its_field(  # noqa: PLR0917  pytest passes them by name.
    path: str, body: dict[str, str], field: str, value: str, english: str, chinese: str, as_admin: Caller
) -> None:
    before = rows()
    for locale, sentence in (("en", english), ("zh-CN", chinese)):
        response = as_admin.post(path, body | {field: value}, X_Sage_Locale=locale)
        assert response.status_code == 200
        errors = {"errors": [{"field": field, "message": sentence}]}
        assert envelope(response) == {"code": 422, "message": sentence, "data": errors}
    assert rows() == before


def test_several_at_once_are_told_together(as_admin: Caller) -> None:
    before = rows()
    response = as_admin.post("/api/user/add", ADD | {"username": "c s", "email": "x", "phonenum": "y"})
    assert response.status_code == 200
    errors = [
        {"field": "username", "message": NAME},
        {"field": "email", "message": EMAIL},
        {"field": "phonenum", "message": PHONE},
    ]
    assert envelope(response) == {"code": 422, "message": f"{NAME} {EMAIL} {PHONE}", "data": {"errors": errors}}
    assert rows() == before


BY_THE_PROGRAM: list[tuple[str, Any]] = [
    ("/api/user/add", {"password": PASSWORD}),
    ("/api/user/add", ADD | {"username": "c s", "password": None}),
    ("/api/user/add", ADD | {"username": "c s", "role": "root"}),
    ("/api/auth/register", {name: value for name, value in REGISTER.items() if name != "email"} | {"username": "c s"}),
    ("/api/auth/register/send-code", {"email": 7}),
    ("/api/auth/register/send-code", {}),
]


@pytest.mark.parametrize(("path", "body"), BY_THE_PROGRAM)
def test_what_the_program_forgot_or_mistook_stays_a_422(path: str, body: Any, as_admin: Caller) -> None:
    response = as_admin.post(path, body)
    assert response.status_code == 422
    answer = envelope(response)
    assert (answer["code"], answer["message"]) == (422, "The request is not valid. See data.errors for what to change.")


def test_other_routes_keep_their_422(as_alice: Caller, alice: User) -> None:
    for path, body in (
        ("/api/auth/login", {"username_or_email": "", "password": PASSWORD}),
        ("/api/user/change-password", {"old_password": PASSWORD, "new_password": ""}),
    ):
        assert as_alice.post(path, body).status_code == 422

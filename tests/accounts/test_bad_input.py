"""Hostile and careless input to every identity route: a refusal that is clean, repeats nothing, and leaves all as it was."""

import json
from typing import Any

import pytest
from pytest_django import Settings

from sage_platform.accounts.models import User
from tests.answers import assert_refused, invalid_fields, refused, refused_fields
from tests.conftest import make_user
from tests.people import PASSWORD, Caller, envelope
from tests.rows import rows

CHANGE = {"old_password": PASSWORD, "new_password": "another uncommon phrase"}
REGISTER = {"username": "carol", "password": PASSWORD, "email": "c@sage.example", "phonenum": "", "verification_code": "123456"}
ADD = {"username": "carol", "password": PASSWORD, "role": "user", "email": "", "phonenum": ""}
LOGIN = {"username_or_email": "alice", "password": PASSWORD}

# (path, a body that would do, its required fields)
ROUTES: list[tuple[str, dict[str, str], list[str]]] = [
    ("/api/auth/register/send-code", {"email": "c@sage.example"}, ["email"]),
    ("/api/user/register/send-code", {"email": "c@sage.example"}, ["email"]),
    ("/api/auth/register", REGISTER, ["email", "password", "username", "verification_code"]),
    ("/api/user/register", REGISTER, ["email", "password", "username", "verification_code"]),
    ("/api/auth/login", LOGIN, ["password", "username_or_email"]),
    ("/api/user/login", LOGIN, ["password", "username_or_email"]),
    ("/api/auth/refresh", {"refresh_token": "sage_rt_x"}, ["refresh_token"]),
    ("/api/user/refresh-token", {"refresh_token": "sage_rt_x"}, ["refresh_token"]),
    ("/api/user/change-password", CHANGE, ["new_password", "old_password"]),
    ("/api/user/add", ADD, ["password", "username"]),
    ("/api/user/delete", {"user_id": "alice"}, ["user_id"]),
]
# What people fill in: a text that is not allowed there is a business refusal.
FORMS = ("/register/send-code", "/register", "/user/add")
PATHS = [path for path, _body, _required in ROUTES]
FIELDS = [(path, body, field) for path, body, _required in ROUTES for field in body]
every_path = pytest.mark.parametrize("path", PATHS)
every_field = pytest.mark.parametrize(("path", "body", "field"), FIELDS, ids=[f"{path} {name}" for path, _b, name in FIELDS])

WRONG_TYPES: list[Any] = [None, True, 0, -1, 1.5, 10**30, [], ["alice"], {}, {"a": {"b": 1}}]
WRONG_TEXTS = ["null\0inside it", "\0", "lone \ud800 surrogate", "\udfff", "😀\ud83d", "x" * 1_000_000]


@pytest.fixture(autouse=True)
def _room(as_admin: Caller, alice: User, open_registration: None) -> None:
    pass


@every_field
def test_wrong_types(path: str, body: dict[str, str], field: str, as_admin: Caller) -> None:
    before = rows()
    for value in WRONG_TYPES:
        assert invalid_fields(as_admin.post(path, body | {field: value})) == [field], value
    assert rows() == before


@every_field
def test_texts_that_nobody_could_mean(path: str, body: dict[str, str], field: str, as_admin: Caller) -> None:
    before = rows()
    for value in WRONG_TEXTS:
        response = as_admin.post(path, body | {field: value})
        told = refused_fields if path.endswith(FORMS) and field != "role" else invalid_fields
        assert told(response) == [field], value[:20]
        assert len(response.content) < 2000
        assert b"inside it" not in response.content
    assert rows() == before


ODD_TEXTS = ["😀" * 8, "\u202etxt.exe", "<script>alert(1)</script>", "'; drop table x; --", "{{ 7*7 }}", "%s%n%s%n"]
# The code that any of them gets in a field; 200 where it is taken as a new password.
CODES = {
    **dict.fromkeys(["email", "username", "phonenum", "role"], 422),
    **dict.fromkeys(["username_or_email", "refresh_token"], 401),
    "verification_code": 400,
    "old_password": 400,
    "user_id": 404,
    "new_password": 200,
}
CODES_OF_PASSWORDS = {"register": 400, "login": 401, "add": 200}


@every_field
@pytest.mark.parametrize("text", ODD_TEXTS)
def test_odd_texts_get_their_answer_and_never_come_back(
    path: str, body: dict[str, str], field: str, text: str, as_admin: Caller
) -> None:
    before = rows()
    answer = envelope(as_admin.post(path, body | {field: text}))
    code = CODES_OF_PASSWORDS[path.rpartition("/")[2]] if field == "password" else CODES[field]
    assert answer["code"] == code
    assert text not in json.dumps(answer, ensure_ascii=False)
    assert (rows() == before) is (code != 200)
    if code == 422:
        assert [error["field"] for error in answer["data"]["errors"]] == [field]


@pytest.mark.parametrize(("path", "body", "required"), ROUTES, ids=PATHS)
def test_missing_fields(path: str, body: dict[str, str], required: list[str], as_admin: Caller) -> None:
    before = rows()
    for sent in (b"", b"{}", b'{"unknown": 1}'):
        assert invalid_fields(as_admin.post(path, sent)) == required
    assert rows() == before


BROKEN: dict[str, bytes] = {
    "not JSON": b"{",
    "a list": b"[]",
    "null": b"null",
    "a text": b'"alice"',
    "a number": b"7",
    "trailing": b'{"a": 1} x',
    "single quotes": b"{'a': 1}",
    "duplicate keys": b'{"user_id": "bob", "user_id": "alice", "email": "a@x.example", "email": "b@x.example"}',
    "a duplicate deep inside": b'{"x": [{"a": 1, "a": 2}]}',
    "NaN": b'{"a": NaN}',
    "Infinity": b'{"a": -Infinity}',
    "no UTF-8": b'{"a": "\xff\xfe"}',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "UTF-8 surrogates": b'{"a": "\xed\xa0\x80"}',
    "a bomb of lists": b"[" * 500_000,
    "a closed bomb": b'{"a": ' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    "a bomb of objects": b'{"a":' * 200_000 + b"1" + b"}" * 200_000,
    "a number without end": b'{"a": ' + b"9" * 100_000 + b"}",
    "a NUL": b"\0",
}


@every_path
@pytest.mark.parametrize("raw", BROKEN.values(), ids=BROKEN)
def test_broken_bodies(path: str, raw: bytes, as_admin: Caller) -> None:
    before = rows()
    assert invalid_fields(as_admin.post(path, raw)) == ["body"]
    assert rows() == before


@every_path
def test_a_bomb_in_an_unknown_field_harms_nobody(path: str, as_admin: Caller) -> None:
    raw = b'{"unknown": ' + b"[" * 500 + b"]" * 500 + b"}"
    assert as_admin.post(path, raw).status_code == 422


@every_path
@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=latin-1",
        "json",
    ],
)
def test_another_media_type(path: str, content_type: str, as_admin: Caller) -> None:
    before = rows()
    response = as_admin.post(path, b'{"user_id": "alice"}', Content_Type=content_type)
    assert response.status_code == 415
    assert envelope(response)["code"] == 415
    assert rows() == before


@every_path
def test_too_large(path: str, as_admin: Caller, settings: Settings) -> None:
    """Refused by its length, before it is read."""
    before = rows()
    response = as_admin.post(path, b'{"a": "' + b"x" * (2 * 1024 * 1024) + b'"}')
    assert response.status_code == 413
    assert envelope(response) == refused(413, "The request body is too large.")
    assert rows() == before


@every_path
def test_chunked_is_never_taken_as_empty(path: str, as_admin: Caller) -> None:
    before = rows()
    response = as_admin.post(path, b'{"user_id": "alice"}', Transfer_Encoding="chunked")
    assert response.status_code == 411
    assert envelope(response)["code"] == 411
    assert rows() == before


@pytest.mark.parametrize("path", ["/api/user/add", "/api/user/change-password", "/api/user/delete", "/api/user/config"])
def test_who_is_not_signed_in_hears_401_before_all_that(path: str, anyone: Caller) -> None:
    before = rows()
    for raw in (b"{", b"[" * 100_000, b"x" * (2 * 1024 * 1024 + 1)):
        assert anyone.post(path, raw).status_code == 401
        assert anyone.post(path, raw, Content_Type="text/plain").status_code == 401
    assert rows() == before


VARIANTS = ["ALICE", "Alice", "aLiCe", "ａｌｉｃｅ", "ＡＬＩＣＥ", "𝐚𝐥𝐢𝐜𝐞", "ⓐⓛⓘⓒⓔ", "  alice\t", "alic\u1d49"]


@pytest.mark.parametrize("name", VARIANTS)
def test_a_taken_name_in_another_case_or_width(name: str, as_admin: Caller) -> None:
    before = rows()
    assert_refused(as_admin.post("/api/user/add", ADD | {"username": name}), 400, "This username is taken.")
    assert rows() == before


def test_case_that_only_unicode_knows(as_admin: Caller) -> None:
    for first, second in (("straße", "STRASSE"), ("ΣΊΣΥΦΟΣ", "σίσυφος"), ("ﬃ", "FFI"), ("Kelvin", "kelvin")):
        assert envelope(as_admin.post("/api/user/add", ADD | {"username": first}))["code"] == 200
        assert_refused(as_admin.post("/api/user/add", ADD | {"username": second}), 400, "This username is taken.")


@pytest.mark.parametrize(
    "name",
    ["alice@sage.example", "alice＠sage.example", "alice﹫sage.example", "@", "alice@", "a lice", "ali\u200bce", "ali\u00adce",
     "ali\u202ece", "alice\n", "\u3000", "a/b", "a\\b", "a:b", "😀", "", " ", "a" * 65, "ﷺ", "½", "x́"],
)  # fmt: skip
def test_what_is_no_username(name: str, as_admin: Caller) -> None:
    if name == "alice\n":
        assert_refused(as_admin.post("/api/user/add", ADD | {"username": name}), 400, "This username is taken.")
        return
    before = rows()
    assert refused_fields(as_admin.post("/api/user/add", ADD | {"username": name})) == ["username"]
    assert rows() == before


@pytest.mark.parametrize("identifier", ["alice@sage.example", "ALICE＠sage.example"])
def test_nobody_signs_in_by_a_name_that_is_somebodys_address(identifier: str, hashed: str) -> None:
    """Even if such a row is in the database: a name with an @ in it is looked up among addresses alone."""
    mallory = make_user("mallory", hashed)
    User.objects.filter(pk="mallory").update(username="alice@sage.example", username_key="alice@sage.example")
    caller = Caller()
    answer = envelope(caller.post("/api/auth/login", {"username_or_email": identifier, "password": PASSWORD}))
    assert answer["code"] == 200
    assert envelope(caller.get("/api/auth/session"))["data"]["user"]["userid"] == "alice" != mallory.pk


def test_sixty_four_characters_are_a_username(as_admin: Caller) -> None:
    for name in ("a" * 64, "张" * 64):
        assert envelope(as_admin.post("/api/user/add", ADD | {"username": name}))["code"] == 200


def test_passwords_of_all_kinds_are_kept_as_typed(as_admin: Caller) -> None:
    for number, password in enumerate(
        [" spaces around ", "密码密码密码密码长", "😀😃😄😁😆😅😂🤣", "x9" * 512, "tab\tand\nline"]
    ):
        name = f"user{number}"
        assert envelope(as_admin.post("/api/user/add", ADD | {"username": name, "password": password}))["code"] == 200
        answer = Caller().post("/api/auth/login", {"username_or_email": name, "password": password})
        assert envelope(answer)["code"] == 200
        if password.strip() != password:
            answer = Caller().post("/api/auth/login", {"username_or_email": name, "password": password.strip()})
            assert envelope(answer)["code"] == 401

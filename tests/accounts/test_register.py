"""POST /api/auth/register, also /api/user/register"""

from collections.abc import Callable

import pytest
from django.db import OperationalError, connection

from sage_platform.accounts.models import RegistrationCode, User
from tests.answers import assert_refused, invalid_fields, refused_fields, success
from tests.clock import Clock
from tests.mail import Mailbox
from tests.people import PASSWORD, Caller, envelope

PATHS = ["/api/auth/register", "/api/user/register"]
every_path = pytest.mark.parametrize("path", PATHS)
pytestmark = pytest.mark.usefixtures("open_registration")
NUMERIC = "This password is entirely numeric."
WRONG_CODE = "The verification code is wrong or has expired."


def mailed(caller: Caller, mailbox: Mailbox, email: str = "carol@sage.example") -> str:
    assert envelope(caller.post("/api/auth/register/send-code", {"email": email}))["code"] == 200
    return mailbox.code_to(email)


def body_with(code: str, **fields: object) -> dict[str, object]:
    return {
        "username": "carol",
        "password": PASSWORD,
        "email": "carol@sage.example",
        "verification_code": code,
    } | fields


def another(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06d}"


@every_path
def test_registering(path: str, anyone: Caller, mailbox: Mailbox) -> None:
    code = mailed(anyone, mailbox)
    response = anyone.post(path, body_with(code, phonenum="+49 30 123456"))
    assert response.status_code == 200
    user_id = envelope(response)["data"]["user_id"]
    assert envelope(response) == success({"user_id": user_id})
    assert isinstance(user_id, str)
    carol = User.objects.get(pk=user_id)
    assert (carol.username, carol.email, carol.phonenum) == ("carol", "carol@sage.example", "+49 30 123456")
    assert carol.email_verified  # The code was mailed there.
    assert (carol.role, carol.is_active, carol.nickname) == ("user", True, "")
    assert carol.password.startswith("argon2$argon2id$")
    login = anyone.post("/api/auth/login", {"username_or_email": "carol@sage.example", "password": PASSWORD})
    assert envelope(login)["code"] == 200


def test_registering_signs_nobody_in(anyone: Caller, mailbox: Mailbox) -> None:
    anyone.post(PATHS[0], body_with(mailed(anyone, mailbox)))
    assert anyone.get("/api/auth/session").status_code == 401


def test_an_address_in_another_case_than_at_sending(anyone: Caller, mailbox: Mailbox) -> None:
    code = mailed(anyone, mailbox)
    assert envelope(anyone.post(PATHS[0], body_with(code, email="Carol@Sage.Example", phonenum="")))["code"] == 200


@every_path
def test_a_wrong_code(path: str, anyone: Caller, mailbox: Mailbox) -> None:
    code = mailed(anyone, mailbox)
    for wrong in (another(code), "", "0", code + "0", "１２３４５６"):
        response = anyone.post(path, body_with(wrong))
        if wrong:
            assert_refused(response, 400, WRONG_CODE)
        else:
            assert refused_fields(response) == ["verification_code"]
    assert not User.objects.exists()
    assert envelope(anyone.post(path, body_with(code)))["code"] == 200


@every_path
def test_a_code_lives_for_three_hundred_seconds(path: str, anyone: Caller, mailbox: Mailbox, clock: Clock) -> None:
    code = mailed(anyone, mailbox)
    clock.forward(seconds=301)
    assert_refused(anyone.post(path, body_with(code)), 400, WRONG_CODE)
    assert not User.objects.exists()
    code = mailed(anyone, mailbox)
    clock.forward(seconds=295)
    assert envelope(anyone.post(path, body_with(code)))["code"] == 200


@every_path
def test_five_wrong_codes_burn_it(path: str, anyone: Caller, mailbox: Mailbox, clock: Clock) -> None:
    code = mailed(anyone, mailbox)
    for _ in range(5):
        assert_refused(anyone.post(path, body_with(another(code))), 400, WRONG_CODE)
    assert_refused(anyone.post(path, body_with(code)), 400, WRONG_CODE)
    assert not User.objects.exists()
    clock.forward(seconds=31)
    assert envelope(anyone.post(path, body_with(mailed(anyone, mailbox))))["code"] == 200


def test_a_code_is_for_its_address_alone(anyone: Caller, mailbox: Mailbox) -> None:
    code = mailed(anyone, mailbox)
    mailed(anyone, mailbox, "dave@sage.example")
    if mailbox.code_to("dave@sage.example") == code:
        pytest.skip("One in a million: both were sent the same digits.")
    assert_refused(anyone.post(PATHS[0], body_with(code, email="dave@sage.example")), 400, WRONG_CODE)
    assert_refused(anyone.post(PATHS[0], body_with(code, email="erin@sage.example")), 400, WRONG_CODE)
    assert not User.objects.exists()


def test_a_new_code_ends_the_one_before(anyone: Caller, mailbox: Mailbox, clock: Clock) -> None:
    old = mailed(anyone, mailbox)
    clock.forward(seconds=31)
    new = mailed(anyone, mailbox)
    if old != new:
        assert_refused(anyone.post(PATHS[0], body_with(old)), 400, WRONG_CODE)
    assert envelope(anyone.post(PATHS[0], body_with(new)))["code"] == 200


def test_a_code_works_once(anyone: Caller, mailbox: Mailbox) -> None:
    code = mailed(anyone, mailbox)
    assert envelope(anyone.post(PATHS[0], body_with(code)))["code"] == 200
    User.objects.all().delete()
    assert_refused(anyone.post(PATHS[0], body_with(code)), 400, WRONG_CODE)
    assert not RegistrationCode.objects.exists()


def test_a_database_lost_in_the_middle_leaves_neither_an_account_nor_a_code_used_up(anyone: Caller, mailbox: Mailbox) -> None:
    code = mailed(anyone, mailbox)

    def lose_at_the_code(execute: Callable[..., object], sql: str, *arguments: object) -> object:
        if sql.startswith("DELETE") and RegistrationCode._meta.db_table in sql:
            raise OperationalError("server closed the connection unexpectedly")
        return execute(sql, *arguments)

    with connection.execute_wrapper(lose_at_the_code):
        response = anyone.post(PATHS[0], body_with(code))
    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) >= 1
    assert (envelope(response)["code"], envelope(response)["data"]) == (503, None)
    assert not User.objects.filter(username="carol").exists()
    assert envelope(anyone.post(PATHS[0], body_with(code)))["code"] == 200


@every_path
@pytest.mark.parametrize("name", ["alice", "ALICE", "ａｌｉｃｅ", " alice "])
def test_a_taken_name(path: str, name: str, anyone: Caller, alice: User, mailbox: Mailbox) -> None:
    code = mailed(anyone, mailbox)
    for _ in range(6):  # The code is right each time, so that none of these tries counts as a wrong one.
        assert_refused(anyone.post(path, body_with(code, username=name)), 400, "This username is taken.")
    assert User.objects.count() == 1
    assert envelope(anyone.post(path, body_with(code)))["code"] == 200


def test_a_taken_name_is_told_to_nobody_without_a_code(anyone: Caller, alice: User, mailbox: Mailbox) -> None:
    code = mailed(anyone, mailbox)
    for body in (
        body_with(another(code), username="alice"),
        body_with(another(code), password="123"),
        body_with(another(code), email="alice@sage.example"),
    ):
        assert_refused(anyone.post(PATHS[0], body), 400, WRONG_CODE)
    assert User.objects.count() == 1


def test_an_address_taken_meanwhile(anyone: Caller, alice: User, mailbox: Mailbox) -> None:
    code = mailed(anyone, mailbox)
    User.objects.filter(pk="alice").update(email="Carol@sage.example", email_key="carol@sage.example")
    assert_refused(anyone.post(PATHS[0], body_with(code)), 400, "This email address is taken.")
    assert User.objects.count() == 1


@every_path
@pytest.mark.parametrize(
    ("password", "reasons"),
    [
        ("x7!", "This password is too short. It must contain at least 8 characters."),
        ("8273648273", NUMERIC),
        ("password1", "This password is too common."),
        ("xcarolx1", "The password is too similar to the username."),
        ("carol@sage.example", "The password is too similar to the email address."),
        ("1234", "This password is too short. It must contain at least 8 characters. This password is too common. " + NUMERIC),
    ],
)  # fmt: skip
def test_a_weak_password(path: str, password: str, reasons: str, anyone: Caller, mailbox: Mailbox) -> None:
    code = mailed(anyone, mailbox)
    assert_refused(anyone.post(path, body_with(code, password=password)), 400, reasons)
    assert not User.objects.exists()


@every_path
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("username", "alice@sage.example"),
        ("username", "alice＠sage.example"),
        ("username", "a b"),
        ("username", "a" * 65),
        ("username", ""),
        ("username", "<b>"),
        # Nobody sees the last letter.
        ("username", "alice\u3164"),
        ("username", "alice\uffa0"),
        ("username", "alice\u115f"),
        ("username", "\u1160"),
        ("password", "x" * 1025),
        ("password", ""),
        ("phonenum", "call me"),
        ("phonenum", "+49 30 " + "1" * 30),
        ("email", "carol"),
        ("email", ""),
    ],
)
def test_what_the_form_does_not_take(path: str, field: str, value: str, anyone: Caller, mailbox: Mailbox) -> None:
    code = mailed(anyone, mailbox)
    assert refused_fields(anyone.post(path, body_with(code, **{field: value}))) == [field]
    assert not User.objects.exists()
    assert RegistrationCode.objects.get().wrong_tries == 0


@every_path
@pytest.mark.parametrize(
    ("field", "value"),
    [("username", 7), ("password", None), ("phonenum", None), ("verification_code", 123456), ("email", ["carol@sage.example"])],
)
def test_wrong_types(path: str, field: str, value: object, anyone: Caller, mailbox: Mailbox) -> None:
    code = mailed(anyone, mailbox)
    assert invalid_fields(anyone.post(path, body_with(code, **{field: value}))) == [field]
    assert not User.objects.exists()
    assert RegistrationCode.objects.get().wrong_tries == 0


def test_nothing_sent(anyone: Caller) -> None:
    assert invalid_fields(anyone.post(PATHS[0])) == ["email", "password", "username", "verification_code"]


@every_path
def test_registration_closed_after_the_mail(path: str, anyone: Caller, as_admin: Caller, mailbox: Mailbox) -> None:
    code = mailed(anyone, mailbox)
    assert as_admin.post("/api/system/update_settings", {"allow_registration": False}).status_code == 200
    from system.current import current_settings

    current_settings.forget()  # The setting is announced to the process on commit, and a test's transaction is never committed.
    response = anyone.post(path, body_with(code))
    assert_refused(response, 400, "Registration is closed. Ask an administrator for an account.")
    assert User.objects.count() == 1


@pytest.mark.parametrize("name", ["张三", "Ωμέγα", "ß.test", "a-b_c.d", "ﬁona"])
def test_names_of_all_scripts(name: str, anyone: Caller, mailbox: Mailbox) -> None:
    code = mailed(anyone, mailbox)
    assert envelope(anyone.post(PATHS[0], body_with(code, username=name)))["code"] == 200
    assert User.objects.get().username == {"ﬁona": "fiona"}.get(name, name)
    login = anyone.post("/api/auth/login", {"username_or_email": name.upper(), "password": PASSWORD})
    assert envelope(login)["code"] == 200

"""POST /api/auth/register/send-code, also /api/user/register/send-code"""

import re

import pytest
from pytest_django import Settings

from sage_platform.accounts.models import LimitedAct, RegistrationCode, User
from scripts.with_services import spare_port
from tests.answers import assert_refused, invalid_fields, refused, refused_fields, success
from tests.clock import Clock
from tests.mail import Mailbox
from tests.people import PASSWORD, Caller, envelope

PATHS = ["/api/auth/register/send-code", "/api/user/register/send-code"]
every_path = pytest.mark.parametrize("path", PATHS)
SENT = success({"expires_in": 300, "retry_after": 30})
THROTTLED = refused(429, "Too many requests. Please wait and try again.")


@every_path
def test_mails_six_digits(path: str, anyone: Caller, open_registration: None, mailbox: Mailbox) -> None:
    response = anyone.post(path, {"email": "carol@sage.example"})
    assert response.status_code == 200
    assert envelope(response) == SENT
    [(recipients, message)] = mailbox.received
    assert recipients == ["carol@sage.example"]
    assert message["To"] == "carol@sage.example"
    assert message["Subject"] == "Your Sage verification code"
    assert re.fullmatch(r"\d{6}", mailbox.code_to("carol@sage.example"))
    assert not User.objects.exists()


def test_a_copy_of_the_database_tells_no_code(
    anyone: Caller, open_registration: None, mailbox: Mailbox, settings: Settings
) -> None:
    """Six digits are soon tried: what is kept of them compares with nothing but SECRET_KEY."""
    anyone.post(PATHS[0], {"email": "carol@sage.example"})
    code = mailbox.code_to("carol@sage.example")
    body = {"username": "carol", "password": PASSWORD, "email": "carol@sage.example", "verification_code": code}
    right, settings.SECRET_KEY = settings.SECRET_KEY, "of another machine " * 3
    assert_refused(anyone.post("/api/auth/register", body), 400, "The verification code is wrong or has expired.")
    settings.SECRET_KEY = right
    assert envelope(anyone.post("/api/auth/register", body))["code"] == 200


@every_path
def test_registration_is_closed(path: str, anyone: Caller, mailbox: Mailbox) -> None:
    response = anyone.post(path, {"email": "carol@sage.example"})
    assert_refused(response, 400, "Registration is closed. Ask an administrator for an account.")
    assert mailbox.received == []
    assert not RegistrationCode.objects.exists()
    assert not LimitedAct.objects.exists()


def test_again_within_thirty_seconds(anyone: Caller, open_registration: None, mailbox: Mailbox, clock: Clock) -> None:
    assert envelope(anyone.post(PATHS[0], {"email": "carol@sage.example"})) == SENT
    first = mailbox.code_to("carol@sage.example")
    clock.forward(seconds=10)
    response = anyone.post(PATHS[1], {"email": "Carol@SAGE.example"})
    assert response.status_code == 429
    assert envelope(response) == THROTTLED
    assert int(response.headers["Retry-After"]) in {15, 16, 17, 18, 19, 20}
    assert len(mailbox.received) == 1
    clock.forward(seconds=20.5)
    assert envelope(anyone.post(PATHS[0], {"email": "carol@sage.example"})) == SENT
    assert len(mailbox.received) == 2
    assert {first, mailbox.code_to("carol@sage.example")} <= {f"{number:06d}" for number in range(10**6)}


def test_five_an_hour_for_one_address(open_registration: None, mailbox: Mailbox, clock: Clock) -> None:
    for number in range(5):
        caller = Caller()
        caller.client.defaults["REMOTE_ADDR"] = f"203.0.113.{number}"
        assert envelope(caller.post(PATHS[0], {"email": "carol@sage.example"})) == SENT
        clock.forward(minutes=1)
    response = Caller().post(PATHS[0], {"email": "CAROL@sage.example"})
    assert response.status_code == 429
    assert 3240 <= int(response.headers["Retry-After"]) <= 3300
    assert len(mailbox.received) == 5
    assert envelope(Caller().post(PATHS[0], {"email": "dave@sage.example"})) == SENT
    clock.forward(minutes=55, seconds=1)
    assert envelope(Caller().post(PATHS[0], {"email": "carol@sage.example"})) == SENT


def test_twenty_an_hour_for_one_client(open_registration: None, mailbox: Mailbox) -> None:
    for number in range(20):
        assert envelope(Caller().post(PATHS[0], {"email": f"carol{number}@sage.example"})) == SENT
    response = Caller().post(PATHS[0], {"email": "carol20@sage.example"})
    assert response.status_code == 429
    assert 3540 <= int(response.headers["Retry-After"]) <= 3600
    assert len(mailbox.received) == 20
    elsewhere = Caller()
    elsewhere.client.defaults["REMOTE_ADDR"] = "203.0.113.1"
    assert envelope(elsewhere.post(PATHS[0], {"email": "carol20@sage.example"})) == SENT


def test_refused_asks_do_not_count(anyone: Caller, open_registration: None, mailbox: Mailbox, clock: Clock) -> None:
    """Somebody who presses the button too often is not shut out for an hour by that."""
    assert envelope(anyone.post(PATHS[0], {"email": "carol@sage.example"})) == SENT
    for _ in range(8):
        assert anyone.post(PATHS[0], {"email": "carol@sage.example"}).status_code == 429
    clock.forward(seconds=31)
    assert envelope(anyone.post(PATHS[0], {"email": "carol@sage.example"})) == SENT


@every_path
@pytest.mark.parametrize(
    "email",
    ["", "carol", "carol@", "@sage.example", "carol@sage", "a@b@sage.example", "carol@sage.example\nBcc: x@y.example",
     '"quoted name"@sage.example', "carol@sage.example,dave@sage.example", "c" * 250 + "@sage.example", "carol\0@sage.example",
     # Domains that cannot exist: one with a character of private use, and one that is too long when it is written in ASCII.
     "carol@sage\ue3d7.example", "carol@" + "\u00fc" * 63 + ".example"],
)  # fmt: skip
def test_a_malformed_address(path: str, email: str, anyone: Caller, open_registration: None, mailbox: Mailbox) -> None:
    assert refused_fields(anyone.post(path, {"email": email})) == ["email"]
    assert mailbox.received == []
    assert not RegistrationCode.objects.exists()
    assert not LimitedAct.objects.exists()


@every_path
@pytest.mark.parametrize("email", [None, 1, True, ["carol@sage.example"], {"address": "carol@sage.example"}])
def test_what_is_no_text(path: str, email: object, anyone: Caller, open_registration: None, mailbox: Mailbox) -> None:
    assert invalid_fields(anyone.post(path, {"email": email})) == ["email"]
    assert mailbox.received == []
    assert not LimitedAct.objects.exists()


ODD_ADDRESSES = [
    ('"a@b"@sage.example', '"a@b"@sage.example'),
    ('"<x@y.example>"@sage.example', '"<x@y.example>"@sage.example'),
    ("o'hara+tag@sage.example", "o'hara+tag@sage.example"),
    ("carol@bücher.example", "carol@xn--bcher-kva.example"),
    ("carol@[127.0.0.1]", "carol@[127.0.0.1]"),
    ("c" * 64 + "@sage.example", "c" * 64 + "@sage.example"),
    ("c" * 200 + "@sage.example", "c" * 200 + "@sage.example"),
]


@pytest.mark.parametrize(("email", "recipient"), ODD_ADDRESSES)
def test_an_odd_address_gets_its_mail_and_nobody_else(
    email: str, recipient: str, anyone: Caller, open_registration: None, mailbox: Mailbox
) -> None:
    assert envelope(anyone.post(PATHS[0], {"email": email})) == SENT
    assert [recipients for recipients, _message in mailbox.received] == [[recipient]]


@pytest.mark.parametrize("refuses", ["451 Try later", "421 Closing"])
def test_a_mail_server_that_refuses(refuses: str, anyone: Caller, open_registration: None, mailbox: Mailbox) -> None:
    mailbox.refuses = refuses
    response = anyone.post(PATHS[0], {"email": "carol@sage.example"})
    assert response.status_code == 503
    assert envelope(response) == refused(503, "The mail could not be sent. Please try again shortly.")
    assert int(response.headers["Retry-After"]) > 0
    assert not RegistrationCode.objects.exists()
    # The limit of the address forgets the try; the limit of the client keeps it.
    assert [act.limit for act in LimitedAct.objects.all()] == ["code by client"]
    mailbox.refuses = ""
    assert envelope(anyone.post(PATHS[0], {"email": "carol@sage.example"})) == SENT


def test_an_address_that_the_mail_server_does_not_know(anyone: Caller, open_registration: None, mailbox: Mailbox) -> None:
    """The answer and the limits are as usual, so that nobody finds out through us which addresses a mail server knows."""
    mailbox.refuses = "550 No such user"
    assert envelope(anyone.post(PATHS[0], {"email": "carol@sage.example"})) == SENT
    response = anyone.post(PATHS[0], {"email": "carol@sage.example"})
    assert response.status_code == 429
    assert envelope(response) == THROTTLED


def test_a_client_s_failed_mails_are_counted(
    anyone: Caller, open_registration: None, mailbox: Mailbox, settings: Settings
) -> None:
    settings.EMAIL_PORT = spare_port()
    statuses = [anyone.post(PATHS[0], {"email": f"carol{number}@sage.example"}).status_code for number in range(22)]
    assert statuses == [503] * 20 + [429] * 2


def test_a_mail_server_that_is_down(
    anyone: Caller, open_registration: None, mailbox: Mailbox, settings: Settings, clock: Clock
) -> None:
    """The code of an earlier mail stays valid."""
    anyone.post(PATHS[0], {"email": "carol@sage.example"})
    code = mailbox.code_to("carol@sage.example")
    clock.forward(seconds=31)
    settings.EMAIL_PORT = spare_port()
    for _ in range(7):
        response = anyone.post(PATHS[0], {"email": "carol@sage.example"})
        assert response.status_code == 503
        assert envelope(response)["code"] == 503
    body = {"username": "carol", "password": "an uncommon phrase", "email": "carol@sage.example", "verification_code": code}
    assert envelope(anyone.post("/api/auth/register", body))["code"] == 200

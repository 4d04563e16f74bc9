"""Registering from many threads at the same moment, and guessing codes."""

from typing import Any

import pytest
from django.utils import timezone

from sage_platform.accounts.models import LimitedAct, RegistrationCode, User
from sage_platform.accounts.services import limits, registration
from tests.answers import refused, success
from tests.mail import Mailbox
from tests.people import PASSWORD, Caller, envelope
from tests.racing import at_once

REGISTER = "/api/auth/register"
SEND_CODE = "/api/auth/register/send-code"
WRONG_CODE = refused(400, "The verification code is wrong or has expired.")
many_threads = pytest.mark.django_db(transaction=True)


def body_for(name: str, email: str, code: str) -> dict[str, str]:
    return {"username": name, "password": PASSWORD, "email": email, "verification_code": code}


def sent(email: str) -> None:
    """A code as the platform sends it, but without its limits, as if each were asked for from another address."""
    registration.send_code(email, client_key=email)


def known_code(email: str, code: str) -> None:
    registration._keep(email, code)


@pytest.fixture(autouse=True)
def _registration(open_registration: None) -> None:
    pass


@many_threads
def test_one_name_by_eight_people(mailbox: Mailbox) -> None:
    emails = [f"carol{number}@sage.example" for number in range(8)]
    for email in emails:
        sent(email)
    codes = [mailbox.code_to(email) for email in emails]
    names = ["carol", "CAROL", "ｃarol", "Carol"] * 2
    answers = at_once(8, lambda n: envelope(Caller().post(REGISTER, body_for(names[n], emails[n], codes[n]))))
    carol = User.objects.get()
    assert sorted(answers, key=lambda answer: int(answer["code"])) == [
        success({"user_id": carol.pk}),
        *[refused(400, "This username is taken.")] * 7,
    ]


@many_threads
def test_one_address_and_one_code_by_eight_threads(mailbox: Mailbox) -> None:
    sent("carol@sage.example")
    code = mailbox.code_to("carol@sage.example")
    answers = at_once(8, lambda n: envelope(Caller().post(REGISTER, body_for(f"carol{n}", "carol@sage.example", code))))
    assert [answer["code"] for answer in answers].count(200) == 1
    # Two are hashed at once and four more may wait for one address of mail; the others come too late or are told to come again.
    assert {answer["code"] for answer in answers} <= {200, 400, 429}
    assert User.objects.count() == 1


@many_threads
def test_one_name_added_by_eight_threads(as_admin: Caller) -> None:
    cookie = as_admin.client.cookies["sage_session"].value

    def add(number: int) -> dict[str, Any]:
        caller = Caller()
        caller.client.cookies["sage_session"] = cookie
        return envelope(caller.post("/api/user/add", {"username": "carol", "password": PASSWORD, "email": "carol@sage.example"}))

    answers = at_once(8, add)
    codes = [answer["code"] for answer in answers]
    assert codes.count(200) == 1
    assert set(codes) <= {200, 400, 429}
    assert User.objects.filter(username="carol").count() == 1


@many_threads
def test_wrong_codes_at_once_share_the_five_tries() -> None:
    known_code("carol@sage.example", "000000")
    answers = at_once(24, lambda n: envelope(Caller().post(REGISTER, body_for("carol", "carol@sage.example", f"{n + 1:06d}"))))
    assert answers == [WRONG_CODE] * 24
    assert RegistrationCode.objects.get().wrong_tries == 5
    late = envelope(Caller().post(REGISTER, body_for("carol", "carol@sage.example", "000000")))
    assert late == WRONG_CODE
    assert not User.objects.exists()


@many_threads
def test_the_right_one_among_wrong_ones_at_once_makes_one_user() -> None:
    """One wrong code fewer than burns it, so that somebody who has the right one registers, whatever the order."""
    known_code("carol@sage.example", "000000")
    codes = ["000001", "000002", "000003", "000004", *["000000"] * 8]
    answers = at_once(12, lambda n: envelope(Caller().post(REGISTER, body_for("carol", "carol@sage.example", codes[n]))))
    assert answers[:4] == [WRONG_CODE] * 4
    carol = User.objects.get()
    assert [answer for answer in answers if answer["code"] == 200] == [success({"user_id": carol.pk})]
    assert {answer["code"] for answer in answers} <= {200, 400, 429}
    assert not RegistrationCode.objects.exists()


@many_threads
def test_send_code_at_once_mails_one_at_most(mailbox: Mailbox) -> None:
    """Of eight at the same moment each may find the others' acts and be refused. What was refused does not count afterwards."""
    responses = at_once(8, lambda _n: Caller().post(SEND_CODE, {"email": "carol@sage.example"}))
    statuses = [response.status_code for response in responses]
    assert statuses.count(200) <= 1
    assert statuses.count(200) + statuses.count(429) == 8
    again = Caller().post(SEND_CODE, {"email": "carol@sage.example"}).status_code
    assert again == (429 if 200 in statuses else 200)
    assert len(mailbox.received) == 1
    assert LimitedAct.objects.count() == 3


def test_ten_thousand_wrong_codes(monkeypatch: pytest.MonkeyPatch, db: None) -> None:
    """The first two hundred go through the route, the rest to the service. Only five are compared with the right code."""
    judged: list[str] = []
    real = limits.keyed_digest

    def keyed_digest(*parts: str) -> str:
        judged.append(parts[-1])
        return real(*parts)

    known_code("carol@sage.example", "999999")
    monkeypatch.setattr(limits, "keyed_digest", keyed_digest)
    anyone = Caller()
    for number in range(200):
        body = body_for("carol", "carol@sage.example", f"{number:06d}")
        assert envelope(anyone.post(REGISTER, body)) == WRONG_CODE
    for number in range(200, 10_000):
        assert not registration._code_is_right("carol@sage.example", f"{number:06d}", at=timezone.now())
    assert judged == ["000000", "000001", "000002", "000003", "000004"]
    assert envelope(anyone.post(REGISTER, body_for("carol", "carol@sage.example", "999999"))) == WRONG_CODE
    assert not User.objects.exists()

"""Nobody can find out who has an account here: not by the text of an answer, nor by its queries, nor by its time."""

import time

import pytest

from sage_platform.accounts.models import RegistrationCode, User
from tests.answers import WRONG, refused, success
from tests.clock import Clock
from tests.mail import Mailbox
from tests.people import PASSWORD, Caller, envelope

LOGIN = ["/api/auth/login", "/api/user/login"]
SEND = ["/api/auth/register/send-code", "/api/user/register/send-code"]


@pytest.fixture
def people(alice: User, bob: User, admin: User) -> None:
    """alice can sign in, bob is deactivated, and admin has no password."""
    User.objects.filter(pk="bob").update(is_active=False)
    admin.set_unusable_password()
    admin.save()


CASES = [
    ("alice", "wrong"),
    ("alice@sage.example", "wrong"),
    ("bob", PASSWORD),
    ("bob", "wrong"),
    ("admin", PASSWORD),
    ("carol", PASSWORD),
    ("carol@sage.example", PASSWORD),
]


@pytest.mark.parametrize("path", LOGIN)
@pytest.mark.parametrize(("name", "password"), CASES)
def test_same_answer_and_same_work(path: str, name: str, password: str, people: None, judged: list[str]) -> None:
    response = Caller().post(path, {"username_or_email": name, "password": password})
    assert response.status_code == 200
    assert envelope(response) == refused(401, WRONG)
    assert {key.lower() for key in response.headers} >= {"content-type", "x-request-id"}
    assert "WWW-Authenticate" not in response.headers
    assert response.cookies == {}
    assert len(judged) == 1


@pytest.mark.parametrize("password", ["x", "x" * 1024])
def test_same_headers(password: str, people: None) -> None:
    """Except Content-Length, which differs with the number of digits of the timestamp."""

    def headers(name: str) -> dict[str, str]:
        response = Caller().post(LOGIN[0], {"username_or_email": name, "password": password})
        return {key: value for key, value in response.headers.items() if key not in {"X-Request-ID", "Content-Length"}}

    assert headers("alice") == headers("bob") == headers("carol")


def test_same_queries(people: None, anyone: Caller) -> None:
    """Another number of queries would show in the time."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    def queries(name: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            anyone.post(LOGIN[0], {"username_or_email": name, "password": "wrong"})
        return len(captured)

    assert queries("alice") == queries("bob") == queries("admin") == queries("carol") == queries("c@sage.example")


def test_same_time(people: None, costly_hashes: str) -> None:
    """The quickest try of each, in time of the processor, which others cannot take. Without a hash a name takes a tenth."""
    User.objects.exclude(pk="admin").update(password=costly_hashes)

    def seconds(name: str) -> float:
        caller = Caller()
        began = time.process_time()
        caller.post(LOGIN[0], {"username_or_email": name, "password": "wrong"})
        return time.process_time() - began

    names = ["alice", "bob", "admin", "carol"]
    taken: dict[str, list[float]] = {name: [] for name in names}
    seconds("warm-up")
    for _ in range(5):
        for name in names:
            taken[name].append(seconds(name))
    least = {name: min(times) for name, times in taken.items()}
    assert max(least.values()) / min(least.values()) < 2, taken


@pytest.mark.parametrize("path", SEND)
def test_send_code_answers_the_same_for_taken_and_free(
    path: str, people: None, open_registration: None, mailbox: Mailbox
) -> None:
    for email in ("alice@sage.example", "bob@sage.example", "carol@sage.example"):
        response = Caller().post(path, {"email": email})
        assert response.status_code == 200
        assert envelope(response) == success({"expires_in": 300, "retry_after": 30})
    assert "It already has an account" in mailbox.text_to("alice@sage.example")
    assert not any(word.isdigit() and len(word) == 6 for word in mailbox.text_to("alice@sage.example").split())
    assert mailbox.code_to("carol@sage.example")
    assert RegistrationCode.objects.count() == 3


def test_send_code_throttles_the_same_for_taken_and_free(
    people: None, open_registration: None, mailbox: Mailbox, clock: Clock
) -> None:
    for email in ("alice@sage.example", "carol@sage.example"):
        codes = []
        for _ in range(6):
            codes.append(envelope(Caller().post(SEND[0], {"email": email}))["code"])
            codes.append(envelope(Caller().post(SEND[0], {"email": email.upper()}))["code"])
            clock.forward(seconds=31)
        assert codes == [200, 429] * 5 + [429, 429]


def test_a_mail_server_that_refuses_tells_nothing_either(people: None, open_registration: None, mailbox: Mailbox) -> None:
    mailbox.refuses = "451 Later"
    answers = [envelope(Caller().post(SEND[0], {"email": f"{name}@sage.example"})) for name in ("alice", "carol")]
    assert answers[0] == answers[1] == refused(503, "The mail could not be sent. Please try again shortly.")


def test_registering_says_the_same_for_taken_and_free(people: None, open_registration: None, mailbox: Mailbox) -> None:
    answers = []
    for name in ("alice", "carol"):
        body = {"username": "dave", "password": PASSWORD, "email": f"{name}@sage.example", "verification_code": "123456"}
        before = envelope(Caller().post("/api/auth/register", body))
        Caller().post(SEND[0], {"email": f"{name}@sage.example"})
        kept = RegistrationCode.objects.get(email_key=f"{name}@sage.example")
        RegistrationCode.objects.filter(pk=kept.pk).update(digest="not that of 123456")
        answers += [before, envelope(Caller().post("/api/auth/register", body))]
    assert answers == [refused(400, "The verification code is wrong or has expired.")] * 4
    assert User.objects.count() == 3

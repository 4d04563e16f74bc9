"""PostgreSQL's connections are few. Whoever waits for something else holds none, so that everybody else is answered."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.e2e.served import Platform, served
from tests.e2e.steady_load import Load

pytestmark = [pytest.mark.served, pytest.mark.postgres, pytest.mark.xdist_group("timed")]

# More than the pool has connections, and fewer than there are threads.
CROWD = 48


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    with served(workers=1) as running:
        yield running


def check_others_were_answered(load: Load, since: float) -> None:
    answers = load.since(since, "token")
    assert len(answers) > 10
    assert {answer.status for answer in answers} == {200}
    assert max(answer.took for answer in answers) < 1.0, load.summary()


def test_bodies_of_signed_in_clients_that_stall(platform: Platform) -> None:
    admin = platform.admin()
    token = str(admin.session.headers["Authorization"])
    head = (
        "POST /api/user/config HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Content-Length: 100\r\nAuthorization: {token}\r\n\r\n"
    )
    with ExitStack() as stack, Load(platform, pause=0.05) as load:
        for _ in range(CROWD):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", platform.port), timeout=20))
            connection.sendall(head.encode() + b'{"config"')
        time.sleep(1)
        began = time.monotonic()
        load.read("token", admin, "/api/auth/session")
        time.sleep(3)
        load.wait_for_answers("token", 11, since=began, most=30)
    check_others_were_answered(load, began)


def test_sign_ins_that_wait_for_a_slot(platform: Platform) -> None:
    admin = platform.admin()
    body = {"username_or_email": "admin", "password": platform.admin_password}
    with Load(platform, pause=0.05) as load:
        for _ in range(CROWD):
            load.go_on("sign-in", lambda _number: platform.caller().post("/api/auth/login", body))
        time.sleep(1)
        began = time.monotonic()
        load.read("token", admin, "/api/auth/session")
        time.sleep(4)
        load.wait_for_answers("token", 11, since=began, most=30)
    check_others_were_answered(load, began)
    # Those who waited for two seconds in vain are told to come again.
    assert {answer.status for answer in load.answers["sign-in"]} == {200, 429}

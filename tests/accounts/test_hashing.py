"""The queue for hashing slots: how many wait, whose they are, and who comes next."""

import time
from threading import Thread

import pytest
from django.conf import settings
from pytest_django import DjangoAssertNumQueries

from sage_platform.accounts import hashing
from sage_platform.accounts.hashing import Asker, HashingSlots, room_to_wait
from sage_platform.accounts.models import LimitedAct, SignIn, User
from tests.accounts.test_lockout import BUSY, assert_locked, log_in, outcome
from tests.answers import WRONG, refused
from tests.clock import Clock
from tests.conftest import make_user
from tests.hashing_queue import Crowd, share_taken
from tests.people import PASSWORD, Caller, envelope, signed_in

TOO_OFTEN = "This account signs in too often. Please wait a minute and try again."


def full(slots: HashingSlots, amount: int) -> Crowd:
    for number in range(amount):
        assert slots.enter(Asker(f"early {number}", "192.0.2.9"), seconds=0)
    return Crowd(slots)


def turned_away(crowd: Crowd, name: str, client: str, *, known: bool = False) -> None:
    """At once, though they would have waited."""
    began = time.monotonic()
    assert crowd.slots.is_full_for(Asker(name, client, known))
    assert not crowd.slots.enter(Asker(name, client, known), seconds=30)
    assert time.monotonic() - began < 5


def end(crowd: Crowd) -> None:
    """All who wait come in, one after the other."""
    while crowd.waiting:
        crowd.next()
    for thread in crowd.threads:
        thread.join(10)


def test_four_wait_for_one_account_of_them_three_strangers() -> None:
    crowd = full(HashingSlots(2, room=32), 2)
    for number in range(3):
        crowd.wait_as("alice", f"198.51.100.{number}")
    turned_away(crowd, "alice", "198.51.100.77")
    crowd.wait_as("alice", "203.0.113.5", known=True)
    turned_away(crowd, "alice", "203.0.113.5", known=True)
    crowd.wait_as("bob", "203.0.113.6")
    end(crowd)
    assert sorted(crowd.came) == ["alice"] * 4 + ["bob"]


def test_three_quarters_wait_from_one_address_and_the_rest_is_for_others() -> None:
    crowd = full(HashingSlots(2, room=32), 2)
    for number in range(24):
        crowd.wait_as(f"account {number}", "198.51.100.66", known=True)
    turned_away(crowd, "account 24", "198.51.100.66", known=True)
    for number in range(8):
        crowd.wait_as(f"person {number}", f"203.0.113.{number}")
    turned_away(crowd, "one more", "203.0.113.99", known=True)
    end(crowd)
    assert len(crowd.came) == 32


def test_strangers_of_many_addresses_leave_a_quarter_to_acquaintances() -> None:
    crowd = full(HashingSlots(2, room=32), 2)
    for number in range(24):
        crowd.wait_as(f"account {number}", f"2001:db8:{number}::/64")
    turned_away(crowd, "account 24", "2001:db8:24::/64")
    for number in range(8):
        crowd.wait_as(f"person {number}", "203.0.113.5", known=True)
    turned_away(crowd, "person 8", "203.0.113.5", known=True)
    end(crowd)
    assert len(crowd.came) == 32


def test_every_second_turn_is_an_acquaintance_s() -> None:
    crowd = full(HashingSlots(1, room=16), 1)
    for number in range(3):
        crowd.wait_as(f"stranger {number}", f"198.51.100.{number}")
    for name in ("alice", "bob"):
        crowd.wait_as(name, "203.0.113.5", known=True)
    order = [crowd.next() for _ in range(5)]
    assert order == ["alice", "stranger 0", "bob", "stranger 1", "stranger 2"]
    end(crowd)


def test_the_addresses_come_in_turn() -> None:
    crowd = full(HashingSlots(1, room=16), 1)
    for number in range(4):
        crowd.wait_as(f"mallory {number}", "198.51.100.66")
    crowd.wait_as("alice", "203.0.113.5")
    crowd.wait_as("bob", "203.0.113.6")
    crowd.wait_as("bob again", "203.0.113.6")
    order = [crowd.next() for _ in range(7)]
    assert order == ["mallory 0", "alice", "bob", "mallory 1", "bob again", "mallory 2", "mallory 3"]
    end(crowd)


def test_who_gives_up_leaves_their_place_to_others() -> None:
    crowd = full(HashingSlots(1, room=1), 1)
    for _ in range(3):
        assert not crowd.slots.enter(Asker("alice", "203.0.113.5"), seconds=0.01)
    crowd.wait_as("bob", "203.0.113.6")
    turned_away(crowd, "alice", "203.0.113.5")
    assert crowd.next() == "bob"
    crowd.slots.leave()
    assert crowd.slots.enter(Asker("alice", "203.0.113.5"), seconds=0)
    end(crowd)


@pytest.mark.parametrize(
    ("slots", "threads", "room"), [(2, 96, 32), (1, 96, 16), (4, 96, 32), (4, 512, 64), (2, 12, 4), (1, 8, 2)]
)
def test_few_threads_leave_little_room_to_wait(slots: int, threads: int, room: int) -> None:
    assert room_to_wait(slots, threads) == room


# -- At the doors -----------------------------------------------------------------------------------------------------------


def test_a_sign_in_past_the_account_s_share_is_refused_at_once(
    alice: User, hashed: str, judged: list[str], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    make_user("bob", hashed)
    began = time.monotonic()
    with share_taken("user:alice"):
        for password in (PASSWORD, "wrong"):
            with django_assert_num_queries(2):
                response = log_in(password=password)
            assert (response.status_code, envelope(response)) == (429, refused(429, BUSY))
            assert response.headers["Retry-After"] == "2"
        assert time.monotonic() - began < settings.SAGE_HASH_WAIT_SECONDS, "nobody waited"
        assert not LimitedAct.objects.exists()
        assert not SignIn.objects.exists()
        assert judged == []
    assert outcome(password=PASSWORD) == 200


def test_strangers_who_guess_from_everywhere_do_not_keep_the_owner_out(
    alice: User, judged: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert outcome(password=PASSWORD, address="203.0.113.5") == 200
    judged.clear()
    monkeypatch.setattr(hashing, "slots", HashingSlots(2, room=32))
    crowd = full(hashing.slots, 2)
    for number in range(3):
        crowd.wait_as("user:alice", f"198.51.100.{number}")
    response = log_in(address="198.51.100.9")
    assert (response.status_code, envelope(response), judged) == (429, refused(429, BUSY), [])

    def next_turn() -> None:
        until = time.monotonic() + 10
        while crowd.waiting < 4 and time.monotonic() < until:
            time.sleep(0.001)
        hashing.slots.leave()

    turn = Thread(target=next_turn)
    turn.start()
    assert outcome(password=PASSWORD, address="203.0.113.5") == 200
    turn.join(10)
    end(crowd)


@pytest.mark.parametrize("path", ["/sage/login", "/admin/login/"])
def test_the_pages_obey_the_share(path: str, alice: User, judged: list[str]) -> None:
    with share_taken("user:alice"):
        response = Caller().form(path, {"username": "alice", "password": PASSWORD})
    assert (response.status_code, response.headers["Retry-After"]) == (429, "2")
    assert BUSY in response.content.decode()
    assert (judged, SignIn.objects.count()) == ([], 0)


@pytest.mark.parametrize("path", ["/api/user/change-password", "/sage/password"])
def test_a_change_of_password_obeys_the_share(path: str, alice: User) -> None:
    caller = signed_in(alice)
    body = {"old_password": PASSWORD, "new_password": f"{PASSWORD}!", "repeated": f"{PASSWORD}!"}
    with share_taken("user:alice"):
        response = caller.post(path, body) if path.startswith("/api") else caller.form(path, body)
    assert (response.status_code, response.headers["Retry-After"]) == (429, "2")
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)


def test_sixty_right_passwords_a_minute_for_one_account(alice: User, hashed: str, judged: list[str], clock: Clock) -> None:
    make_user("bob", hashed)
    assert [outcome(password=PASSWORD, address=f"203.0.113.{number % 7}") for number in range(60)] == [200] * 60
    judged.clear()
    by_token = signed_in(alice, token=True)
    change = {"old_password": PASSWORD, "new_password": f"{PASSWORD}!"}
    for response in (log_in(password=PASSWORD), log_in("ALICE@sage.example"), by_token.post("/api/user/change-password", change)):
        assert (response.status_code, envelope(response)) == (429, refused(429, TOO_OFTEN))
        assert 1 <= int(response.headers["Retry-After"]) <= 60
    page = Caller().form("/sage/login", {"username": "alice", "password": PASSWORD})
    assert (page.status_code, TOO_OFTEN in page.content.decode()) == (429, True)
    assert judged == [], "whoever is refused takes no hashing time"
    assert outcome("bob", PASSWORD) == 200
    clock.forward(seconds=61)
    assert outcome(password=PASSWORD) == 200
    assert envelope(by_token.post("/api/user/change-password", change))["code"] == 200


def test_a_stranger_does_not_learn_that_an_account_signs_in_often(alice: User, judged: list[str]) -> None:
    """Its limit would tell that there is such an account. Only the right password does, and not for free."""
    assert [outcome(password=PASSWORD) for _ in range(60)] == [200] * 60
    stranger = "198.51.100.9"
    for name in ("alice", "nobody"):
        response = log_in(name, address=stranger)
        assert (response.status_code, envelope(response)) == (200, refused(401, WRONG))
    for _ in range(9):
        assert envelope(log_in(password=PASSWORD, address=stranger)) == refused(429, TOO_OFTEN)
    judged.clear()
    assert_locked(log_in(password=PASSWORD, address=stranger))
    assert judged == []

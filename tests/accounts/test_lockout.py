"""Guessing passwords: what is counted, who is shut out, for how long, and what it costs."""

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from sage_platform.accounts.hashing import Asker, slots
from sage_platform.accounts.models import SignIn, User
from tests.answers import WRONG, assert_refused, refused
from tests.clock import Clock
from tests.conftest import make_user
from tests.people import PASSWORD, Caller, Response, envelope
from tests.racing import at_once

LOGIN = "/api/auth/login"
BUSY = "The service is busy with other sign-ins. Please try again in a moment."
LOCKED = "Too many failed sign-ins. Please try again in {}."


def log_in(name: str = "alice", password: str = "wrong", *, address: str = "127.0.0.1", **headers: str) -> Response:
    caller = Caller()
    caller.client.defaults["REMOTE_ADDR"] = address
    return caller.post(LOGIN, {"username_or_email": name, "password": password}, **headers)


def outcome(name: str = "alice", password: str = "wrong", *, address: str = "127.0.0.1", **headers: str) -> int:
    return int(envelope(log_in(name, password, address=address, **headers))["code"])


def assert_locked(response: Response, *, seconds: int = 900) -> None:
    assert response.status_code == 429
    # The guesses themselves take time, on a busy machine a good part of a minute.
    left = int(response.headers["Retry-After"])
    assert max(1, seconds - 60) <= left <= seconds
    minutes = -(-left // 60)
    assert envelope(response) == refused(429, LOCKED.format("1 minute" if minutes == 1 else f"{minutes} minutes"))
    assert "sage_session" not in response.cookies


def test_ten_for_one_account_from_one_client(alice: User, hashed: str) -> None:
    make_user("bob", hashed)
    assert [outcome() for _ in range(10)] == [401] * 10
    assert_locked(log_in())
    assert_locked(log_in(password=PASSWORD))
    assert not SignIn.objects.exists()
    assert outcome("bob", PASSWORD) == 200
    assert outcome(password=PASSWORD, address="203.0.113.1") == 200


def test_success_from_elsewhere_clears_the_account(alice: User) -> None:
    for _ in range(10):
        outcome()
    assert outcome(password=PASSWORD, address="203.0.113.1") == 200
    assert outcome(password=PASSWORD) == 200


def test_an_unknown_name_is_locked_alike(alice: User) -> None:
    assert [outcome("carol") for _ in range(10)] == [401] * 10
    assert_locked(log_in("CAROL"))
    assert outcome("dave") == 401


def test_the_name_and_the_address_of_one_person_share_a_lock(alice: User) -> None:
    names = ["alice", "ALICE", "alice@sage.example", "Alice@Sage.Example", "ａｌｉｃｅ"]
    assert [outcome(name) for name in names * 2] == [401] * 10
    for name in names:
        assert_locked(log_in(name, PASSWORD))


def test_the_older_address_shares_the_lock(alice: User) -> None:
    for _ in range(10):
        outcome()
    assert_locked(Caller().post("/api/user/login", {"username_or_email": "alice", "password": PASSWORD}))


def test_success_does_not_count_and_clears(alice: User) -> None:
    for _ in range(3):
        assert [outcome() for _ in range(9)] == [401] * 9
        assert outcome(password=PASSWORD) == 200
    assert [outcome(password=PASSWORD) for _ in range(12)] == [200] * 12
    assert [outcome() for _ in range(10)] == [401] * 10
    assert_locked(log_in(password=PASSWORD))


def test_an_office_signs_in(alice: User, hashed: str) -> None:
    """More right sign-ins come from one address than wrong ones may."""
    make_user("bob", hashed)
    assert [outcome(name, PASSWORD) for name in ["alice", "bob"] * 51] == [200] * 102


def test_failures_age(alice: User, clock: Clock) -> None:
    for _ in range(5):
        outcome()
    clock.forward(minutes=10)
    for _ in range(5):
        outcome()
    assert_locked(log_in(password=PASSWORD), seconds=300)
    clock.forward(minutes=4, seconds=55)
    assert_locked(log_in(password=PASSWORD), seconds=5)
    clock.forward(seconds=6)
    assert [outcome() for _ in range(5)] == [401] * 5
    assert_locked(log_in(password=PASSWORD), seconds=600)
    clock.forward(minutes=15, seconds=1)
    assert outcome(password=PASSWORD) == 200


def test_asking_while_locked_makes_it_no_longer(alice: User, clock: Clock) -> None:
    for _ in range(10):
        outcome()
    clock.forward(minutes=14)
    for _ in range(5):
        assert log_in().status_code == 429
    clock.forward(minutes=1, seconds=1)
    assert outcome(password=PASSWORD) == 200


def test_a_hundred_from_one_client(alice: User, hashed: str) -> None:
    make_user("bob", hashed)
    assert [outcome(f"name{number}") for number in range(100)] == [401] * 100
    for name in ("alice", "bob", "name100"):
        assert_locked(log_in(name, PASSWORD))
    assert outcome(password=PASSWORD, address="203.0.113.1") == 200
    assert_locked(log_in(password=PASSWORD))


def test_a_hundred_for_one_account(alice: User) -> None:
    """Strangers cannot lock the owner out: an address that has signed the account in before may go on."""
    assert outcome(password=PASSWORD, address="198.51.100.7") == 200
    for number in range(100):
        assert outcome(address=f"203.0.113.{number // 9}") == 401
    assert_locked(log_in(password=PASSWORD, address="203.0.113.200"))
    assert_locked(log_in("alice@sage.example", PASSWORD, address="2001:db8::1"))
    assert outcome(address="198.51.100.7") == 401
    assert outcome(password=PASSWORD, address="198.51.100.7") == 200
    assert outcome(password=PASSWORD, address="203.0.113.200") == 200


def test_an_address_that_signed_in_another_account_is_a_stranger(alice: User, hashed: str) -> None:
    make_user("bob", hashed)
    assert outcome("bob", PASSWORD, address="198.51.100.7") == 200
    for number in range(100):
        outcome(address=f"203.0.113.{number // 9}")
    assert_locked(log_in(password=PASSWORD, address="198.51.100.7"))


def test_ipv6_counts_by_its_64_bit_prefix(alice: User) -> None:
    addresses = [f"2001:db8:1:2:{number:x}::{number}" for number in range(10)]
    assert [outcome(address=address) for address in addresses] == [401] * 10
    assert_locked(log_in(password=PASSWORD, address="2001:db8:1:2:ffff:ffff:ffff:ffff"))
    assert outcome(address="2001:db8:1:3::1") == 401


def test_an_ipv4_address_in_ipv6_clothes_is_itself(alice: User) -> None:
    for _ in range(10):
        outcome(address="203.0.113.1")
    assert_locked(log_in(address="::ffff:203.0.113.1"))
    assert outcome(address="::ffff:203.0.113.2") == 401


def test_a_forwarded_address_from_anybody_is_ignored(alice: User) -> None:
    """Else a guesser could seem to come from another address with each request."""
    for number in range(10):
        assert outcome(X_Forwarded_For=f"198.51.100.{number}", Forwarded=f"for=198.51.100.{number}") == 401
    assert_locked(log_in(X_Forwarded_For="198.51.100.99", X_Real_IP="198.51.100.99"))


def test_a_forwarded_address_from_a_trusted_proxy_counts(alice: User, settings: Settings) -> None:
    from ipaddress import ip_network

    settings.SAGE_TRUSTED_PROXIES = [ip_network("10.0.0.0/8")]
    for number in range(10):
        # The client may have put anything before what our own proxy added.
        assert outcome(address="10.0.0.1", X_Forwarded_For=f"192.0.2.{number}, 198.51.100.1") == 401
    assert_locked(log_in(address="10.0.0.2", X_Forwarded_For="192.0.2.77, 198.51.100.1, 10.0.0.9"))
    assert outcome(address="10.0.0.1", X_Forwarded_For="198.51.100.2") == 401
    assert outcome(address="11.0.0.1", X_Forwarded_For="198.51.100.1") == 401


def test_who_is_locked_out_takes_no_hashing_time(alice: User, judged: list[str]) -> None:
    for _ in range(10):
        outcome()
    assert judged == ["verify"] * 10
    with both_slots_taken():
        assert_locked(log_in(password=PASSWORD))
    assert judged == ["verify"] * 10


class both_slots_taken:  # noqa: N801  Used as a context manager.
    """Holds both hashing slots, as if two hashes of somebody else's were being computed."""

    def __enter__(self) -> None:
        for _ in range(2):
            assert slots.enter(Asker("user:somebody", "192.0.2.1"), seconds=1)

    def __exit__(self, *_: object) -> None:
        slots.leave()
        slots.leave()


@pytest.fixture
def no_slots() -> Iterator[None]:
    with both_slots_taken():
        yield


def test_no_hashing_slot_within_two_seconds(alice: User, no_slots: None) -> None:
    import time

    began = time.monotonic()
    response = log_in(password=PASSWORD)
    assert 1.9 < time.monotonic() - began < 4
    assert response.status_code == 429
    assert envelope(response) == refused(429, BUSY)
    assert response.headers["Retry-After"] == "2"
    assert not SignIn.objects.exists()


def test_waiting_in_vain_is_no_failure(alice: User, settings: Settings) -> None:
    settings.SAGE_HASH_WAIT_SECONDS = 0.01
    with both_slots_taken():
        assert [outcome() for _ in range(12)] == [429] * 12
    assert outcome(password=PASSWORD) == 200


@pytest.mark.parametrize("path", ["/api/user/add", "/api/user/change-password"])
def test_every_door_that_hashes_waits_for_a_slot(path: str, as_admin: Caller, settings: Settings, no_slots: None) -> None:
    settings.SAGE_HASH_WAIT_SECONDS = 0.01
    body = {"username": "carol", "password": PASSWORD, "old_password": PASSWORD, "new_password": PASSWORD + "!"}
    response = as_admin.post(path, body)
    assert response.status_code == 429
    assert int(response.headers["Retry-After"]) > 0
    assert User.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_guessing_from_many_threads_at_once(alice: User, costly_hashes: str, judged: list[str]) -> None:
    User.objects.update(password=costly_hashes)
    # With hashes at full cost, so that all threads have passed the first check of the limits before the first hash is compared.
    codes = at_once(24, lambda number: outcome(password=f"guess {number}"))
    assert set(codes) <= {401, 429}
    assert judged.count("verify") == codes.count(401) <= 10
    # In whatever order they came, ten guesses are compared in all, and no more.
    rest = [outcome() for _ in range(11)]
    assert codes.count(401) + rest.count(401) == 10
    assert_locked(log_in(password=PASSWORD), seconds=900)


@pytest.mark.django_db(transaction=True)
def test_the_hundred_of_an_account_hold_against_many_addresses_at_once(alice: User, judged: list[str]) -> None:
    for number in range(95):
        assert outcome(address=f"203.0.113.{number // 9}") == 401
    codes = at_once(16, lambda number: outcome(address=f"198.51.100.{number}"))
    assert set(codes) <= {401, 429}
    assert codes.count(401) <= 5
    assert judged.count("verify") == 95 + codes.count(401)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("signed_in_before", "at_least"), [(False, 2 + 3), (True, 2 + 4)])
def test_right_sign_ins_at_once_never_lock(signed_in_before: bool, at_least: int, alice: User, settings: Settings) -> None:
    """Two are compared at once. Of an address that has never signed the account in three may wait, of another four."""
    settings.SAGE_HASH_WAIT_SECONDS = 30.0  # Whoever may wait gets a turn, on the slowest machine too.
    if signed_in_before:
        assert outcome(password=PASSWORD) == 200
    responses = at_once(16, lambda _number: log_in(password=PASSWORD))
    assert {str(envelope(response)["message"]) for response in responses} <= {"success", BUSY}
    assert [response.status_code for response in responses].count(200) >= at_least
    assert outcome(password=PASSWORD) == 200


def test_the_text_is_the_same_whatever_was_locked(alice: User) -> None:
    for name in ("alice", "carol"):
        for _ in range(10):
            assert_refused(log_in(name), 401, WRONG)
    known, unknown = log_in("alice"), log_in("carol")
    assert envelope(known)["message"] in {LOCKED.format("15 minutes"), LOCKED.format("14 minutes")}
    assert envelope(known) == envelope(unknown)

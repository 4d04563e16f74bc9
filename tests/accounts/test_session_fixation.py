"""A session that somebody else chose must not become the visitor's own."""

import pytest

from sage_platform.accounts.models import Session, User
from sage_platform.accounts.sessions import SessionStore
from sage_platform.digests import token_digest
from tests.answers import assert_logged_out
from tests.people import PASSWORD, Caller, envelope, signed_in

PATHS = ["/api/auth/login", "/api/user/login"]
BODY = {"username_or_email": "alice", "password": PASSWORD}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("planted", ["invented", "empty session", "the attacker's own session"])
def test_the_key_changes_at_login(path: str, planted: str, alice: User, bob: User, anyone: Caller) -> None:
    key = "a" * 32
    if planted == "empty session":
        store = SessionStore()
        store["planted"] = True
        store.save()
        key = str(store.session_key)
    elif planted == "the attacker's own session":
        key = signed_in(bob).client.cookies["sage_session"].value
    anyone.client.cookies["sage_session"] = key
    assert envelope(anyone.post(path, BODY))["code"] == 200
    fresh = anyone.client.cookies["sage_session"].value
    assert fresh != key
    assert len(fresh) == 32
    attacker = Caller()
    attacker.client.cookies["sage_session"] = key
    assert_logged_out(attacker.get("/api/auth/session"))
    assert not Session.objects.filter(pk=token_digest(key)).exists()
    kept = SessionStore(session_key=fresh).load()
    assert "planted" not in kept


def test_the_key_changes_when_the_same_person_signs_in_again(alice: User, anyone: Caller) -> None:
    anyone.post(PATHS[0], BODY)
    first = anyone.client.cookies["sage_session"].value
    anyone.post(PATHS[0], BODY)
    assert anyone.client.cookies["sage_session"].value != first
    thief = Caller()
    thief.client.cookies["sage_session"] = first
    assert_logged_out(thief.get("/api/auth/session"))


@pytest.mark.parametrize("path", PATHS)
def test_the_token_of_forms_changes_at_login(path: str, alice: User, anyone: Caller) -> None:
    """Else whoever had the browser before could make forms that it accepts as the new person's."""
    anyone.get("/sage/login")
    planted = anyone.client.cookies["sage_csrf"].value
    anyone.get("/sage/login")
    assert anyone.client.cookies["sage_csrf"].value == planted
    assert envelope(anyone.post(path, BODY))["code"] == 200
    assert anyone.client.cookies["sage_csrf"].value != planted


def test_a_failed_login_leaves_the_session_alone(as_bob: Caller, alice: User) -> None:
    before = as_bob.client.cookies["sage_session"].value
    assert envelope(as_bob.post(PATHS[0], BODY | {"password": "wrong"}))["code"] == 401
    assert as_bob.client.cookies["sage_session"].value == before
    assert envelope(as_bob.get("/api/auth/session"))["data"]["user"]["userid"] == "bob"


def test_an_invented_key_is_never_taken_over(anyone: Caller) -> None:
    anyone.client.cookies["sage_session"] = "b" * 32
    assert_logged_out(anyone.get("/api/auth/session"))
    assert not Session.objects.exists()

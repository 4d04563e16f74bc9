"""SAGE_AUTH_MODE=trusted_proxy: the user whom the proxy names, and others who send the proxy's header."""

from importlib import import_module
from ipaddress import ip_network
from typing import Any
from urllib.parse import urlencode

import pytest
from django.apps import apps
from django.contrib.auth.hashers import make_password
from pytest_django import DjangoAssertNumQueries, Settings

from sage_platform.accounts.models import User, new_user_id
from tests.answers import refused
from tests.conftest import make_user
from tests.people import PASSWORD, Caller, Response, envelope, signed_in
from tests.racing import at_once

SESSION = "/api/auth/session"
NAMED = "X-Sage-Internal-UserId"


@pytest.fixture(autouse=True)
def _mode(settings: Settings) -> None:
    settings.SAGE_AUTH_MODE = "trusted_proxy"
    settings.SAGE_TRUSTED_IDENTITY_PROXY_IPS = [ip_network("10.1.0.0/16"), ip_network("192.0.2.7"), ip_network("fd00:5a9e::/32")]


@pytest.fixture
def alice(db: None, hashed: str) -> User:
    return make_user("alice", hashed, made_by_proxy=True)


@pytest.fixture
def bob(db: None, hashed: str) -> User:
    return make_user("bob", hashed, made_by_proxy=True)


def ask(peer: str, name: str | None, caller: Caller | None = None, /, **headers: str) -> Response:
    caller = caller or Caller()
    caller.client.defaults["REMOTE_ADDR"] = peer
    given = {**headers, **({NAMED: name} if name is not None else {})}
    return caller.get(SESSION, **given)


def who(response: Response) -> str:
    return str(envelope(response)["data"]["user"]["userid"])


@pytest.mark.parametrize("peer", ["10.1.0.1", "10.1.255.255", "192.0.2.7", "fd00:5a9e::1", "::ffff:10.1.2.3"])
@pytest.mark.django_db
def test_on_first_sight_the_proxy_s_user_is_made(peer: str) -> None:
    response = ask(peer, "u-42.Carol_x")
    assert response.status_code == 200
    assert envelope(response)["data"]["user"] == {
        "userid": "u-42.Carol_x",
        "username": "u-42.Carol_x",
        "nickname": "u-42.Carol_x",
        "phonenum": "",
        "email": "",
        "role": "user",
        "avatar": "",
        "avatar_url": "",
    }
    made = User.objects.get()
    assert (made.pk, made.has_usable_password(), made.made_by_proxy) == ("u-42.Carol_x", False, True)
    assert who(ask(peer, "u-42.Carol_x")) == "u-42.Carol_x"
    assert User.objects.count() == 1


@pytest.mark.parametrize("peer", ["10.2.0.1", "192.0.2.8", "127.0.0.1", "fd00:5a9f::1", "::1", "::ffff:10.2.0.1", "", "nonsense"])
def test_from_any_other_address_the_header_is_nothing(peer: str, alice: User) -> None:
    assert ask(peer, "alice").status_code == 401
    assert ask(peer, "mallory").status_code == 401
    assert list(User.objects.values_list("pk", flat=True)) == ["alice"]


@pytest.mark.parametrize(
    "header", ["X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Client-IP", "True-Client-IP", "CF-Connecting-IP"]
)
@pytest.mark.parametrize("trusted", [False, True])
def test_a_forwarded_address_is_not_the_socket_s(header: str, trusted: bool, alice: User, settings: Settings) -> None:
    settings.SAGE_TRUSTED_PROXIES = [ip_network("198.51.100.0/24")] if trusted else []
    value = "for=10.1.0.1" if header == "Forwarded" else "10.1.0.1"
    assert ask("198.51.100.9", "alice", **{header: value}).status_code == 401


@pytest.mark.parametrize("mode", ["native", "oauth"])
def test_in_other_modes_the_header_is_nothing(mode: str, alice: User, settings: Settings) -> None:
    settings.SAGE_AUTH_MODE = mode
    assert ask("10.1.0.1", "alice").status_code == 401


@pytest.mark.parametrize("name", ["a" * 65, "a b", "alice@sage.example", "../alice", "алиса", "a\\b", "{alice}", "a/b"])
@pytest.mark.django_db
def test_what_cannot_be_a_user_id_is_nobody(name: str) -> None:
    assert ask("10.1.0.1", name.encode().decode("latin-1")).status_code == 401
    assert not User.objects.exists()


def test_an_empty_header_is_none(as_alice: Caller) -> None:
    assert who(ask("10.1.0.1", "", as_alice)) == "alice"


def test_a_deactivated_user_stays_outside(alice: User) -> None:
    User.objects.filter(pk="alice").update(is_active=False)
    response = ask("10.1.0.1", "alice")
    assert response.status_code == 401
    assert envelope(response) == {"code": 401, "message": "This account is deactivated.", "data": None}
    assert response.headers["WWW-Authenticate"] == "Bearer"


def test_beside_a_cookie_the_header_wins_and_a_refused_one_does_not_fall_back(as_alice: Caller, bob: User) -> None:
    assert who(ask("10.1.0.1", "bob", as_alice)) == "bob"
    User.objects.filter(pk="bob").update(is_active=False)
    assert ask("10.1.0.1", "bob", as_alice).status_code == 401
    assert who(ask("203.0.113.5", "bob", as_alice)) == "alice"


def test_a_bearer_token_wins_over_the_header(alice: User, bob: User) -> None:
    by_token = signed_in(alice, token=True)
    assert who(ask("10.1.0.1", "bob", by_token)) == "alice"
    bad = Caller(headers={"Authorization": "Bearer sage_at_wrong"})
    assert who(ask("10.1.0.1", "bob", bad)) == "bob"


def test_a_name_in_another_case_is_another_id_and_takes_nobody_s_account(alice: User) -> None:
    response = ask("10.1.0.1", "ALICE")
    assert response.status_code == 401
    assert envelope(response)["message"] == "Another account has this name. Ask an administrator."
    assert list(User.objects.values_list("pk", flat=True)) == ["alice"]


@pytest.mark.django_db
def test_the_bootstrap_administrator_is_not_taken_over(hashed: str) -> None:
    User.objects.create(id="5f0c", username="admin", password=hashed, role="admin")
    assert ask("10.1.0.1", "admin").status_code == 401


OTHERS = {
    "an administrator's id": {"id": "5f0c", "username": "admin", "role": "admin"},
    "an id like those that we make": {"id": "8b1a9953c4614c62a5f0a7c9d7e2b344", "username": "dora"},
    "an id that is the name too": {"id": "erin", "username": "erin"},
    "an id, of a deactivated account": {"id": "f00d", "username": "frank", "is_active": False},
}


@pytest.mark.parametrize("fields", OTHERS.values(), ids=OTHERS)
def test_nobody_whom_the_proxy_has_not_made_is_named_by_it(fields: dict[str, Any], hashed: str, as_alice: Caller) -> None:
    User.objects.create(**fields, password=hashed)
    before = list(User.objects.order_by("pk").values())
    for caller in (Caller(), as_alice):
        for call in (caller.get, caller.post):
            caller.client.defaults["REMOTE_ADDR"] = "10.1.0.1"
            response = call("/api/user/config", None, **{NAMED: fields["id"]})
            assert (response.status_code, response.headers["WWW-Authenticate"]) == (401, "Bearer")
            assert envelope(response) == refused(401, "Another account has this name. Ask an administrator.")
        assert caller.get("/admin/", **{NAMED: fields["id"]}).status_code == 302
    assert list(User.objects.order_by("pk").values()) == before


@pytest.mark.parametrize("password", [True, False])
def test_whom_a_worker_of_the_version_before_made_during_the_upgrade(password: bool, hashed: str, db: None) -> None:
    """Without the mark, which it did not know: such a user has no password, and the id for a name."""
    User.objects.create(id="grace", username="grace", password=hashed if password else make_password(None))
    assert ask("10.1.0.1", "grace").status_code == (401 if password else 200)
    assert User.objects.get(pk="grace").made_by_proxy is not password
    if not password:
        User.objects.filter(pk="grace").update(username="renamed")
        assert who(ask("10.1.0.1", "grace")) == "grace"


def test_the_migration_marks_whom_the_proxy_has_made(hashed: str, db: None) -> None:
    """By the id, also where somebody was renamed since or given a password; an id of ours only where it is the name as well."""
    uuid = "8b1a9953c4614c62a5f0a7c9d7e2b344"
    for key, name in [("carol", "carol"), ("dave", "Dave Renamed"), ("0" * 32, "zero"), (uuid, uuid), (new_user_id(), "admin")]:
        User.objects.create(id=key, username=name, password=hashed)
    User.objects.create(username="bob", password=make_password(None))
    import_module("sage_platform.accounts.migrations.0006_made_by_proxy").mark(apps, None)
    assert set(User.objects.filter(made_by_proxy=True).values_list("pk", flat=True)) == {"carol", "dave", "0" * 32, uuid}


SECRET = "cHJveHkgc2VjcmV0+/="


@pytest.mark.parametrize("sent", [None, "", "wrong", SECRET[:-1], f"{SECRET}x", SECRET.lower(), f"{SECRET},{SECRET}"])
def test_without_the_right_secret_the_header_is_nothing(
    sent: str | None, as_alice: Caller, bob: User, settings: Settings
) -> None:
    settings.SAGE_TRUSTED_IDENTITY_PROXY_SECRET = SECRET
    headers = {} if sent is None else {"X-Sage-Internal-Secret": sent}
    for name in ("bob", "newcomer"):
        assert ask("10.1.0.1", name, **headers).status_code == 401
    assert who(ask("10.1.0.1", "bob", as_alice, **headers)) == "alice"
    assert sorted(User.objects.values_list("pk", flat=True)) == ["alice", "bob"]


def test_with_the_right_secret_the_header_counts_from_the_proxy_alone(alice: User, settings: Settings) -> None:
    settings.SAGE_TRUSTED_IDENTITY_PROXY_SECRET = SECRET
    assert who(ask("10.1.0.1", "alice", **{"X-Sage-Internal-Secret": SECRET})) == "alice"
    assert ask("10.2.0.1", "alice", **{"X-Sage-Internal-Secret": SECRET}).status_code == 401


def test_the_role_is_the_database_s(alice: User) -> None:
    caller = Caller()
    caller.client.defaults["REMOTE_ADDR"] = "10.1.0.1"
    assert caller.get("/api/user/list", **{NAMED: "alice"}).status_code == 403
    User.objects.filter(pk="alice").update(role="admin")
    assert caller.get("/api/user/list", **{NAMED: "alice"}).status_code == 200


@pytest.mark.parametrize(("site", "status"), [("same-origin", 200), ("none", 200), ("same-site", 403), ("cross-site", 403)])
def test_the_cross_site_rule_covers_the_header(site: str, status: int, alice: User) -> None:
    caller = Caller()
    caller.client.defaults["REMOTE_ADDR"] = "10.1.0.1"
    response = caller.post("/api/user/config", {"config": {"theme": "dark"}}, **{NAMED: "alice", "Sec-Fetch-Site": site})
    assert response.status_code == status
    kept = envelope(caller.get("/api/user/config", **{NAMED: "alice"}))["data"]["config"]
    assert kept == ({"theme": "dark"} if status == 200 else {})


def test_our_pages_know_the_proxy_s_user(alice: User) -> None:
    caller = Caller()
    caller.client.defaults["REMOTE_ADDR"] = "10.1.0.1"
    assert "alice" in caller.get("/sage/", **{NAMED: "alice"}).content.decode()
    User.objects.filter(pk="alice").update(is_active=False)
    assert caller.get("/sage/", **{NAMED: "alice"}).status_code == 302


def test_a_call_costs_one_query_for_its_user(alice: User, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(1):
        assert ask("10.1.0.1", "alice").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_eight_at_first_sight_make_one_user() -> None:
    answers = at_once(8, lambda _number: ask("10.1.0.1", "newcomer").status_code)
    assert answers == [200] * 8
    assert User.objects.filter(pk="newcomer").count() == 1


def test_the_password_page_refuses_whom_the_proxy_names(alice: User) -> None:
    caller = Caller(headers={NAMED: "alice"})
    caller.client.defaults["REMOTE_ADDR"] = "10.1.0.1"
    body = urlencode({"old_password": PASSWORD, "new_password": "another horse stable", "repeated": "another horse stable"})
    response = caller.send("POST", "/sage/password", body.encode(), **{"Content-Type": "application/x-www-form-urlencoded"})
    assert response.status_code == 200
    assert "You sign in without a password of this platform, so there is none to change." in response.content.decode()
    assert User.objects.get(pk="alice").password == alice.password

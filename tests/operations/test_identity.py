"""Sign-ins, registrations and refreshes: each way counts once, by how it ended."""

from collections.abc import Callable

import pytest
from prometheus_client import REGISTRY

from sage_platform.accounts.models import User
from sage_platform.accounts.services.passwords import PER_ACCOUNT_AND_CLIENT
from sage_platform.oauth2.client_authentication import OF_CLIENT
from sage_platform.oauth2.models import Application
from tests.mail import Mailbox
from tests.oauth2_clients import Program, allow, code_for, request_of
from tests.operations.counting import counting
from tests.people import PASSWORD, Caller, Response, envelope
from tests.visitor import Visitor

pytestmark = pytest.mark.django_db
LOGINS = ["/api/auth/login", "/api/user/login"]
PAGES = ["/sage/login", "/admin/login/"]
REFRESHES = ["/api/auth/refresh", "/api/user/refresh-token"]
SIGN_INS = "sage_platform.accounts.services.sign_ins"
OK, REFUSED, ERROR = ({f"identity/sign_in {status}": 1} for status in ("ok", "refused", "error"))


def log_in(path: str, name: str = "admin", password: str = PASSWORD) -> Response:
    return Caller().post(path, {"username_or_email": name, "password": password})


@pytest.mark.parametrize("path", LOGINS)
def test_the_api_s_sign_ins(path: str, admin: User, breaking: Callable[[str], None]) -> None:
    with counting() as right:
        assert envelope(log_in(path))["code"] == 200
    with counting() as wrong:
        assert envelope(log_in(path, password="wrong"))["code"] == 401
    with counting() as unknown:
        log_in(path, "nobody")
    with counting() as malformed:
        assert Caller().post(path, {"username_or_email": "admin"}).status_code == 422
    breaking(f"{SIGN_INS}.open_session")
    with counting() as broken:
        assert log_in(path).status_code == 503
    assert (right, wrong, unknown, malformed, broken) == (OK, REFUSED, REFUSED, {}, ERROR)


@pytest.mark.parametrize("path", PAGES)
def test_the_pages_sign_ins(path: str, admin: User, breaking: Callable[[str], None]) -> None:
    with counting() as shown:
        assert Visitor().open(path).status_code == 200
    with counting() as right:
        assert Visitor().sign_in("admin", path=path).status_code == 302
    with counting() as wrong:
        assert Visitor().sign_in("admin", "wrong", path=path).status_code == 200
    with counting() as empty:
        assert Visitor().sign_in("admin", "", path=path).status_code == 200
    breaking(f"{SIGN_INS}.open_session")
    with counting() as broken:
        Visitor().sign_in("admin", path=path)
    assert (shown, right, wrong, empty, broken) == ({}, OK, REFUSED, {}, ERROR)


def test_a_plain_user_at_the_administration_s_page(alice: User) -> None:
    with counting() as plain:
        Visitor().sign_in("alice", path="/admin/login/")
    assert plain == REFUSED


def test_the_sign_in_that_a_client_asks_for_once_more(as_alice: Caller, lage: Application) -> None:
    allow(as_alice.user, lage)
    asked = "/oauth2/authorize?" + "&".join(f"{name}={value}" for name, value in request_of(prompt="login").items())
    guest = Visitor(as_alice.client)
    with counting() as shown:
        assert guest.open(asked).status_code == 200
    with counting() as wrong:
        guest.sign_in("alice", "wrong", path=asked)
    with counting() as right:
        assert guest.sign_in("alice", path=asked).status_code == 303
    assert (shown, wrong, right) == ({}, REFUSED, OK)


def test_lock_outs_are_refusals_and_counted_beside(alice: User) -> None:
    def locked() -> float:
        return REGISTRY.get_sample_value("sage_server_lockouts_total", {"kind": "sign_in"}) or 0

    before = locked()
    with counting() as tries:
        for _ in range(PER_ACCOUNT_AND_CLIENT.amount):
            log_in(LOGINS[0], "alice", "wrong")
    assert (tries, locked() - before) == ({"identity/sign_in refused": 10}, 0)
    with counting() as shut_out:
        assert log_in(LOGINS[0], "alice").status_code == 429
    assert (shut_out, locked() - before) == (REFUSED, 1)


def test_clients_that_are_locked_out(lage: Application) -> None:
    def locked() -> float:
        return REGISTRY.get_sample_value("sage_server_lockouts_total", {"kind": "client"}) or 0

    before, guess = locked(), Program(secret="wrong")
    for _ in range(OF_CLIENT.amount):
        assert guess.refresh("any").status_code == 401
    assert locked() == before
    assert guess.refresh("any").status_code == 429
    assert locked() == before + 1


# -- Registering ----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("open_registration")
def test_registering(anyone: Caller, mailbox: Mailbox, breaking: Callable[[str], None]) -> None:
    """It makes an account, and signs nobody in. The code is no registration yet."""
    body = {"username": "carol", "password": PASSWORD, "email": "carol@sage.example", "verification_code": ""}
    with counting() as mailed:
        anyone.post("/api/auth/register/send-code", {"email": "carol@sage.example"})
    code = mailbox.code_to("carol@sage.example")
    with counting() as wrong:
        anyone.post("/api/auth/register", body | {"verification_code": f"{(int(code) + 1) % 10**6:06d}"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sage_platform.accounts.services.users.store_user", _gone)
        with counting() as broken:
            assert anyone.post("/api/auth/register", body | {"verification_code": code}).status_code == 500
    with counting() as right:
        assert envelope(anyone.post("/api/auth/register", body | {"verification_code": code}))["code"] == 200
    assert (mailed, wrong) == ({}, {"identity/register refused": 1})
    assert (broken, right) == ({"identity/register error": 1}, {"identity/register ok": 1})


def _gone(*_args: object, **_kwargs: object) -> None:
    raise RuntimeError("no account today")


# -- Refreshes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", REFRESHES)
def test_refreshes(path: str, alice: User, anyone: Caller, breaking: Callable[[str], None]) -> None:
    pair = envelope(log_in(LOGINS[0], "alice"))["data"]
    with counting() as right:
        again = envelope(anyone.post(path, {"refresh_token": pair["refresh_token"]}))["data"]
    with counting() as unknown:
        anyone.post(path, {"refresh_token": "sage_rt_unknown"})
    breaking(f"{SIGN_INS}.issue_tokens")
    with counting() as broken:
        assert anyone.post(path, {"refresh_token": again["refresh_token"]}).status_code == 503
    with counting() as twice:
        anyone.post(path, {"refresh_token": pair["refresh_token"]})
    assert (right, unknown) == ({"identity/refresh ok": 1}, {"identity/refresh refused": 1})
    assert (broken, twice) == ({"identity/refresh error": 1}, {"identity/refresh refused": 1})


def test_the_token_endpoint(as_alice: Caller, program: Program, lage: Application, breaking: Callable[[str], None]) -> None:
    """What people sign in for there is counted where they sign in."""
    allow(as_alice.user, lage)
    code = code_for(as_alice)
    with counting() as traded:
        pair = program.exchange(code).json()
    with counting() as spent:
        assert program.exchange(code).status_code == 400
    with counting() as unknown_grant:
        program.post("/oauth2/token", {"grant_type": "password"})
    with counting() as no_grant:
        program.post("/api/oauth2/token", {})
    with counting() as guessed:
        assert Program(secret="wrong").refresh("any").status_code == 401
    with counting() as refused:
        program.refresh(pair["refresh_token"])
    assert (traded, spent) == ({"oauth2/token ok": 1}, {"oauth2/token refused": 1})
    assert (unknown_grant, no_grant, guessed, refused) == (
        *({"oauth2/token refused": 1} for _ in range(2)),
        *({"oauth2/refresh refused": 1} for _ in range(2)),
    )


def test_refreshes_of_clients(as_alice: Caller, program: Program, lage: Application, breaking: Callable[[str], None]) -> None:
    allow(as_alice.user, lage)
    first = program.exchange(code_for(as_alice)).json()["refresh_token"]
    with counting() as right:
        second = program.refresh(first).json()["refresh_token"]
    breaking("sage_platform.oauth2.tokens.new")
    with counting() as broken:
        assert program.refresh(second).status_code == 503
    assert (right, broken) == ({"oauth2/refresh ok": 1}, {"oauth2/refresh error": 1})

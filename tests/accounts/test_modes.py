"""The modes `trusted_proxy` and `oauth`: who may sign in with a password, and that nobody registers."""

import pytest
from pytest_django import Settings

from sage_platform.accounts.models import LimitedAct, RegistrationCode, SignIn, User
from tests.answers import WRONG, assert_logged_out, assert_refused, success
from tests.mail import Mailbox
from tests.people import PASSWORD, Caller, Response, envelope, signed_in
from tests.rows import rows

LOGIN = ["/api/auth/login", "/api/user/login"]
NOT_ENABLED = "Password sign-in is not enabled"
ADMINS_ONLY = "Only administrators may sign in with a password"
CHANGE = {"old_password": PASSWORD, "new_password": "another uncommon phrase"}


@pytest.fixture
def oauth(settings: Settings) -> None:
    settings.SAGE_AUTH_MODE = "oauth"


@pytest.fixture
def trusted_proxy(settings: Settings) -> None:
    settings.SAGE_AUTH_MODE = "trusted_proxy"


def log_in(path: str, name: str, password: str = PASSWORD) -> Response:
    return Caller().post(path, {"username_or_email": name, "password": password})


@pytest.mark.parametrize("path", LOGIN)
@pytest.mark.parametrize("name", ["alice", "admin", "carol"])
@pytest.mark.usefixtures("alice", "admin", "oauth")
def test_oauth_takes_no_password(path: str, name: str, judged: list[str]) -> None:
    response = log_in(path, name)
    assert_refused(response, 400, NOT_ENABLED)
    assert response.cookies == {}
    assert judged == []
    assert not SignIn.objects.exists()
    assert not LimitedAct.objects.exists()


def test_oauth_changes_no_password(oauth: None, alice: User, admin: User, judged: list[str]) -> None:
    for user in (alice, admin):
        caller = signed_in(user)
        before = rows()
        assert_refused(caller.post("/api/user/change-password", CHANGE), 400, NOT_ENABLED)
        assert rows() == before
    assert judged == []


@pytest.mark.parametrize("path", ["/api/auth/providers", "/api/user/auth-providers"])
def test_oauth_offers_no_password(path: str, oauth: None, anyone: Caller) -> None:
    assert envelope(anyone.get(path)) == success([])


def test_info_in_oauth_mode(oauth: None, anyone: Caller, db: None) -> None:
    assert envelope(anyone.get("/api/system/info")) == success(
        {
            "allow_registration": False,
            "auth_mode": "oauth",
            "auth_providers": [],
            "default_auth_provider": None,
            "has_local_auth": False,
            "has_oauth_auth": False,
            "native_login_admin_only": False,
            "oauth_enabled": False,
            "oauth_provider_name": None,
            "version": "0.1.0",
        }
    )


@pytest.mark.parametrize("path", LOGIN)
def test_a_trusted_proxys_administrators_sign_in(path: str, trusted_proxy: None, admin: User, alice: User) -> None:
    assert envelope(log_in(path, "admin"))["code"] == 200
    assert_refused(log_in(path, "alice"), 403, ADMINS_ONLY)
    assert_refused(log_in(path, "alice", "wrong"), 401, WRONG)
    assert_refused(log_in(path, "carol"), 401, WRONG)
    assert [sign_in.user_id for sign_in in SignIn.objects.all()] == ["admin"]


def test_a_trusted_proxys_users_have_no_password_to_change(trusted_proxy: None, alice: User, judged: list[str]) -> None:
    caller = signed_in(alice)
    before = rows()
    assert_refused(caller.post("/api/user/change-password", CHANGE), 403, ADMINS_ONLY)
    assert rows() == before
    assert judged == []


def test_a_trusted_proxys_administrator_changes_theirs(trusted_proxy: None, as_admin: Caller) -> None:
    assert envelope(as_admin.post("/api/user/change-password", CHANGE)) == success({})


def test_info_in_trusted_proxy_mode(trusted_proxy: None, anyone: Caller, db: None) -> None:
    data = envelope(anyone.get("/api/system/info"))["data"]
    assert data["auth_mode"] == "trusted_proxy"
    assert data["native_login_admin_only"] is True
    assert data["has_local_auth"] is True
    assert [provider["id"] for provider in data["auth_providers"]] == ["native"]


@pytest.mark.parametrize("prefix", ["/api/auth", "/api/user"])
@pytest.mark.parametrize("mode", ["oauth", "trusted_proxy"])
@pytest.mark.usefixtures("open_registration")
def test_nobody_registers(prefix: str, mode: str, anyone: Caller, mailbox: Mailbox, settings: Settings) -> None:
    settings.SAGE_AUTH_MODE = mode
    text = "Registration is not available here."
    assert_refused(anyone.post(f"{prefix}/register/send-code", {"email": "carol@sage.example"}), 400, text)
    body = {"username": "carol", "password": PASSWORD, "email": "carol@sage.example", "verification_code": "123456"}
    assert_refused(anyone.post(f"{prefix}/register", body), 400, text)
    assert mailbox.received == []
    assert not RegistrationCode.objects.exists()
    assert not LimitedAct.objects.exists()
    assert not User.objects.exists()


@pytest.mark.parametrize("mode", ["native", "oauth"])
def test_the_proxys_header_means_nothing_in_other_modes(mode: str, anyone: Caller, admin: User, settings: Settings) -> None:
    from ipaddress import ip_network

    settings.SAGE_AUTH_MODE = mode
    settings.SAGE_TRUSTED_IDENTITY_PROXY_IPS = [ip_network("127.0.0.1")]
    assert_logged_out(anyone.get("/api/auth/session", X_Sage_Internal_UserId="admin"))
    assert_logged_out(anyone.get("/api/user/list", X_Sage_Internal_UserId="admin"))


@pytest.mark.parametrize("mode", ["oauth", "trusted_proxy"])
def test_a_session_and_a_token_go_on_in_every_mode(mode: str, alice: User, settings: Settings) -> None:
    settings.SAGE_AUTH_MODE = mode
    for token in (False, True):
        assert signed_in(alice, token=token).get("/api/auth/session").status_code == 200

"""GET /oauth2/authorize: who is signed in, how lately, and as whom (OpenID Connect Core §3.1.2.1 and §3.1.2.3)."""

from datetime import timedelta
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from django.utils import timezone
from pytest_django import Settings

from sage_platform.accounts.models import SignIn, User
from sage_platform.oauth2 import keys
from sage_platform.oauth2.models import Application, Grant
from tests.oauth2_clients import Program, Response, allow, answer_in, make_client, request_of
from tests.people import PASSWORD, Caller

pytestmark = pytest.mark.django_db


def refused(response: Response, error: str) -> None:
    answer = answer_in(response)
    assert (answer["error"], answer["state"], answer["iss"]) == (error, "a state", "https://sage.example/oauth2")
    assert "code" not in answer
    assert not Grant._default_manager.exists()


def next_of(response: Response) -> str:
    assert response.status_code == 302
    address = urlsplit(response.headers["Location"])
    assert address.path == "/sage/login"
    query = parse_qs(address.query)
    assert list(query) == ["next"]
    return str(query["next"][0])


@pytest.fixture
def ready(as_alice: Caller, lage: Application) -> Caller:
    """alice, signed in an hour ago, who has consented."""
    allow(as_alice.user, lage)
    SignIn.objects.update(created_at=timezone.now() - timedelta(hours=1))
    return as_alice


# -- Logged out ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/oauth2/authorize", "/api/oauth2/authorize"])
def test_the_logged_out_go_to_the_login_page_with_the_whole_request(path: str, anyone: Caller, lage: Application) -> None:
    asked = anyone.get(path, request_of(state="a&b=c d"))
    target = next_of(asked)
    assert target == asked.wsgi_request.get_full_path()
    assert dict(parse_qsl(urlsplit(target).query)) == request_of(state="a&b=c d")


def test_signing_in_leads_on_to_the_consent_page(anyone: Caller, alice: User, lage: Application) -> None:
    login = anyone.get("/oauth2/authorize", request_of()).headers["Location"]
    fields = {"username": "alice", "password": PASSWORD, "next": parse_qs(urlsplit(login).query)["next"][0]}
    page = anyone.form(login, fields, follow=True)
    assert page.redirect_chain[-1][0].startswith("/oauth2/authorize?")
    assert "Allow Lage to use your account?" in page.content.decode()


def test_logged_out_and_without_any_prompt_allowed(anyone: Caller, lage: Application) -> None:
    refused(anyone.get("/oauth2/authorize", request_of(prompt="none")), "login_required")


def test_an_ended_sign_in_is_logged_out(ready: Caller) -> None:
    SignIn.objects.update(ended_at=timezone.now())
    assert next_of(ready.get("/oauth2/authorize", request_of())).startswith("/oauth2/authorize?")


@pytest.mark.parametrize("changes", [{"prompt": "login"}, {"max_age": "0"}, {"prompt": "login consent", "max_age": "5"}])
def test_a_sign_in_answers_what_asked_for_one(changes: dict[str, str], anyone: Caller, lage: Application) -> None:
    """Else the person would come back from the login page and be sent there again."""
    query = dict(parse_qsl(urlsplit(next_of(anyone.get("/oauth2/authorize", request_of(**changes)))).query))
    kept = {"prompt": "consent"} if "consent" in changes.get("prompt", "") else {}
    assert query == request_of() | kept


# -- Without any prompt -------------------------------------------------------------------------------------------------------


def test_none_with_consent_answers(ready: Caller) -> None:
    assert "code" in answer_in(ready.get("/oauth2/authorize", request_of(prompt="none")))


def test_none_without_consent(as_alice: Caller, lage: Application) -> None:
    refused(as_alice.get("/oauth2/authorize", request_of(prompt="none")), "consent_required")


def test_none_with_less_consent(as_alice: Caller, lage: Application) -> None:
    allow(as_alice.user, lage, "openid")
    refused(as_alice.get("/oauth2/authorize", request_of(prompt="none")), "consent_required")


def test_none_with_too_old_a_sign_in(ready: Caller) -> None:
    refused(ready.get("/oauth2/authorize", request_of(prompt="none", max_age="60")), "login_required")


# -- Again --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("changes", [{"prompt": "login"}, {"prompt": "select_account"}, {"max_age": "3599"}, {"max_age": "0"}])
def test_signing_in_again(changes: dict[str, str], ready: Caller, lage: Application, program: Program) -> None:
    page = ready.get("/oauth2/authorize", request_of(**changes))
    assert page.status_code == 200
    assert "Sign in to Sage" in page.content.decode()
    assert not Grant._default_manager.exists()

    address = page.wsgi_request.get_full_path()
    wrong = ready.form(address, {"username": "alice", "password": "wrong"})
    assert wrong.status_code == 200
    assert "Invalid username or password" in wrong.content.decode()

    began = timezone.now().timestamp()
    right = ready.form(address, {"username": "alice", "password": PASSWORD})
    assert right.status_code == 303  # RFC 9700 §4.12: nothing may make the browser send the password on.
    code = answer_in(ready.client.get(right.headers["Location"]))["code"]
    claims = keys.read(program.exchange(code).json()["id_token"])
    assert claims is not None
    assert claims["auth_time"] >= int(began)


def test_a_young_sign_in_is_enough(ready: Caller, program: Program) -> None:
    """OpenID Connect Core §3.1.2.1: with max_age the id_token has auth_time."""
    answer = answer_in(ready.get("/oauth2/authorize", request_of(max_age="3700")))
    claims = keys.read(program.exchange(answer["code"]).json()["id_token"])
    assert claims is not None
    assert claims["auth_time"] == int(SignIn.objects.get().created_at.timestamp())


def test_another_sites_form_signs_nobody_in(ready: Caller) -> None:
    """Login CSRF: the form has our token, or it does nothing."""
    address = ready.get("/oauth2/authorize", request_of(prompt="login")).wsgi_request.get_full_path()
    ready.client.handler.enforce_csrf_checks = True
    before = SignIn.objects.count()
    response = ready.form(address, {"username": "alice", "password": PASSWORD})
    assert response.status_code == 403
    assert SignIn.objects.count() == before


def test_where_nobody_can_sign_in_by_password(ready: Caller, settings: Settings) -> None:
    settings.SAGE_AUTH_MODE = "oauth"
    refused(ready.get("/oauth2/authorize", request_of(prompt="login")), "login_required")


def test_where_administrators_alone_have_a_password(
    ready: Caller, as_admin: Caller, lage: Application, settings: Settings
) -> None:
    """Anybody else would be shown a form that refuses them whatever they type."""
    allow(as_admin.user, lage)
    settings.SAGE_AUTH_MODE = "trusted_proxy"
    refused(ready.get("/oauth2/authorize", request_of(prompt="login")), "login_required")
    page = as_admin.get("/oauth2/authorize", request_of(prompt="login"))
    assert (page.status_code, 'type="password"' in page.content.decode()) == (200, True)


def test_a_person_whom_the_proxy_names(
    alice: User, anyone: Caller, lage: Application, program: Program, settings: Settings
) -> None:
    """How and when they signed in is not known, so no auth_time is invented."""
    from ipaddress import ip_network

    settings.SAGE_AUTH_MODE = "trusted_proxy"
    settings.SAGE_TRUSTED_IDENTITY_PROXY_IPS = [ip_network("127.0.0.1")]
    User.objects.filter(pk="alice").update(made_by_proxy=True)
    allow(alice, lage)
    named = {"X-Sage-Internal-UserId": "alice"}
    refused(anyone.get("/oauth2/authorize", request_of(max_age="60"), **named), "login_required")
    refused(anyone.get("/oauth2/authorize", request_of(prompt="login"), **named), "login_required")
    answer = answer_in(anyone.get("/oauth2/authorize", request_of(), **named))
    claims = keys.read(program.exchange(answer["code"]).json()["id_token"])
    assert claims is not None
    assert (claims["sub"], "auth_time" in claims) == ("alice", False)


# -- A hint ------------------------------------------------------------------------------------------------------------------


def hint_for(user_id: str, issuer: str = "https://sage.example/oauth2") -> str:
    return keys.sign({"iss": issuer, "sub": user_id, "aud": "lage", "exp": 1})


def test_a_hint_of_the_same_person(ready: Caller) -> None:
    """An old one counts too: it is a hint and no credential."""
    assert "code" in answer_in(ready.get("/oauth2/authorize", request_of(id_token_hint=hint_for("alice"), prompt="none")))


def test_a_hint_of_another_person(ready: Caller) -> None:
    refused(ready.get("/oauth2/authorize", request_of(id_token_hint=hint_for("bob"))), "login_required")


def test_a_hint_of_another_issuer(ready: Caller) -> None:
    hint = hint_for("alice", "https://evil.example")
    refused(ready.get("/oauth2/authorize", request_of(id_token_hint=hint)), "invalid_request")


# -- The login page names the client ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/oauth2/authorize", "/api/oauth2/authorize"])
def test_the_login_page_says_what_one_signs_in_for(path: str, anyone: Caller, signing_keys: object) -> None:
    make_client(name="Lage <b>")
    login = anyone.get(path, request_of()).headers["Location"]
    page = anyone.client.get(login)
    assert "You sign in to go on to Lage &lt;b&gt;." in page.content.decode()
    # Also after a wrong password.
    target = parse_qs(urlsplit(login).query)["next"][0]
    again = anyone.form("/sage/login", {"username": "alice", "password": "", "next": target})
    assert "You sign in to go on to Lage &lt;b&gt;." in again.content.decode()


@pytest.mark.parametrize(
    "target",
    [
        "",
        "/oauth2/consents",
        "/oauth2/consents?client_id=lage",
        "/oauth2/authorize",
        "/oauth2/authorize?client_id=nobody",
        "/oauth2/authorize?client_id=%00",
        "/oauth2/authorize?" + "&" * 1500 + "client_id=%ff",
        "//oauth2/authorize?client_id=lage",
        "https://sage.example/oauth2/authorize?client_id=lage",
    ],
)
def test_it_names_nobody_otherwise(target: str, anyone: Caller, lage: Application) -> None:
    page = anyone.get("/sage/login", {"next": target})
    assert page.status_code == 200
    assert "You sign in to go on" not in page.content.decode()


def test_a_client_that_is_switched_off_is_not_named(anyone: Caller, lage: Application) -> None:
    Application.objects.update(enabled=False)
    page = anyone.get("/sage/login", {"next": "/oauth2/authorize?client_id=lage"})
    assert "You sign in to go on" not in page.content.decode()

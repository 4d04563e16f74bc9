"""The page /oauth2/consents: what a person has allowed, and withdrawing it."""

from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries, Settings

from sage_platform.oauth2.models import AccessToken, Application, Consent, Grant
from tests.oauth2_clients import Program, allow, code_for, make_client, request_of
from tests.people import Caller

pytestmark = pytest.mark.django_db


def test_the_logged_out_sign_in_first(anyone: Caller) -> None:
    response = anyone.get("/oauth2/consents")
    assert (response.status_code, response.headers["Location"]) == (302, "/sage/login?next=%2Foauth2%2Fconsents")


def test_nothing_yet(as_alice: Caller) -> None:
    response = as_alice.get("/oauth2/consents")
    assert response.status_code == 200
    assert "No application is connected to your account." in response.content.decode()
    assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]


def test_the_account_page_leads_there(as_alice: Caller) -> None:
    assert 'href="/oauth2/consents"' in as_alice.get("/sage/").content.decode()


def test_what_was_allowed(as_alice: Caller, as_bob: Caller, lage: Application) -> None:
    allow(as_alice.user, lage, "openid email")
    text = as_alice.get("/oauth2/consents").content.decode()
    for words in ("Lage", "Know who you are", "See your email address", "Withdraw"):
        assert words in text
    assert "See your name and picture" not in text
    assert "Lage" not in as_bob.get("/oauth2/consents").content.decode()


@pytest.mark.parametrize("number", [1, 3])
def test_as_many_queries_for_three(
    number: int, as_alice: Caller, settings: Settings, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for count in range(number):
        allow(as_alice.user, make_client(f"client-{count}"))
    as_alice.get("/oauth2/consents")
    # The session (with Redis it is not in the database), the sign-in, the consents with their clients.
    with django_assert_num_queries(2):
        as_alice.get("/oauth2/consents")


@pytest.mark.parametrize("path", ["/oauth2/consents", "/api/oauth2/consents"])
def test_withdrawing_ends_everything(
    path: str, as_alice: Caller, pair: dict[str, Any], program: Program, lage: Application
) -> None:
    waiting = code_for(as_alice)
    response = as_alice.form(path, {"consent": str(Consent.objects.get().pk)})
    assert (response.status_code, response.headers["Location"]) == (302, path)
    assert "Lage is no longer connected." in as_alice.get(path).content.decode()
    assert not Consent.objects.exists()
    assert program.userinfo(pair["access_token"]).status_code == 401
    assert program.refresh(pair["refresh_token"]).json()["error"] == "invalid_grant"
    assert program.exchange(waiting).json()["error"] == "invalid_grant"
    assert as_alice.get("/oauth2/authorize", request_of()).status_code == 200
    allow(as_alice.user, lage)
    assert program.exchange(waiting).json()["error"] == "invalid_grant", "a later consent does not bring it back"


@pytest.mark.parametrize("kind", ["code", "refresh token"])
def test_nothing_is_issued_without_a_consent(
    kind: str, as_alice: Caller, pair: dict[str, Any], program: Program, lage: Application
) -> None:
    """A code that was given out at the moment of a withdrawal outlives it."""
    code, before = code_for(as_alice), AccessToken._default_manager.count()
    Consent.objects.all().delete()
    response = program.exchange(code) if kind == "code" else program.refresh(pair["refresh_token"])
    assert (response.status_code, response.json()) == (400, {"error": "invalid_grant"})
    assert AccessToken._default_manager.count() <= before


def test_a_skipping_clients_tokens_can_be_ended_too(as_alice: Caller, signing_keys: object) -> None:
    make_client(skip_authorization=True)
    program = Program()
    tokens = program.exchange(code_for(as_alice)).json()
    as_alice.form("/oauth2/consents", {"consent": str(Consent.objects.get().pk)})
    assert program.userinfo(tokens["access_token"]).status_code == 401


def test_others_go_on(as_alice: Caller, as_bob: Caller, pair: dict[str, Any], program: Program, lage: Application) -> None:
    allow(as_bob.user, lage)
    bobs = program.exchange(code_for(as_bob)).json()
    as_alice.form("/oauth2/consents", {"consent": str(Consent.objects.get(user=as_alice.user).pk)})
    assert program.userinfo(bobs["access_token"]).status_code == 200
    assert Consent.objects.get().user_id == "bob"


@pytest.mark.parametrize("given", ["", "x", "0", "-1", "99999999999999999999", "\0", "１"])
def test_what_is_no_consent(given: str, as_alice: Caller, lage: Application) -> None:
    allow(as_alice.user, lage)
    assert as_alice.form("/oauth2/consents", {"consent": given}).status_code == 302
    assert Consent.objects.count() == 1
    assert "That application was not connected any more." in as_alice.get("/oauth2/consents").content.decode()


def test_a_stranger_withdraws_nothing(as_alice: Caller, as_bob: Caller, pair: dict[str, Any], program: Program) -> None:
    assert as_bob.form("/oauth2/consents", {"consent": str(Consent.objects.get().pk)}).status_code == 302
    assert Consent.objects.count() == 1
    assert program.userinfo(pair["access_token"]).status_code == 200


def test_another_sites_form_withdraws_nothing(as_alice: Caller, lage: Application) -> None:
    consent = allow(as_alice.user, lage)
    as_alice.client.handler.enforce_csrf_checks = True
    response = as_alice.form("/oauth2/consents", {"consent": str(consent.pk)})
    assert response.status_code == 403
    assert Consent.objects.count() == 1
    assert not Grant._default_manager.exists()

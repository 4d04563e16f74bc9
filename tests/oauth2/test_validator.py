"""The questions of the library: each is answered by us on purpose, or refused."""

import inspect
from typing import Any

import pytest
from django.test import RequestFactory
from oauth2_provider.contrib.rest_framework import OAuth2Authentication
from oauthlib.oauth2 import RequestValidator

from sage_platform.oauth2.requests import OAuth2Request
from sage_platform.oauth2.validator import Validator

ANSWERED = {
    "authenticate_client",
    "client_authentication_required",
    "confirm_redirect_uri",
    "get_code_challenge",
    "get_code_challenge_method",
    "get_default_redirect_uri",
    "get_default_scopes",
    "get_original_scopes",
    "invalidate_authorization_code",
    "is_origin_allowed",
    "is_pkce_required",
    "is_within_original_scope",
    "rotate_refresh_token",
    "save_token",
    "validate_client_id",
    "validate_code",
    "validate_grant_type",
    "validate_redirect_uri",
    "validate_refresh_token",
    "validate_response_type",
    "validate_scopes",
}
QUESTIONS = sorted(name for name, _method in inspect.getmembers(RequestValidator, inspect.isfunction) if not name.startswith("_"))


def ask(name: str) -> object:
    """Call the method as the library would, with nothing in particular."""
    question = getattr(Validator(), name)
    required = [one for one in inspect.signature(question).parameters.values() if one.kind == one.POSITIONAL_OR_KEYWORD]
    return question(*[OAuth2Request({}) if one.name == "request" else "x" for one in required])


def test_the_base_class_is_the_librarys() -> None:
    """The toolkit's class answers everything, so that what we forget would be answered by rules that are not ours."""
    assert Validator.__mro__ == (Validator, RequestValidator, object)


@pytest.mark.parametrize("name", QUESTIONS)
def test_each_question_is_answered_by_us_or_refused(name: str) -> None:
    if name in ANSWERED:
        assert name in vars(Validator)
    else:
        with pytest.raises(NotImplementedError):
            ask(name)


def test_nothing_else_is_in_the_class() -> None:
    """A misspelled name, or a question that another version of the library asks no more, would answer nothing."""
    assert {name for name in vars(Validator) if not name.startswith("__")} == ANSWERED
    assert set(QUESTIONS) >= ANSWERED


def test_a_request_that_nobody_has_authenticated_is_no_clients() -> None:
    assert Validator().authenticate_client(OAuth2Request({"client_id": "lage", "client_secret": "x"})) is False


@pytest.mark.parametrize("question", ["get_code_challenge", "get_code_challenge_method"])
def test_no_challenge_is_answered_before_the_code_is_validated(question: str) -> None:
    """None would mean that there is no challenge to meet (RFC 7636 §4.6)."""
    with pytest.raises(TypeError):
        ask(question)


def test_the_toolkits_own_way_in_is_closed(pair: dict[str, Any]) -> None:
    """Its classes for the REST framework would take a token by rules that know nothing of a client that was switched off."""
    request = RequestFactory().get("/", headers={"Authorization": f"Bearer {pair['access_token']}"})
    with pytest.raises(NotImplementedError):
        OAuth2Authentication().authenticate(request)


def test_parameters_never_stand_for_what_we_set() -> None:
    """The library's request takes every parameter for an attribute; these three are set by our own code alone."""
    request = OAuth2Request({"caller": "lage", "spent": "x", "scopes": "openid"})
    assert (request.caller, request.spent, request.scopes) == (None, None, [])

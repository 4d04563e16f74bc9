"""The parameters of a request: those that we know, each once, none longer than it may be.

Nothing else reaches the libraries: theirs take whatever is sent for attributes of their request, `user` and `client` too.
"""

from collections.abc import Mapping
from typing import Any

from django.http import QueryDict
from oauthlib.oauth2.rfc6749.errors import InvalidRequestError

# As long as a value may be; longer ones would be errors of the database, or costs.
MOST = {
    "client_id": 255,
    "client_secret": 512,
    "code": 512,
    "code_challenge": 128,
    "code_challenge_method": 16,
    "code_verifier": 128,
    "grant_type": 128,
    "id_token_hint": 4096,
    "max_age": 10,
    "nonce": 255,
    "prompt": 128,
    "redirect_uri": 2048,
    "refresh_token": 512,
    "registration": 4096,
    "request": 4096,
    "request_uri": 2048,
    "response_mode": 32,
    "response_type": 64,
    "scope": 1024,
    "state": 2048,
    "token": 4096,
    "token_type_hint": 64,
}
AUTHORIZATION = (
    "client_id",
    "code_challenge",
    "code_challenge_method",
    "id_token_hint",
    "max_age",
    "nonce",
    "prompt",
    "redirect_uri",
    "registration",
    "request",
    "request_uri",
    "response_mode",
    "response_type",
    "scope",
    "state",
)
CREDENTIALS = ("client_id", "client_secret")
TOKEN = (*CREDENTIALS, "code", "code_verifier", "grant_type", "redirect_uri", "refresh_token", "scope")
ABOUT_TOKEN = (*CREDENTIALS, "token", "token_type_hint")


def known(given: QueryDict, names: tuple[str, ...]) -> tuple[dict[str, str], dict[str, str]]:
    """The parameters that are right, and what is wrong with each other one. One without a value is none (RFC 6749 §3.1)."""
    right: dict[str, str] = {}
    wrong: dict[str, str] = {}
    for name in names:
        values = given.getlist(name)
        if len(values) > 1:
            wrong[name] = f"The parameter {name} is there more than once."
        elif values and (len(values[0]) > MOST[name] or "\0" in values[0]):
            wrong[name] = f"The parameter {name} is too long, or has a null character in it."
        elif values and values[0]:
            right[name] = values[0]
    return right, wrong


def body_of(request: Any, names: tuple[str, ...]) -> dict[str, str]:
    """The known parameters of a form body. Raises InvalidRequestError; also for a query, where secrets would be logged."""
    if request.META.get("QUERY_STRING"):
        raise InvalidRequestError(description="Parameters go in the body.")
    right, wrong = known(request.POST, names)
    refuse(wrong)
    return right


def refuse(wrong: Mapping[str, str]) -> None:
    for problem in wrong.values():
        raise InvalidRequestError(description=problem)

"""The parameters of a request: only those that we know, each at most once, and none longer than it may be.

No other parameter reaches the library, because it makes each an attribute of its request. A parameter `user` or `client` that
somebody sent could then be taken for what we have found out ourselves.
"""

from collections.abc import Mapping

from django.core.exceptions import BadRequest, SuspiciousOperation
from django.http import HttpRequest, QueryDict
from oauthlib.oauth2.rfc6749.errors import InvalidRequestError

# The most characters of each parameter's value. Longer values would cost time or be errors of the database.
AUTHORIZATION = {
    "client_id": 255,
    "code_challenge": 128,
    "code_challenge_method": 16,
    "id_token_hint": 4096,
    "max_age": 10,
    "nonce": 255,
    "prompt": 128,
    "redirect_uri": 2048,
    "registration": 4096,
    "request": 4096,
    "request_uri": 2048,
    "response_mode": 32,
    "response_type": 64,
    "scope": 1024,
    "state": 2048,
}
CREDENTIALS = {"client_id": 255, "client_secret": 512}
TOKEN = CREDENTIALS | {
    "code": 512,
    "code_verifier": 128,
    "grant_type": 128,
    "redirect_uri": 2048,
    "refresh_token": 512,
    "scope": 1024,
}
ABOUT_TOKEN = CREDENTIALS | {"token": 4096, "token_type_hint": 64}


def known(given: QueryDict, lengths: Mapping[str, int]) -> tuple[dict[str, str], dict[str, str]]:
    """The parameters that are right, and by name what is wrong with the others.

    One without a value counts as not sent (RFC 6749 §3.1).
    """
    right: dict[str, str] = {}
    wrong: dict[str, str] = {}
    for name, most in lengths.items():
        values = given.getlist(name)
        if len(values) > 1:
            wrong[name] = f"The parameter {name} is there more than once."
        elif values and (len(values[0]) > most or "\0" in values[0]):
            wrong[name] = f"The parameter {name} is too long, or has a null character in it."
        elif values and values[0]:
            right[name] = values[0]
    return right, wrong


def body_of(request: HttpRequest, lengths: Mapping[str, int]) -> dict[str, str]:
    """The known parameters of a form body. Raises InvalidRequestError, also for a query: proxies log it, with its secrets."""
    if request.META.get("QUERY_STRING"):
        raise InvalidRequestError(description="Parameters go in the body.")
    try:
        form = request.POST
    except (BadRequest, SuspiciousOperation):  # It is not UTF-8, or has too many fields.
        raise InvalidRequestError(description="The body is no form that can be read.") from None
    right, wrong = known(form, lengths)
    refuse(wrong)
    return right


def refuse(wrong: Mapping[str, str]) -> None:
    for problem in wrong.values():
        raise InvalidRequestError(description=problem)

"""The parameters of a request: only those that we know, each at most once, and none longer than it may be.

No other parameter reaches the library, because it makes each an attribute of its request. A parameter `user` or `client` that
somebody sent could then be taken for what we have found out ourselves.
"""

from collections.abc import Mapping

from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, QueryDict
from oauthlib.oauth2.rfc6749.errors import InvalidRequestError

from sage_platform.api.bodies import check_form_body

# The most characters of each parameter's value; None for one that may be as long as the body. Longer values would cost time or be
# errors of the database.
Lengths = dict[str, int | None]
AUTHORIZATION: Lengths = {
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
CREDENTIALS: Lengths = {"client_id": 255, "client_secret": 512}
TOKEN: Lengths = CREDENTIALS | {
    "code": 512,
    "code_verifier": 128,
    "grant_type": 128,
    "redirect_uri": 2048,
    "refresh_token": 512,
    "scope": 1024,
}
# Of any length, because a text that is no token of ours is no mistake here (RFC 7009 §2.2, RFC 7662 §2.2), and neither is a hint
# that we do not know (RFC 7009 §2.1).
ABOUT_TOKEN: Lengths = CREDENTIALS | {"token": None, "token_type_hint": None}


def known(given: QueryDict, lengths: Lengths) -> tuple[dict[str, str], dict[str, str]]:
    """The parameters that are right, and by name what is wrong with the others.

    One without a value counts as not sent (RFC 6749 §3.1).
    """
    right: dict[str, str] = {}
    wrong: dict[str, str] = {}
    for name, most in lengths.items():
        values = given.getlist(name)
        if len(values) > 1:
            wrong[name] = f"The parameter {name} is there more than once."
        elif values and ("\0" in values[0] or (most is not None and len(values[0]) > most)):
            wrong[name] = f"The parameter {name} is too long, or has a null character in it."
        elif values and values[0]:
            right[name] = values[0]
    return right, wrong


def body_of(request: HttpRequest, lengths: Lengths) -> dict[str, str]:
    """The known parameters of a form body. Raises InvalidRequestError, also for a query: proxies log it, with its secrets.

    Raises LengthRequired, WrongMediaType or BodyTooLarge for a body that is no small form, before any of it is read.
    """
    check_form_body(request)
    if request.META.get("QUERY_STRING"):
        raise InvalidRequestError(description="Parameters go in the body.")
    try:
        form = request.POST
    except SuspiciousOperation:  # It has too many fields.
        raise InvalidRequestError(description="The body is no form that can be read.") from None
    right, wrong = known(form, lengths)
    refuse(wrong)
    return right


def refuse(wrong: Mapping[str, str]) -> None:
    for problem in wrong.values():
        raise InvalidRequestError(description=problem)

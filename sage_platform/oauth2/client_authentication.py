"""Which client is asking, by the one method that it is registered for (RFC 6749 §2.3)."""

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from urllib.parse import unquote_plus

from django.http import HttpRequest
from oauthlib.oauth2.rfc6749.errors import InvalidClientError, InvalidRequestError

from sage_platform.accounts.hashers import slot
from sage_platform.accounts.services import limits
from sage_platform.accounts.services.limits import Act, Limit
from sage_platform.api.client import client_key
from sage_platform.oauth2 import client_secrets
from sage_platform.oauth2.models import Application

FAILURES = Limit("OAuth2 client", 30, timedelta(minutes=1))
Pair = tuple[str, str]


def authenticate(request: HttpRequest, body: Mapping[str, str]) -> Application:
    """The client of a request to the token endpoint and its kin; `body` are its known parameters.

    Raises InvalidRequestError for two methods at once, InvalidClientError when it is nobody, TooManyRequests past the limit.
    """
    header = request.META.get("HTTP_AUTHORIZATION", "").strip()
    method, pairs = _presented(header, body)
    name = pairs[0][0] if pairs else ""
    failure = Act(FAILURES, f"{name} {client_key(request)}")
    limits.check(failure.limit, failure.subject)
    application = _find(pairs, method, failure)
    if application is None:
        limits.take(failure)
        raise InvalidClientError
    return application


def _presented(header: str, body: Mapping[str, str]) -> tuple[str, list[Pair]]:
    """The method, and the credentials in each way that they can be read."""
    if header:
        pairs = list(_basic(header))
        # RFC 6749 §2.3: one method in each request. A client_id beside the header is common, and has to be the same.
        if "client_secret" in body or (pairs and body.get("client_id", pairs[0][0]) not in {pair[0] for pair in pairs}):
            raise InvalidRequestError(description="Credentials come in the header or in the body, not in both.")
        return "client_secret_basic", pairs
    method = "client_secret_post" if "client_secret" in body else "none"
    return method, [(body["client_id"], body.get("client_secret", ""))] if "client_id" in body else []


def _basic(header: str) -> Iterator[Pair]:
    """The pairs that HTTP Basic can mean: percent-encoded as RFC 6749 §2.3.1 has it, and raw as many clients send it."""
    scheme, _space, encoded = header.partition(" ")
    if scheme.lower() != "basic":  # RFC 9110 §11.1: in any case.
        return
    try:
        name, colon, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return
    if not colon or "\0" in unquote_plus(name + secret) or len(name) > 512 or len(secret) > 3 * client_secrets.MAX_LENGTH:
        return
    decoded = unquote_plus(name), unquote_plus(secret)
    yield decoded
    if decoded != (name, secret):
        yield name, secret


def _find(pairs: list[Pair], method: str, failure: Act) -> Application | None:
    named = {name for name, _secret in pairs}
    rows: Iterable[Application] = Application.objects.filter(client_id__in=named, enabled=True) if named else []
    for application in rows:
        if application.token_endpoint_auth_method != method:
            continue
        candidates = [secret for name, secret in pairs if name == application.client_id]
        if application.is_public or _opens(application, candidates, failure):
            return application
    return None


def _opens(application: Application, candidates: list[str], failure: Act) -> bool:
    """A slow hash is of a secret that can be guessed: such a try counts as a failure before it is judged, as at a sign-in."""
    if not client_secrets.is_slow(application.client_secret):
        return any(client_secrets.matches(secret, application.client_secret) for secret in candidates)
    # Within the slot, so that of many right calls at the same moment only the few being judged stand as failures.
    with slot():
        tries = limits.take(failure)
        right = any(client_secrets.matches(secret, application.client_secret) for secret in candidates)
        limits.take_back(tries)
    return right

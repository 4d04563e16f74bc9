"""Which client is asking, by the one method that it is registered for (RFC 6749 §2.3)."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Shown:
    """What a request shows for itself: by which method, as whom, and the secret in each way that it can be read."""

    method: str
    client_id: str = ""
    secrets: tuple[str, ...] = ()


def authenticate(request: HttpRequest, body: Mapping[str, str]) -> Application:
    """The client of a request to the token endpoint and its kin; `body` are its known parameters.

    Raises InvalidRequestError for two methods at once, InvalidClientError when it is nobody, TooManyRequests past the limit.
    """
    shown = _shown(request.META.get("HTTP_AUTHORIZATION", "").strip(), body)
    named = Application.objects.filter(client_id=shown.client_id, enabled=True, token_endpoint_auth_method=shown.method)
    application: Application | None = named.first() if shown.client_id else None
    failure = Act(FAILURES, f"{shown.client_id} {client_key(request)}")
    if application is not None and not application.is_public and client_secrets.is_slow(application.client_secret):
        right = _opens_slowly(application, shown, failure)
    else:
        limits.check(failure.limit, failure.subject)
        right = application is not None and (application.is_public or _opens(application, shown))
        if not right:
            limits.take(failure)
    if application is None or not right:
        raise InvalidClientError
    return application


def _shown(header: str, body: Mapping[str, str]) -> Shown:
    if not header:
        method = "client_secret_post" if "client_secret" in body else "none"
        return Shown(method, body.get("client_id", ""), (body.get("client_secret", ""),))
    shown = _basic(header)
    # RFC 6749 §2.3: one method in each request. A client_id beside the header is common, and has to be the same.
    if "client_secret" in body or (shown.client_id and body.get("client_id", shown.client_id) != shown.client_id):
        raise InvalidRequestError(description="Credentials come in the header or in the body, not in both.")
    return shown


def _basic(header: str) -> Shown:
    """HTTP Basic: a secret percent-encoded as RFC 6749 §2.3.1 has it, or raw as many clients send it. An id needs no encoding."""
    nobody = Shown("client_secret_basic")
    scheme, _space, encoded = header.partition(" ")
    if scheme.lower() != "basic":  # RFC 9110 §11.1: in any case.
        return nobody
    try:
        name, colon, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return nobody
    if not colon or "\0" in unquote_plus(name + secret) or len(name) > 512 or len(secret) > 3 * client_secrets.MAX_LENGTH:
        return nobody
    return Shown("client_secret_basic", unquote_plus(name), (unquote_plus(secret), secret))


def _opens(application: Application, shown: Shown) -> bool:
    return any(client_secrets.matches(secret, application.client_secret) for secret in dict.fromkeys(shown.secrets))


def _opens_slowly(application: Application, shown: Shown, failure: Act) -> bool:
    """A slow hash is of a secret that can be guessed: such a try counts as a failure before it is judged, as at a sign-in."""
    # Within the slot, so that of many right calls at the same moment only the few being judged stand as failures.
    with slot():
        tries = limits.take(failure)
        right = _opens(application, shown)
        if right:
            limits.take_back(tries)
    return right

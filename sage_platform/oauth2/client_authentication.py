"""Finds out which client is asking. It has to use the one method that it is registered for (RFC 6749 §2.3)."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import unquote_plus

from django.http import HttpRequest
from django.utils import timezone
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
    """The credentials of a request: the method, the client_id, and the secret in each way in which it can be decoded."""

    method: str
    client_id: str = ""
    secrets: tuple[str, ...] = ()


def authenticate(request: HttpRequest, body: Mapping[str, str]) -> Application:
    """The client that asks at the token, revocation or introspection endpoint; `body` holds the known parameters.

    Raises InvalidRequestError for two methods at once, InvalidClientError for wrong credentials, TooManyRequests past the limit.
    """
    shown = _shown(request.META.get("HTTP_AUTHORIZATION", "").strip(), body)
    named = Application.objects.filter(client_id=shown.client_id, enabled=True, token_endpoint_auth_method=shown.method)
    application: Application | None = named.first() if shown.client_id else None
    failure = Act(FAILURES, f"{shown.client_id} {client_key(request)}")
    if application is not None and not application.is_public and client_secrets.is_slow(application.client_secret):
        right = _opens_slowly(application, shown, failure)
    else:
        limits.check(failure.limit, failure.subject, at=timezone.now())
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
    # RFC 6749 §2.3: one method in each request. Many clients send their client_id beside the header; it has to be the same one.
    if "client_secret" in body or (shown.client_id and body.get("client_id", shown.client_id) != shown.client_id):
        raise InvalidRequestError(description="Credentials come in the header or in the body, not in both.")
    return shown


def _basic(header: str) -> Shown:
    """HTTP Basic. The secret may be percent-encoded, as RFC 6749 §2.3.1 wants it, or not, as many clients send it."""
    nobody = Shown("client_secret_basic")
    scheme, _space, encoded = header.partition(" ")
    if scheme.lower() != "basic":  # RFC 9110 §11.1: the name may be in upper or lower case.
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
    """Compare with a slow hash, whose secret can be guessed.

    The try is counted as a failure first and taken back if it was right, so that many guesses at the same moment cannot all pass
    the limit.
    """
    # Inside the slot, so that of many right calls at the same moment only those that are being compared count as failures.
    with slot():
        tries = limits.take(failure)
        right = _opens(application, shown)
        if right:
            limits.take_back(tries)
    return right

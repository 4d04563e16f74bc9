"""Finds out which client is asking. It has to use a method that it is registered for (RFC 6749 §2.3)."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import NoReturn
from urllib.parse import unquote_plus

from django.http import HttpRequest
from django.utils import timezone
from oauthlib.oauth2.rfc6749.errors import InvalidClientError, InvalidRequestError

from sage_platform.accounts.hashing import Asker, slot
from sage_platform.accounts.services import limits
from sage_platform.accounts.services.limits import Act, Limit, LockOut
from sage_platform.api.client import client_key
from sage_platform.oauth2 import client_secrets, clients
from sage_platform.oauth2.models import Application
from sage_platform.oauth2.registration import BASIC, EITHER, NONE, POST
from sage_platform.telemetry.requests import observed

# From one address: failures for one client, and failures in all. One row counts under both, since they have one name.
OF_CLIENT = Limit("OAuth2 client", 30, timedelta(minutes=1))
OF_ADDRESS = Limit("OAuth2 client", 300, timedelta(minutes=1))


class Failure:
    """A failed authentication from an address, under the limits that it counts for (docs/oauth2-clients.md#limits).

    A client_id that no client has counts for the address alone. A stranger can make up as many of them as they like, so a limit
    of its own for each would never be reached.
    """

    def __init__(self, address: str, application: Application | None) -> None:
        self.address = address
        of_address = Act(OF_ADDRESS, address)
        self._act, self._judged_too = of_address, list[Act]()
        if application is not None:
            self._act = Act(OF_CLIENT, address, detail=str(application.pk), by_detail=True)
            self._judged_too = [of_address]

    def write_down(self) -> list[int]:
        """One row. Raises TooManyRequests, without a row, when it is one too many."""
        with limits.locking_out(LockOut.CLIENT):
            return limits.take(self._act, judged_too=self._judged_too)

    def refuse(self, advice: str | None = None) -> NoReturn:
        """Raises TooManyRequests when a limit is reached, else InvalidClientError with the advice."""
        # The limits are read before the row is written, so that a flood of failures past them costs no writes.
        self.refuse_past_limits()
        self.write_down()
        raise InvalidClientError(description=advice)

    def refuse_past_limits(self) -> None:
        with limits.locking_out(LockOut.CLIENT):
            for act in (self._act, *self._judged_too):
                limits.check(act.limit, act.subject, at=timezone.now(), detail=act.detail if act.by_detail else None)


@dataclass(frozen=True)
class Shown:
    """The credentials of a request: the method, the client_id, and the secret in each way in which it can be decoded."""

    method: str
    client_id: str = ""
    secrets: tuple[str, ...] = ()


def authenticate(request: HttpRequest, body: Mapping[str, str]) -> Application:
    """The client that asks at the token, revocation or introspection endpoint; `body` holds the known parameters.

    Raises InvalidRequestError for two methods at once, InvalidClientError for wrong credentials, TooManyRequests past the limit.
    The limit never shuts out a public client, or whoever presents the right generated secret: such a secret cannot be guessed, so
    it is judged first, and others' failures from the same address are none of theirs.
    """
    application = _authenticated(request, body)
    observed(request.META).client_id = application.client_id
    return application


def _authenticated(request: HttpRequest, body: Mapping[str, str]) -> Application:
    shown = _shown(request.META.get("HTTP_AUTHORIZATION", "").strip(), body)
    named = Application.objects.filter(client_id=shown.client_id, enabled=True)
    application: Application | None = named.first() if shown.client_id else None
    failure = Failure(client_key(request), application)
    if application is None:
        failure.refuse()
    if shown.method not in application.auth_methods:
        failure.refuse(_advice(application))
    if application.is_public:
        return application
    if not _opens_fast(application.client_secret, shown):
        _open_otherwise(application, shown, failure)
    return application


def _advice(application: Application) -> str:
    """What to do instead, for a client that used another method than its own. Many libraries have a setting for it."""
    chosen = application.token_endpoint_auth_method
    if chosen == EITHER:  # Then no secret came: with one, each way would have been right.
        return "This client has a secret, and none was sent: send it by HTTP Basic or in the body."
    return f"This client is registered for the authentication method {chosen}."


def _shown(header: str, body: Mapping[str, str]) -> Shown:
    if not header:
        method = POST if "client_secret" in body else NONE
        return Shown(method, body.get("client_id", ""), (body.get("client_secret", ""),))
    shown = _basic(header)
    # RFC 6749 §2.3: one method in each request. Many clients send their client_id beside the header; it has to be the same one.
    if "client_secret" in body or (shown.client_id and body.get("client_id", shown.client_id) != shown.client_id):
        raise InvalidRequestError(description="Credentials come in the header or in the body, not in both.")
    return shown


def _basic(header: str) -> Shown:
    """HTTP Basic. The secret may be percent-encoded, as RFC 6749 §2.3.1 wants it, or not, as many clients send it."""
    nobody = Shown(BASIC)
    scheme, _space, encoded = header.partition(" ")
    if scheme.lower() != "basic":  # RFC 9110 §11.1: the name may be in upper or lower case.
        return nobody
    try:
        name, colon, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return nobody
    if not colon or "\0" in unquote_plus(name + secret) or len(name) > 512 or len(secret) > 3 * client_secrets.MAX_LENGTH:
        return nobody
    return Shown(BASIC, unquote_plus(name), (unquote_plus(secret), secret))


def _opens(stored: str, shown: Shown) -> bool:
    return any(client_secrets.matches(secret, stored) for secret in dict.fromkeys(shown.secrets))


def _opens_fast(stored: str, shown: Shown) -> bool:
    return not client_secrets.is_slow(stored) and _opens(stored, shown)


def _open_otherwise(application: Application, shown: Shown, failure: Failure) -> None:
    """By a former secret that still counts, or by one with a slow hash, which can be guessed.

    Raises InvalidClientError or TooManyRequests.
    """
    current = str(application.client_secret)
    # A new secret is always a generated one, so that a chosen one has none before it, and costs no query more.
    former = [] if client_secrets.is_slow(current) else clients.living_former_secrets(application)
    if any(_opens_fast(stored, shown) for stored in former):
        return
    slow = [stored for stored in (current, *former) if client_secrets.is_slow(stored)]
    if not slow:
        failure.refuse()
    if all(client_secrets.is_known(stored) for stored in slow):
        failure.refuse_past_limits()
        if not any(_opens(stored, shown) for stored in slow):
            failure.refuse()
        return
    # Inside the slot, so that of many right calls at the same moment only those that are being compared count as failures.
    with slot(Asker(f"client:{application.pk}", failure.address)):
        # Counted as a failure first, so that many guesses at the same moment cannot all pass the limit.
        tries = failure.write_down()
        if not any(_opens(stored, shown) for stored in sorted(slow, key=client_secrets.is_known, reverse=True)):
            raise InvalidClientError
        limits.take_back(tries)

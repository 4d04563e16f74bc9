"""The rules for a client's registration, and how SAGE_OAUTH2_CLIENTS is read.

This module imports no models and no settings and translates nothing, because the settings are read with it. No message repeats a
secret.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from sage_platform.languages import marked as _
from sage_platform.oauth2.redirects import is_native, problem_with
from sage_platform.oauth2.scopes import DEFAULT_OF_CLIENT

CODE, REFRESH, CREDENTIALS = "authorization_code", "refresh_token", "client_credentials"
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
GRANT_TYPES = (CODE, REFRESH, CREDENTIALS, DEVICE)
# How a confidential client may authenticate (RFC 6749 §2.3.1, RFC 7591 §2).
BASIC, POST, NONE = "client_secret_basic", "client_secret_post", "none"
METHODS_WITH_SECRET = [BASIC, POST]
AUTH_METHODS = (*METHODS_WITH_SECRET, NONE)
# What a client with a secret is registered for where nobody has chosen: either of the two. Libraries differ in which one they use
# by themselves. It is a word of ours, and no method that a request or the metadata could name.
EITHER = "either"
SECRET_MAX_LENGTH = 512
# Fewer characters than RFC 6749 §A.1 allows: those that look the same to everybody and need no encoding in HTTP Basic.
CLIENT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,99}\Z")

NATIVE_ASKS = _("A public client with a loopback address or a scheme of its own has to ask people each time.")
ONE_OF = _("Choose of: %(choices)s; each once.")


class InvalidRegistrationError(ValueError):
    """A declared client that breaks a rule. The text says which client and field, and what was expected there."""


@dataclass(frozen=True)
class Problem:
    """`text` is English and marked for translation. It is translated where it is shown: there is no language at the start."""

    where: str
    text: str
    params: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Registration:
    """A client, with the names of RFC 7591 §2. `client_secret` is in the clear, or empty where there is none."""

    client_id: str
    name: str = ""
    description: str = ""
    client_secret: str = field(default="", repr=False)
    redirect_uris: list[str] = field(default_factory=list)
    grant_types: list[str] = field(default_factory=lambda: [CODE])
    response_types: list[str] = field(default_factory=list)
    scope: str = " ".join(DEFAULT_OF_CLIENT)
    token_endpoint_auth_method: str = EITHER
    skip_consent: bool = False
    enabled: bool = True

    @property
    def is_public(self) -> bool:
        return self.token_endpoint_auth_method == NONE

    def problems(self, scopes: Sequence[str], *, has_secret: bool | None = None) -> Iterator["Problem"]:
        """What is wrong with it. `has_secret` says whether one is stored, where the registration itself does not hold it."""
        if not CLIENT_ID.match(self.client_id):
            yield Problem("client_id", _("Use 1 to 100 letters, digits and . _ ~ - with a letter or digit first."))
        yield from self._problems_of_flows()
        yield from self._problems_of_addresses()
        if unknown := [name for name in self.scope.split() if name not in scopes]:
            yield Problem("scope", _("There is no scope %(names)s."), {"names": ", ".join(unknown)[:100]})
        if self.token_endpoint_auth_method not in {*AUTH_METHODS, EITHER}:
            yield Problem("token_endpoint_auth_method", ONE_OF, {"choices": ", ".join([*AUTH_METHODS, EITHER])})
        if self.is_public and self.client_secret:
            yield Problem("client_secret", _("A client with the method none cannot keep a secret, so it has none."))
        if not self.is_public and not (self.client_secret if has_secret is None else has_secret):
            yield Problem("client_secret", _("Give a secret, or the method none for a client that cannot keep one."))
        if len(self.client_secret) > SECRET_MAX_LENGTH:
            yield Problem("client_secret", _("The secret is too long."))
        if len(self.name) > 255 or "\0" in self.name + self.description:
            yield Problem("name", _("Use 255 characters at most, and no null character."))

    def _problems_of_addresses(self) -> Iterator["Problem"]:
        for address in self.redirect_uris:
            if problem := problem_with(address):
                yield Problem("redirect_uris", problem)
            elif self.skip_consent and self.is_public and is_native(address):
                # RFC 8252 §8.6: another program on the device can pose as this client.
                yield Problem("skip_consent", NATIVE_ASKS)

    def _problems_of_flows(self) -> Iterator["Problem"]:
        if not self.grant_types or set(self.grant_types) - set(GRANT_TYPES) or len(set(self.grant_types)) < len(self.grant_types):
            yield Problem("grant_types", ONE_OF, {"choices": ", ".join(GRANT_TYPES)})
        if CODE in self.grant_types and not self.redirect_uris:
            yield Problem("redirect_uris", _("The grant type authorization_code needs a redirect address."))
        if self.response_types and (self.response_types != ["code"] or CODE not in self.grant_types):
            yield Problem("response_types", _("The only response type is code, with the grant type authorization_code."))
        if self.is_public and CREDENTIALS in self.grant_types:
            yield Problem("grant_types", _("A client without a secret cannot use client_credentials."))
        if self.grant_types == [REFRESH]:
            yield Problem("grant_types", _("A refresh token has to come of another grant type."))


def read_clients(text: str, scopes: Sequence[str]) -> list[Registration]:
    """The clients of a JSON array. Raises InvalidRegistrationError at the first mistake."""
    try:
        rows = json.loads(text) if text else []
    except ValueError:
        raise InvalidRegistrationError("a JSON array of clients (what is there is not JSON)") from None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InvalidRegistrationError("a JSON array of objects, one for each client")
    found = [_read(row, position, scopes) for position, row in enumerate(rows, 1)]
    names = [client.client_id for client in found]
    if twice := [name for name in names if names.count(name) > 1]:
        raise InvalidRegistrationError(f"each client_id once ({twice[0]} is there more than once)")
    return found


def _read(row: dict[str, Any], position: int, scopes: Sequence[str]) -> Registration:
    kinds: dict[str, object] = {one.name: one.type for one in fields(Registration)}
    client_id = row.get("client_id")
    who = f"client {client_id}" if isinstance(client_id, str) and CLIENT_ID.match(client_id) else f"client number {position}"
    if unknown := sorted(set(row) - set(kinds)):
        raise InvalidRegistrationError(f"{who} without the unknown field {unknown[0][:40]}")
    for name, value in row.items():
        if not _is(value, kinds[name]):
            raise InvalidRegistrationError(f"{who} with {_words(kinds[name])} for {name}")
    if "client_id" not in row:
        raise InvalidRegistrationError(f"{who} with a client_id")
    client = Registration(**row)
    for problem in client.problems(scopes):
        raise InvalidRegistrationError(f"{who} to be right ({problem.where}: {problem.text % problem.params})")
    return client


def _is(value: object, kind: object) -> bool:
    if kind == list[str]:
        return isinstance(value, list) and all(isinstance(item, str) for item in value)
    return isinstance(kind, type) and isinstance(value, kind)


def _words(kind: object) -> str:
    if kind is str:
        return "a text"
    return "true or false" if kind is bool else "a list of texts"

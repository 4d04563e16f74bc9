"""The endpoints that programs call. They take forms, answer JSON without our envelope, and errors as in RFC 6749 §5.2."""

import json
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters
from oauthlib.oauth2.rfc6749.errors import InvalidClientError, InvalidRequestError, OAuth2Error
from rest_framework.exceptions import APIException

from sage_platform.accounts.authentication import bearer_token
from sage_platform.accounts.models import User
from sage_platform.api.errors import InsufficientScope, InvalidToken, headers_of
from sage_platform.api.handlers import DEPENDENCY_ERRORS, answer, as_api_error
from sage_platform.api.seams import ErrorParts
from sage_platform.oauth2 import keys, metadata, parameters, scopes, tokens
from sage_platform.oauth2.claims import claims_of
from sage_platform.oauth2.client_authentication import authenticate
from sage_platform.oauth2.models import GrantType, RefreshToken
from sage_platform.oauth2.server import server
from sage_platform.telemetry.operations import Operation, failure_of
from sage_platform.telemetry.requests import observed

View = Callable[[HttpRequest], HttpResponse]
TOKEN, REFRESH = Operation("oauth2", "token"), Operation("oauth2", "refresh")
# Scripts of every origin may ask and read the answer. They may not send cookies along, so they cannot act as the visitor.
ANY_ORIGIN = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "WWW-Authenticate, Retry-After, X-Request-ID"}
TAKEN_HEADERS = "Authorization, Content-Type, X-Request-ID"
# What anybody may read anyhow needs no look at the headers: MCP clients, for example, name their protocol's version in one. The
# star does not stand for Authorization (Fetch §3.3.4), which some clients send everywhere.
ANY_HEADER = "*, Authorization"
# Five minutes, so that a new version of the metadata is seen soon. Keys could wait longer: the next one is published months
# before it signs.
PUBLIC = {"Cache-Control": "public, max-age=300"}


def endpoint(*methods: str, any_origin: bool = True, takes_credentials: bool = True) -> Callable[[View], View]:
    """Declare an endpoint whose errors are JSON. Scripts of every origin may call it, unless `any_origin` is false.

    Without credentials, which are a body or an `Authorization` header, they may send any header with their request.
    """
    allowed = TAKEN_HEADERS if takes_credentials else ANY_HEADER

    def decorate(view: View) -> View:
        guarded = sensitive_post_parameters()(view)

        # Programs have no token of Django's. Without the exemption a POST would be refused for that, even where 405 is right.
        @csrf_exempt
        @wraps(view)
        def run(request: HttpRequest) -> HttpResponse:
            if any_origin and request.method == "OPTIONS" and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in request.META:
                return _preflight(methods, allowed)
            response = _answer(guarded, request) if request.method in methods else _wrong_method(methods)
            for name, value in (ANY_ORIGIN if any_origin else {}).items():
                response.headers[name] = value
            return response

        run.error_format = error_format  # type: ignore[attr-defined]
        return run

    return decorate


# RFC 6749 §5.1: an answer with a token or about one is kept nowhere.
NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
# By status, what a client whose request was not read should do.
ADVICE = {
    411: "Send the body with a Content-Length, not in chunks.",
    413: "The body is too large.",
    415: "Send the parameters as application/x-www-form-urlencoded.",
}


def error_format(_request: HttpRequest, parts: ErrorParts, headers: Mapping[str, str]) -> HttpResponse:
    """RFC 6749 §5.2, also where the view was never reached. For programs, and so in one language."""
    body = {"error": "invalid_request", "error_description": ADVICE.get(parts.status, "The request is not acceptable.")}
    if parts.status in {429, 503}:
        body = {"error": "temporarily_unavailable", "error_description": "Try again later."}
    elif parts.status >= 500:
        body = {"error": "server_error"}
    return as_json(body, status=parts.status, headers=NO_STORE | dict(headers))


def _preflight(methods: tuple[str, ...], allowed: str) -> HttpResponse:
    headers = {
        "Access-Control-Allow-Methods": ", ".join(methods),
        "Access-Control-Allow-Headers": allowed,
        "Access-Control-Max-Age": "86400",
    }
    return _empty(204, ANY_ORIGIN | headers)


def _empty(status: int, headers: Mapping[str, str]) -> HttpResponse:
    response = HttpResponse(status=status, headers=dict(headers))
    del response.headers["Content-Type"]  # Without content there is no type of it to state (RFC 9110 §8.3).
    return response


def _wrong_method(methods: tuple[str, ...]) -> HttpResponse:
    body = {"error": "invalid_request", "error_description": "The method is not allowed."}
    return as_json(body, status=405, headers=NO_STORE | {"Allow": ", ".join(methods)})


def _answer(view: View, request: HttpRequest) -> HttpResponse:
    try:
        return view(request)
    except OAuth2Error as error:
        return _refusal(error)
    except (APIException, *DEPENDENCY_ERRORS) as error:
        if (refusal := as_api_error(error)) is None:
            raise
        return answer(request, refusal)


def _refusal(error: OAuth2Error) -> HttpResponse:
    headers = dict(NO_STORE)
    if error.status_code == 401:
        # RFC 6749 §5.2 asks for the scheme by which a client may authenticate.
        headers["WWW-Authenticate"] = 'Basic realm="sage", charset="UTF-8"'
    body = {"error": error.error} | ({"error_description": error.description} if error.description else {})
    return as_json(body, status=error.status_code, headers=headers)


def as_json(body: object, *, status: int = 200, headers: Mapping[str, str]) -> HttpResponse:
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return HttpResponse(text, status=status, content_type="application/json", headers=dict(headers))


@endpoint("POST")
def token(request: HttpRequest) -> HttpResponse:
    """RFC 6749 §3.2."""
    params = parameters.body_of(request, parameters.TOKEN)
    with (REFRESH if params.get("grant_type") == GrantType.REFRESH_TOKEN else TOKEN).counted() as ending:
        if "grant_type" not in params:
            raise InvalidRequestError(description="The parameter grant_type is missing.")
        caller = authenticate(request, params)
        body, status = server().answer(params, caller)
        if status == 401:
            raise InvalidClientError
        if status >= 400:
            ending.status = failure_of(status)
    return HttpResponse(body, status=status, content_type="application/json", headers=NO_STORE)


@endpoint("POST")
def revoke(request: HttpRequest) -> HttpResponse:
    """RFC 7009. The answer is 200 also when the token is unknown or another client's (§2.2).

    Revoking an access token or a refresh token ends its whole family (§2.1).
    """
    params = parameters.body_of(request, parameters.ABOUT_TOKEN)
    caller = authenticate(request, params)
    if "token" not in params:
        raise InvalidRequestError(description="The parameter token is missing.")
    row = tokens.find_any(params["token"], caller)
    if row is not None:
        tokens.end_family(row.token_family)
    return _empty(200, NO_STORE)


@endpoint("POST", any_origin=False)
def introspect(request: HttpRequest) -> HttpResponse:
    """RFC 7662. Only for clients with a secret. A token of another client is answered like one that is not active (§2.2)."""
    params = parameters.body_of(request, parameters.ABOUT_TOKEN)
    caller = authenticate(request, params)
    if caller.is_public:
        raise InvalidClientError
    if "token" not in params:
        raise InvalidRequestError(description="The parameter token is missing.")
    row = tokens.find_any(params["token"], caller)
    if row is None or getattr(row, "revoked", None) is not None or not tokens.is_alive(row, timezone.now()):
        return as_json({"active": False}, headers=NO_STORE)
    facts: dict[str, Any] = {
        "active": True,
        "scope": " ".join(tokens.scopes_left(row)),
        "client_id": caller.client_id,
        "exp": int(row.expires.timestamp()),
        "iat": int(row.created.timestamp()),
        "iss": settings.SAGE_OAUTH2_ISSUER,
    }
    if row.user is not None:
        # A program's own token has no `sub`, because its client_id could be taken for the id of a person (RFC 9700 §4.15).
        facts |= {"sub": str(row.user_id), "username": row.user.username}
    if not isinstance(row, RefreshToken):
        facts["token_type"] = "Bearer"  # noqa: S105  A kind of token.
    return as_json(facts, headers=NO_STORE)


@endpoint("GET", "HEAD", "POST")
def userinfo(request: HttpRequest) -> HttpResponse:
    """OpenID Connect Core §5.3. Only the header can hold the token; query and body are not read (RFC 9700 §4.3.2). One query."""
    presented = bearer_token(request)
    found = tokens.find_access_token(presented) if presented else None
    if found is None:
        challenge = InvalidToken.challenge if presented else "Bearer"
        return as_json({"error": "invalid_token"}, status=401, headers=NO_STORE | {"WWW-Authenticate": challenge})
    seen = observed(request.META)
    seen.client_id, seen.user_id = found.client_id, str(found.user.pk if found.user is not None else "")
    if not isinstance(found.user, User) or scopes.OPENID not in found.scopes:
        headers = NO_STORE | dict(headers_of(InsufficientScope(scopes.OPENID)))
        return as_json({"error": "insufficient_scope"}, status=403, headers=headers)
    return as_json(claims_of(found.user, found.scopes), headers=NO_STORE)


@endpoint("GET", "HEAD", takes_credentials=False)
def jwks(request: HttpRequest) -> HttpResponse:
    """RFC 7517 §5."""
    return as_json(keys.key_set(), headers=PUBLIC)


@endpoint("GET", "HEAD", takes_credentials=False)
def server_metadata(_request: HttpRequest) -> HttpResponse:
    """RFC 8414 §3.2, OpenID Connect Discovery §4.2. The issuer comes from a setting, since a caller chooses the Host header."""
    return as_json(metadata.authorization_server(), headers=PUBLIC)


@endpoint("GET", "HEAD", takes_credentials=False)
def resource_metadata(_request: HttpRequest) -> HttpResponse:
    """RFC 9728 §3.2."""
    return as_json(metadata.protected_resource(), headers=PUBLIC)

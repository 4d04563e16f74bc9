"""The one place where an error becomes an answer, whichever way it leaves: the REST framework, a resolver's 404, a crash."""

import re
import sys
from collections.abc import Mapping
from logging import getLogger
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig, TooManyFieldsSent
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from rest_framework import exceptions as rest
from rest_framework.response import Response
from rest_framework.views import set_rollback

from sage_platform.api.envelope import envelope_response
from sage_platform.api.errors import BodyTooLarge, InvalidInput, Refusal, Unavailable, headers_of
from sage_platform.cache_errors import CacheAwayError

log = getLogger("sage.api")
# What the drivers raise when the database, the cache or the network to them is gone.
DEPENDENCY_ERRORS = (OperationalError, InterfaceError, CacheAwayError)

# The endpoints of OAuth2 that programs call: their errors are those of RFC 6749 §5.2, also where the view was never reached.
OAUTH2 = re.compile(
    r"/(?:api/)?oauth2/(?:token|revoke|introspect|userinfo|jwks|metadata|\.well-known/openid-configuration)\Z"
    r"|/\.well-known/oauth-(?:authorization-server(?:/oauth2)?|protected-resource)\Z"
)

# RFC 6749 §5.1: an answer with a token or about one is kept nowhere.
NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
# By status, what a program whose request was not read should do.
ADVICE = {
    411: "Send the body with a Content-Length, not in chunks.",
    413: "The body is too large.",
    415: "Send the parameters as application/x-www-form-urlencoded.",
}

# Of each page of ours. Nothing but our own style sheet and pictures; no script, no frame. `form-action` is left open on purpose:
# it would also bind the redirects that follow a sign-in, and those may lead on to an OAuth2 client's address.
PAGE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store, private",
}


def as_api_error(error: Exception) -> rest.APIException | None:
    """The refusal that stands for an exception, or None when it is a crash."""
    refusal: rest.APIException | None = error if isinstance(error, rest.APIException) else None
    if isinstance(error, rest.ValidationError):
        refusal = InvalidInput(flatten(error.detail))
    elif isinstance(error, rest.NotAuthenticated):
        refusal = rest.NotAuthenticated(_("Please sign in."))
        refusal.auth_header = "Bearer"  # type: ignore[attr-defined]
    elif isinstance(error, rest.PermissionDenied | PermissionDenied):
        refusal = rest.PermissionDenied(_("Permission denied"))
    elif isinstance(error, Http404 | rest.NotFound):
        refusal = rest.NotFound(_("There is nothing at this address."))
    elif isinstance(error, RequestDataTooBig | TooManyFieldsSent):
        refusal = BodyTooLarge()
    elif isinstance(error, DEPENDENCY_ERRORS):
        refusal = unavailable(error)
    return refusal


def unavailable(error: Exception) -> Unavailable:
    """The refusal for a dependency that is away. Its cause, for the log alone, is the first line of what the driver said."""
    return Unavailable(cause=f"{type(error).__name__}: {str(error).partition(chr(10))[0][:200]}")


def flatten(detail: Any, field: str = "") -> list[tuple[str, str]]:
    """A serializer's nested errors as (field, message) rows; `events[3].name` is written `events.3.name`."""
    if isinstance(detail, dict):
        pairs = [(key if key != "non_field_errors" else "", value) for key, value in detail.items()]
    elif isinstance(detail, list) and any(isinstance(item, dict) for item in detail):
        pairs = [(str(index), value) for index, value in enumerate(detail) if value]
    elif isinstance(detail, list):
        return [(field or "body", str(item)) for item in detail]
    else:
        return [(field or "body", str(detail))]
    return [row for key, value in pairs for row in flatten(value, ".".join(part for part in (field, str(key)) if part))]


def parts_of(error: rest.APIException) -> dict[str, Any]:
    """`code`, `message`, `data` of the envelope and the HTTP status."""
    data = None
    if isinstance(error, InvalidInput):
        data = {"errors": [{"field": field, "message": str(message)} for field, message in error.errors]}
    code = error.business_code if isinstance(error, Refusal) else error.status_code
    return {"status": error.status_code, "code": int(code), "message": str(error.detail), "data": data}


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """For the REST framework. A crash is passed on to `server_error`, and logged there once."""
    refusal = as_api_error(error)
    if refusal is None:
        return None
    set_rollback()
    parts = parts_of(refusal)
    response = Response(parts["data"], status=parts["status"], headers=dict(headers_of(refusal)))
    response.envelope_code, response.envelope_message = parts["code"], parts["message"]  # type: ignore[attr-defined]
    log_unavailable(context["request"].path, refusal, response)
    return response


def log_unavailable(path: str, error: rest.APIException, response: HttpResponseBase) -> None:
    """One line that names what failed, in the place of Django's, which has the path alone, or a traceback for each request."""
    if isinstance(error, Unavailable):
        log.error("unavailable", extra={"facts": {"path": path, "cause": error.cause}})
        logged_already(response)


def logged_already(response: HttpResponseBase) -> None:
    """Django writes a line for each answer with a status from 500 on, unless it has this mark."""
    response._has_been_logged = True  # type: ignore[attr-defined]


def wants_envelope(request: HttpRequest) -> bool:
    """Under /api, but for a page of ours that is mounted there."""
    return f"/{request.path.lstrip('/')}/".startswith("/api/") and not getattr(request, "is_page", False)


def answer(request: HttpRequest, error: rest.APIException) -> HttpResponse:
    """An error outside the REST framework: OAuth2's own, the envelope under /api, a page elsewhere."""
    parts = parts_of(error)
    headers = dict(headers_of(error))
    if OAUTH2.match(request.path):
        response: HttpResponse = oauth2_error(parts["status"], headers)
    elif wants_envelope(request):
        response = envelope_response(
            request,
            parts["data"],
            code=parts["code"],
            message=parts["message"],
            status=parts["status"],
            headers=headers,
        )
    else:
        response = error_page(request, parts, headers)
    log_unavailable(request.path, error, response)
    return response


def oauth2_error(status: int, headers: Mapping[str, str]) -> HttpResponse:
    """RFC 6749 §5.2. For programs, and so in one language."""
    body = {"error": "invalid_request", "error_description": ADVICE.get(status, "The request is not acceptable.")}
    if status in {429, 503}:
        body = {"error": "temporarily_unavailable", "error_description": "Try again later."}
    elif status >= 500:
        body = {"error": "server_error"}
    compact = {"separators": (",", ":")}
    return JsonResponse(body, status=status, headers=NO_STORE | dict(headers), json_dumps_params=compact)


def error_page(request: HttpRequest, parts: Mapping[str, Any], headers: Mapping[str, str]) -> HttpResponse:
    context = {
        "status": parts["status"],
        "message": parts["message"],
        "request_id": getattr(request, "request_id", ""),
        "base_path": settings.SAGE_WEB_BASE_PATH,
    }
    page = render(request, "error.html", context, status=parts["status"])
    patch_vary_headers(page, ["Cookie"])  # By which the person's language is chosen.
    return with_headers(page, PAGE_HEADERS | dict(headers))


def with_headers(response: HttpResponse, headers: Mapping[str, str]) -> HttpResponse:
    for name, value in headers.items():
        response.headers[name] = value
    return response


def refuse_method(request: HttpRequest, allow: str) -> HttpResponse:
    error = rest.MethodNotAllowed(request.method or "")
    error.allow = allow  # type: ignore[attr-defined]
    return answer(request, error)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler400: what Django itself finds suspicious, for example a forged Host."""
    refusal = as_api_error(exception)
    if refusal is None:
        refusal = rest.ParseError(_("The request is not valid."))
    return answer(request, refusal)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return answer(request, rest.NotFound(_("There is nothing at this address.")))


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return answer(request, rest.PermissionDenied(_("Permission denied")))


def server_error(request: HttpRequest) -> HttpResponse:
    """handler500: says that and nothing of what broke. A lost database or cache is a 503."""
    error = sys.exc_info()[1]
    refusal = as_api_error(error) if isinstance(error, Exception) else None
    if refusal is None or not isinstance(refusal, Unavailable):
        refusal = rest.APIException(_("Internal server error"))
    return answer(request, refusal)

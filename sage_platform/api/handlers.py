"""The one place where an error becomes an answer, whichever way it leaves: the REST framework, a resolver's 404, a crash."""

import sys
from collections.abc import Mapping
from logging import getLogger
from typing import Any, TypeVar

from django.core.exceptions import PermissionDenied, RequestDataTooBig, TooManyFieldsSent
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, UnreadablePostError
from django.urls import Resolver404, resolve
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from rest_framework import exceptions as rest

from sage_platform import paths
from sage_platform.api import envelope, seams
from sage_platform.api.envelope import envelope_response
from sage_platform.api.errors import (
    BodyTooLarge,
    IncompleteBody,
    InvalidInput,
    NoPasswordSignIn,
    NoPlace,
    Refusal,
    RefusedForm,
    Unavailable,
    headers_of,
)
from sage_platform.api.seams import ErrorFormat, ErrorParts
from sage_platform.cache_errors import CacheAwayError
from sage_platform.databases.errors import is_outage
from sage_platform.logs import OneASecond

log = getLogger("sage.api")
no_place = OneASecond()
R = TypeVar("R", bound=HttpResponseBase)
# What the drivers raise when the database, the cache or the network to them is gone; `is_outage` tells the rest of it apart.
DEPENDENCY_ERRORS = (OperationalError, InterfaceError, CacheAwayError)


def as_api_error(error: Exception) -> rest.APIException | None:
    """The refusal that stands for an exception, or None when it is a crash."""
    refusal: rest.APIException | None = error if isinstance(error, rest.APIException) else None
    if isinstance(error, rest.ValidationError):
        refusal = InvalidInput(flatten(error.detail))
    elif isinstance(error, rest.NotAuthenticated):
        refusal = rest.NotAuthenticated(_("Please sign in."))
        refusal.challenge = "Bearer"  # type: ignore[attr-defined]
    elif isinstance(error, rest.AuthenticationFailed) and not hasattr(error, "challenge"):
        error.challenge = "Bearer"  # type: ignore[attr-defined]
    elif isinstance(error, rest.PermissionDenied | PermissionDenied):
        refusal = rest.PermissionDenied(_("Permission denied"))
    elif isinstance(error, Http404 | rest.NotFound):
        refusal = rest.NotFound(_("There is nothing at this address."))
    elif isinstance(error, RequestDataTooBig | TooManyFieldsSent):
        refusal = BodyTooLarge()
    elif isinstance(error, UnreadablePostError):
        refusal = IncompleteBody()
    elif isinstance(error, DEPENDENCY_ERRORS) and is_outage(error):
        refusal = unavailable(error)
    return refusal


def unavailable(error: Exception) -> Unavailable:
    """The refusal for a dependency that is away. Its cause, for the log alone, is the first line of what the driver said."""
    return Unavailable(cause=f"{type(error).__name__}: {str(error).partition(chr(10))[0][:200]}")


def flatten(detail: object, field: str = "") -> list[tuple[str, str]]:
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


def parts_of(error: rest.APIException) -> ErrorParts:
    data = None
    if isinstance(error, InvalidInput | RefusedForm):
        data = {"errors": [{"field": field, "message": str(message)} for field, message in error.errors]}
    code = error.business_code if isinstance(error, Refusal) else error.status_code
    return ErrorParts(error.status_code, int(code), str(error.detail), data)


def exception_handler(error: Exception, context: dict[str, Any]) -> HttpResponse | None:
    """For views of the REST framework that are not ours. None lets Django handle a crash: it logs it and calls `server_error`."""
    refusal = as_api_error(error)
    return answer(context["request"]._request, refusal) if refusal is not None else None


def log_unavailable(path: str, error: rest.APIException, response: HttpResponseBase) -> None:
    """Logs one line that names what failed. Django's own line, which names the path alone, is then left out."""
    if isinstance(error, Unavailable):
        facts: dict[str, object] = {"path": path, "cause": error.cause}
        if isinstance(error, NoPlace):
            facts["times"] = no_place.times()
        if facts.get("times") != 0:
            log.error("unavailable", extra={"facts": facts})
        logged_already(response)
    elif isinstance(error, NoPasswordSignIn):
        logged_already(response)
        response.is_outage = False  # type: ignore[attr-defined]


def logged_already(response: HttpResponseBase) -> None:
    """Marks a response as logged. Without the mark Django logs each one with a status of 500 or more."""
    response._has_been_logged = True  # type: ignore[attr-defined]


def tells_of_outage(response: HttpResponseBase) -> bool:
    """Whether something that requests wait for is away or full. A 503 that the deployment is meant to give tells of nothing."""
    return response.status_code == 503 and getattr(response, "is_outage", True)


def answer(request: HttpRequest, error: rest.APIException) -> HttpResponse:
    """The answer for an error, in the form of the view that was asked for, even if the request never reached the view."""
    response = _error_format(request)(request, parts_of(error), headers_of(error))
    log_unavailable(request.path, error, response)
    return response


def _error_format(request: HttpRequest) -> ErrorFormat:
    """The form that the view states; without one, the envelope under /api and a page elsewhere."""
    view = _view(request)
    own: ErrorFormat | None = getattr(getattr(view, "cls", view), "error_format", None)
    if own is not None:
        return own
    page = None if f"/{request.path.lstrip('/')}/".startswith(f"/{paths.API}/") else seams.error_page.get()
    return page or _envelope


def _view(request: HttpRequest) -> object:
    try:
        return (request.resolver_match or resolve(request.path_info)).func
    except Resolver404:
        return None


def _envelope(request: HttpRequest, parts: ErrorParts, headers: Mapping[str, str]) -> HttpResponse:
    return envelope_response(request, parts.data, code=parts.code, message=parts.message, status=parts.status, headers=headers)


def prefers_page(request: HttpRequest) -> bool:
    return request.get_preferred_type([envelope.CONTENT_TYPE, "text/html"]) == "text/html"


def for_who_asks(request: HttpRequest, parts: ErrorParts, headers: Mapping[str, str]) -> HttpResponse:
    """The form of errors where browsers are led to as well as programs: a page for who would rather have HTML."""
    page = seams.error_page.get() if prefers_page(request) else None
    response = (page or _envelope)(request, parts, headers)
    patch_vary_headers(response, ["Accept"])
    return response


def with_headers(response: R, headers: Mapping[str, str]) -> R:
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
    """handler500: the answer for a crash, which shows nothing of the exception. A lost database or cache is a 503."""
    error = sys.exc_info()[1]
    refusal = as_api_error(error) if isinstance(error, Exception) else None
    if not isinstance(refusal, Unavailable | IncompleteBody):
        refusal = rest.APIException(_("Internal server error"))
    return answer(request, refusal)

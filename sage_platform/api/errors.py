"""The refusals that services and views raise. `handlers` alone turns them into answers.

They extend the REST framework's exceptions, so that its errors (not signed in, not allowed, wrong method) and ours are handled
alike.
"""

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import APIException, AuthenticationFailed

from sage_platform.telemetry.operations import Failure

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    Message = str | _StrPromise
else:
    # A text, or one that is translated when it is sent. The type of the latter exists in Django's stubs alone.
    Message = object


class Code(IntEnum):
    """The `code` in the envelope. The numbers mean what they mean as HTTP statuses, but the HTTP status may be another."""

    SUCCESS = 200
    BAD_REQUEST = 400
    UNAUTHENTICATED = 401
    FORBIDDEN = 403
    NOT_FOUND = 404
    METHOD_NOT_ALLOWED = 405
    LENGTH_REQUIRED = 411
    TOO_LARGE = 413
    UNSUPPORTED_MEDIA_TYPE = 415
    UNPROCESSABLE = 422
    THROTTLED = 429
    FAILED = 500
    UNAVAILABLE = 503


class Refusal(APIException):
    """The request was understood and the product says no: HTTP 200 with the code of the route's row and a text for the person.

    `field` is the one that the text is about, if it is about one: a page shows the text there.
    """

    status_code = 200

    def __init__(self, code: Code, message: Message, *, field: str = "") -> None:
        super().__init__(message)
        self.business_code = code
        self.field = field


class OtherServerFailed(Refusal):
    """A person reads it as any refusal. It is counted as an error: another server is down, too slow, or failing."""

    counts_as: Failure = "error"


class InvalidInput(APIException):
    """422: what was sent is not what the route takes. Never holds a submitted value."""

    status_code = 422
    default_detail = _("The request is not valid. See data.errors for what to change.")

    def __init__(self, errors: Sequence[tuple[str, Message]]) -> None:
        super().__init__()
        self.errors = errors


class RefusedForm(Refusal):
    """A person typed into a form what it does not take: a business refusal, since the web application shows its text alone.

    The sentences are in the message, and again with their fields in `data.errors`. Never holds a submitted value.
    """

    def __init__(self, errors: Sequence[tuple[str, Message]]) -> None:
        super().__init__(Code.UNPROCESSABLE, " ".join(dict.fromkeys(str(message) for _field, message in errors)))
        self.errors = errors


class TooManyRequests(APIException):
    """429: `retry_after` is in seconds."""

    status_code = 429
    default_detail = _("Too many requests. Please wait and try again.")

    def __init__(self, retry_after: float, message: Message | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unavailable(APIException):
    """503: a dependency is down. `cause` is for the log alone."""

    status_code = 503
    default_detail = _("The service is temporarily unavailable. Please try again shortly.")
    retry_after = 5

    def __init__(self, message: Message | None = None, *, cause: str) -> None:
        super().__init__(message)
        self.cause = cause


class NoPlace(Unavailable):
    """503 for want of a place at the gate. Of those one line a second is logged, since there are many in a flood."""


class NoPasswordSignIn(APIException):
    """503 where only a password would open, and the deployment takes none: people sign in elsewhere first."""

    status_code = 503
    default_detail = _("Password sign-in is not enabled here.")
    retry_after = 60


class BodyTooLarge(APIException):
    status_code = 413
    default_detail = _("The request body is too large.")


class IncompleteBody(APIException):
    """400: the client ended before the length that it had announced (RFC 9112 §6.3)."""

    status_code = 400
    default_detail = _("The request did not arrive in full. Please send it again.")


class LengthRequired(APIException):
    status_code = 411
    default_detail = _("The request needs a Content-Length header; chunked bodies are not accepted.")


class WrongMediaType(APIException):
    """415: the message names the media type that the route takes, so each kind of body (`bodies.BodyKind`) brings its own."""

    status_code = 415

    def __init__(self, message: Message) -> None:
        super().__init__(message)


class InvalidToken(AuthenticationFailed):
    """401 for a bearer token that is unknown, expired or revoked (RFC 6750 §3.1)."""

    default_detail = _("Your sign-in has ended. Please sign in again.")
    challenge = 'Bearer error="invalid_token"'


class WrongMetricsToken(InvalidToken):
    default_detail = _("Send the token of SAGE_METRICS_TOKEN as a bearer token.")


class MetricsAreShownHere(APIException):
    """403: without a token of their own, only this machine may read them."""

    status_code = 403
    default_detail = _("Metrics are shown on this machine alone. To read them from elsewhere, set SAGE_METRICS_TOKEN.")


class InsufficientScope(APIException):
    """403 for a good token of a third party that may not come here (RFC 6750 §3.1)."""

    status_code = 403
    default_detail = _("Permission denied")

    def __init__(self, scope: str) -> None:
        super().__init__()
        self.challenge = f'Bearer error="insufficient_scope", scope="{scope}"'


def headers_of(error: Exception) -> Mapping[str, str]:
    """The headers that an error's answer carries."""
    headers = {}
    if challenge := getattr(error, "challenge", None):
        headers["WWW-Authenticate"] = challenge
    if (seconds := getattr(error, "retry_after", None)) is not None:
        headers["Retry-After"] = str(max(1, int(-(-seconds // 1))))
    if allow := getattr(error, "allow", None):
        headers["Allow"] = allow
    return headers

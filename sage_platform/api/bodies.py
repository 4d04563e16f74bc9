"""Reads bodies. Media type, length and content are checked in the order of docs/api.md#statuses."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from sage_platform.api.errors import BodyTooLarge, InvalidInput, LengthRequired, Message, WrongMediaType
from sage_platform.api.waiting import lend_connection
from sage_platform.request_body import declared_length, has_body, is_chunked

MAX_DEPTH = 64
# RFC 2046 §5.1.1
BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")


def check_length(request: HttpRequest, most: int) -> None:
    if is_chunked(request.META):
        raise LengthRequired
    if declared_length(request.META) > most:
        raise BodyTooLarge


@dataclass(frozen=True)
class BodyKind:
    """A kind of body: its media type, its greatest length in bytes, and how it is parsed."""

    media_type: str
    most_bytes: Callable[[], int]
    # Called when type and length are right and there is a body.
    parse: Callable[[HttpRequest], dict[str, Any]]
    refused_type: Message

    def read(self, request: HttpRequest) -> dict[str, Any]:
        """The body's members by name; an empty body has none.

        Raises WrongMediaType, LengthRequired, BodyTooLarge or InvalidInput, in this order.
        """
        self.check(request)
        if not has_body(request.META):
            return {}
        # Finding the caller took a database connection, and the body may take long or never come. The turn is lent at each read
        # (`sage_platform.front`).
        lend_connection()
        return self.parse(request)

    def check(self, request: HttpRequest) -> None:
        if has_body(request.META) and not self._is_right_type(request):
            raise WrongMediaType(self.refused_type)
        check_length(request, self.most_bytes())

    def _is_right_type(self, request: HttpRequest) -> bool:
        charset = (request.content_params or {}).get("charset", "utf-8")
        return request.content_type == self.media_type and charset.strip("'\"").lower() in {"utf-8", "utf8"}


def _parse_json(request: HttpRequest) -> dict[str, Any]:
    raw = request.body
    value = strict_json(raw) if raw else {}
    if not isinstance(value, dict):
        raise InvalidInput([("body", _("Send a JSON object."))])
    return value


def _parse_form(request: HttpRequest) -> dict[str, Any]:
    """Of a field that was sent twice the last value counts."""
    return request.POST.dict()


@dataclass(frozen=True)
class UnreadForm:
    """A form with files of which nothing is read yet, so that whoever gets it decides where a file goes as it comes.

    `read` gives so many bytes at most, and none at the end; it raises UnreadablePostError where the client ends before `length`.
    """

    boundary: str
    length: int
    read: Callable[[int], bytes]


@dataclass(frozen=True)
class FilesKind(BodyKind):
    """A form with files. Its serializer is for the documentation alone: the action reads the form itself."""

    def opened(self, request: HttpRequest) -> UnreadForm:
        """The form once its type and length are right. An empty body is a form without parts."""
        self.check(request)
        boundary = (request.content_params or {}).get("boundary", "")
        if has_body(request.META) and not BOUNDARY.fullmatch(boundary):
            raise InvalidInput([("body", _("The body is no multipart form that can be read."))])
        return UnreadForm(boundary, declared_length(request.META), request.read)


def _most_json() -> int:
    return int(settings.SAGE_MAX_JSON_BYTES)


JSON = BodyKind("application/json", _most_json, _parse_json, gettext_lazy("Send the body as application/json in UTF-8."))
FORM = BodyKind(
    "application/x-www-form-urlencoded",
    _most_json,
    _parse_form,
    gettext_lazy("Send the form as application/x-www-form-urlencoded."),
)


def _parse_nothing(_request: HttpRequest) -> dict[str, Any]:
    raise NotImplementedError  # Whoever takes files reads the form piece by piece (`FilesKind.opened`).


def multipart(most_bytes: Callable[[], int]) -> FilesKind:
    """A form with files (RFC 7578), each route with a limit of its own."""
    return FilesKind("multipart/form-data", most_bytes, _parse_nothing, gettext_lazy("Send the form as multipart/form-data."))


def check_form_body(request: HttpRequest) -> None:
    """Refuse any body but a form without files, so that nobody can make a page read and store large files."""
    if is_chunked(request.META):
        raise LengthRequired
    if declared_length(request.META) and request.content_type != FORM.media_type:
        raise WrongMediaType(FORM.refused_type)
    check_length(request, settings.SAGE_MAX_JSON_BYTES)
    # The type of a form has no charset (RFC 6749 §B, WHATWG URL §5): whatever a client names there, it sends UTF-8.
    request.encoding = "utf-8"


def strict_json(raw: bytes) -> object:
    """JSON as every body has to be. Raises InvalidInput."""
    try:
        return json.loads(raw.decode("utf-8"), object_pairs_hook=_unique_keys, parse_constant=_no_constant)
    except RecursionError:
        message = _("The JSON is nested too deeply.")
    except ValueError:  # UnicodeDecodeError is one too, and so is the error for a number with more digits than Python converts.
        message = _("The body is not valid JSON in UTF-8.")
    raise InvalidInput([("body", message)])


def _unique_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object with a name twice is refused, since receivers differ in which value they take (RFC 8259 §4)."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found


def _no_constant(_name: str) -> object:
    """NaN and Infinity are refused: Python's parser takes them, but they are not JSON (RFC 8259 §6)."""
    raise ValueError


def check_storable(value: object, field: str) -> None:
    """Refuse free-form JSON that a database cannot store: NUL, lone surrogates, numbers that are too large, too deep nesting."""
    stack: list[tuple[object, int]] = [(value, 1)]
    while stack:
        item, depth = stack.pop()
        if depth > MAX_DEPTH:
            raise InvalidInput([(field, _("The JSON is nested too deeply."))])
        if isinstance(item, dict):
            stack.extend((part, depth + 1) for pair in item.items() for part in pair)
        elif isinstance(item, list):
            stack.extend((part, depth + 1) for part in item)
        elif isinstance(item, str) and ("\0" in item or not _encodable(item)):
            raise InvalidInput([(field, _("Null characters and lone surrogates are not allowed."))])
        elif isinstance(item, int) and not -(2**63) <= item < 2**63:
            raise InvalidInput([(field, _("Whole numbers must fit in 64 bits."))])
        elif isinstance(item, float) and item in {float("inf"), float("-inf")}:
            raise InvalidInput([(field, _("A number is too large."))])


def _encodable(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True

"""Reading a JSON body: media type, length, syntax, in the order in which the contract lets them answer."""

import json
import sys
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext as _

from sage_platform.api.errors import BodyTooLarge, InvalidInput, LengthRequired, WrongMediaType
from sage_platform.api.waiting import lend_connection

MAX_DEPTH = 64


def declared_length(request: HttpRequest) -> int:
    """The body's length in bytes by its header; a missing header is 0, which a chunked body is not allowed to hide behind."""
    raw = request.META.get("CONTENT_LENGTH") or "0"
    if not (raw.isascii() and raw.isdigit()):
        return 0
    return int(raw) if len(raw) < 19 else sys.maxsize  # Python refuses to convert thousands of digits.


def is_chunked(request: HttpRequest) -> bool:
    """A body whose end no header tells (RFC 9112 §6.1). WSGI would take it as empty."""
    return "HTTP_TRANSFER_ENCODING" in request.META


def check_media_type(request: HttpRequest) -> None:
    if not declared_length(request) and not is_chunked(request):
        return
    charset = request.content_params.get("charset", "utf-8") if request.content_params else "utf-8"
    if request.content_type != "application/json" or charset.strip("'\"").lower() not in {"utf-8", "utf8"}:
        raise WrongMediaType


def check_length(request: HttpRequest, most: int) -> None:
    if is_chunked(request):
        raise LengthRequired
    if declared_length(request) > most:
        raise BodyTooLarge


def check_form_body(request: HttpRequest) -> None:
    """Only what a form without files sends: else a stranger could have large uploads read and stored."""
    if is_chunked(request):
        raise LengthRequired
    if declared_length(request) and request.content_type != "application/x-www-form-urlencoded":
        raise WrongMediaType(_("Send the form as application/x-www-form-urlencoded."))
    check_length(request, settings.SAGE_MAX_JSON_BYTES)


def read_json(request: HttpRequest) -> dict[str, Any]:
    """The body as an object; an empty body is the empty object.

    Raises WrongMediaType, LengthRequired, BodyTooLarge or InvalidInput, in this order.
    """
    check_media_type(request)
    check_length(request, settings.SAGE_MAX_JSON_BYTES)
    lend_connection()  # The caller may be signed in, and their body may never come.
    raw = request.body
    if not raw:
        return {}
    value = _parse(raw)
    if not isinstance(value, dict):
        raise InvalidInput([("body", _("Send a JSON object."))])
    return value


def _parse(raw: bytes) -> object:
    try:
        return json.loads(raw.decode("utf-8"), object_pairs_hook=_unique_keys, parse_constant=_no_constant)
    except RecursionError:
        message = _("The JSON is nested too deeply.")
    except ValueError:  # Also UnicodeDecodeError, and a number with more digits than Python converts.
        message = _("The body is not valid JSON in UTF-8.")
    raise InvalidInput([("body", message)])


def _unique_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """RFC 8259 §4: with a name twice, receivers differ in what they see. So nobody gets to send one."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found


def _no_constant(_name: str) -> object:
    """NaN and Infinity are Python's, not JSON's (RFC 8259 §6)."""
    raise ValueError


def check_storable(value: object, field: str) -> None:
    """Refuse free-form JSON that a database cannot keep or that nobody could mean: NUL, lone surrogates, endless nesting."""
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

"""The envelope that every JSON answer under /api comes in (docs/api.md#the-envelope)."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse
from django.utils.functional import Promise

from sage_platform.api.errors import Code

CONTENT_TYPE = "application/json"


def _plain(value: object) -> object:
    """What orjson cannot write by itself, or would write otherwise: lazily translated texts, choices, times, subclasses."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, Promise | str):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, list | tuple):
        return list(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


OPTIONS = orjson.OPT_PASSTHROUGH_SUBCLASS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_NON_STR_KEYS


def to_json(value: object) -> bytes:
    return orjson.dumps(value, default=_plain, option=OPTIONS)


def as_json(value: object) -> orjson.Fragment:
    """A part of a payload, written as JSON once and then used in many answers."""
    return orjson.Fragment(to_json(value))


def envelope_bytes(data: object, *, request_id: str, code: int = Code.SUCCESS, message: object = "success") -> bytes:
    """`{code, message, data, timestamp, request_id}`; `timestamp` is Unix seconds with a fraction."""
    body: dict[str, Any] = {
        "code": int(code),
        "message": str(message),
        "data": data,
        "timestamp": time.time(),
        "request_id": request_id,
    }
    return to_json(body)


def envelope_response(
    request: HttpRequest,
    data: object = None,
    *,
    code: int = Code.SUCCESS,
    message: object = "success",
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> HttpResponse:
    """The envelope as a Django response."""
    body = envelope_bytes(data, code=code, message=message, request_id=getattr(request, "request_id", ""))
    return HttpResponse(body, status=status, content_type=CONTENT_TYPE, headers=dict(headers or {}))

"""What the OpenAPI document says of a route: its envelope, who may call it, and each refusal."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from drf_spectacular.utils import (
    OpenApiParameter,
    OpenApiResponse,
    PolymorphicProxySerializer,
    extend_schema_field,
    inline_serializer,
)
from msgspec import Struct
from rest_framework import serializers
from rest_framework.permissions import BasePermission

from sage_platform.api.bodies import JSON, BodyKind
from sage_platform.api.fields import Form
from sage_platform.api.permissions import (
    Administrator,
    AdministratorOrProgram,
    Anyone,
    AnyoneOfThisSite,
    MetricsReader,
    SignedIn,
    SignedInOrProgram,
    SignedInOrTrustedProgram,
)
from sage_platform.api.structs import json_schema

REQUEST_ID = OpenApiParameter(
    "X-Request-ID", str, OpenApiParameter.HEADER, response=True, description="The same as `request_id` in the envelope."
)
RETRY_AFTER = OpenApiParameter(
    "Retry-After", int, OpenApiParameter.HEADER, response=[429, 503], description="Seconds to wait before asking again."
)
CHALLENGE = OpenApiParameter(
    "WWW-Authenticate", str, OpenApiParameter.HEADER, response=[401], description="`Bearer` (RFC 6750 §3)."
)

WHO: dict[type[BasePermission], str] = {
    Anyone: "Anyone may call this.",
    AnyoneOfThisSite: "Anyone may call this, but for another site's page in a browser.",
    SignedIn: "For signed-in users.",
    SignedInOrProgram: "For signed-in users, and for programs whose token was granted the scope.",
    Administrator: "For administrators.",
    AdministratorOrProgram: "For administrators, and for programs whose token was granted the scope.",
    MetricsReader: "For whoever has the token of `SAGE_METRICS_TOKEN`; without one, in production, for this machine.",
    SignedInOrTrustedProgram: "For signed-in users, and for programs whose token was granted the scope.",
}


@dataclass(frozen=True)
class DocumentedRefusal:
    """One refusal of a route: an HTTP status, or HTTP 200 with another `code` in the envelope."""

    code: int
    when: str
    status: int = 200


# Of each route that takes an `api.fields.Form`.
NOT_ALLOWED = DocumentedRefusal(422, "A text is not allowed in this form; the sentence is in `message` and `data.errors`.")
SerializerClass = type[serializers.BaseSerializer[Any]]
# A struct for bodies of many parts (`structs`).
Takes = SerializerClass | type[Struct]
# A serializer class; where a list is given, a serializer that was made with `many=True`.
Gives = SerializerClass | serializers.BaseSerializer[Any]
AnyField = serializers.Field[Any, Any, Any, Any]
Envelope = serializers.Serializer[Any]


class FieldErrorSchema(serializers.Serializer[Any]):
    field = serializers.CharField(help_text="Where the mistake is; `body` for the whole.")
    message = serializers.CharField()


class InvalidDataSchema(serializers.Serializer[Any]):
    errors = FieldErrorSchema(many=True)  # type: ignore[assignment]


_envelopes: dict[str, Envelope] = {}


def _envelope_named(name: str, data: AnyField) -> Envelope:
    """One component for each name, however many routes answer with it."""
    if name not in _envelopes:
        _envelopes[name] = _envelope(name, data)
    return _envelopes[name]


def _envelope(name: str, data: AnyField) -> Envelope:
    return inline_serializer(
        name=name,
        fields={
            "code": serializers.IntegerField(help_text="200 for success; else why not."),
            "message": serializers.CharField(help_text="`success`, or a sentence for the person."),
            "data": data,
            "timestamp": serializers.FloatField(help_text="Unix seconds."),
            "request_id": serializers.CharField(),
        },
    )


@extend_schema_field({"type": "null"})
class Null(serializers.JSONField):
    """Always null. A nullable JSONField would be described as 'anything, or null', which null matches twice."""


@cache
def error_envelope() -> Envelope:
    return _envelope("ErrorEnvelope", Null())


@cache
def invalid_envelope() -> Envelope:
    return _envelope("InvalidInputEnvelope", InvalidDataSchema())


@extend_schema_field({"type": "object", "maxProperties": 0})
class EmptyObject(serializers.JSONField):
    """`{}`. A serializer without fields would not do: the generator leaves such a member out, and `data` is always there."""


def envelope_of(gives: Gives, *, form: bool = False) -> Envelope:
    """The success envelope around a serializer class or a `many=True` serializer.

    With `form` its data may also be what is wrong with the form that was sent (`errors.RefusedForm`).
    """
    # A refusal with HTTP 200 has null as its data. `allow_null` is passed to the constructor and not set afterwards, because a
    # serializer copies its fields by calling their constructors again.
    if isinstance(gives, serializers.ListSerializer):
        child: SerializerClass = type(cast("serializers.BaseSerializer[Any]", gives.child))
        name = f"{_short(child)}ListEnvelope"
        payload: AnyField = child(many=True, allow_null=True)
    elif isinstance(gives, type) and form:
        name = f"{_short(gives)}FormEnvelope"
        either = cast("list[type[serializers.Serializer[Any]]]", [gives, InvalidDataSchema])
        payload = PolymorphicProxySerializer(f"{_short(gives)}OrInvalid", either, resource_type_field_name=None, allow_null=True)
    elif isinstance(gives, type):
        name = f"{gives.__name__.removesuffix('Output')}Envelope"
        payload = gives(allow_null=True)
    else:
        raise TypeError(f"{gives!r} is neither a serializer class nor made with many=True")
    if not form and isinstance(payload, serializers.Serializer) and not payload.fields:
        payload = EmptyObject(allow_null=True)
    return _envelope_named(name, payload)


def _short(serializer: SerializerClass) -> str:
    return re.sub(r"(Output|Serializer)$", "", serializer.__name__)


def describe(
    *,
    who: type[BasePermission],
    gives: Gives,
    takes: Takes | None = None,
    body: BodyKind = JSON,
    query: SerializerClass | None = None,
    summary: str,
    refusals: Sequence[DocumentedRefusal] = (),
) -> dict[str, Any]:
    """The keyword arguments of drf-spectacular's `extend_schema` for one action."""
    is_form = takes is not None and issubclass(takes, Form)
    taken = json_schema(takes) if takes is not None and issubclass(takes, Struct) else takes
    business = [refusal for refusal in refusals if refusal.status == 200] + [NOT_ALLOWED] * is_form
    lines = [WHO[who]] + [f"- HTTP 200 with `code` {refusal.code}: {refusal.when}" for refusal in business]
    responses: dict[int, Any] = {
        200: OpenApiResponse(envelope_of(gives, form=is_form), description="Success, or a refusal with another `code`.")
    }
    if not issubclass(who, Anyone):
        responses[401] = OpenApiResponse(error_envelope(), description="Not signed in, or a bad, expired or revoked token.")
        responses[403] = OpenApiResponse(error_envelope(), description="Permission denied, or another site's page asked.")
    if who is AnyoneOfThisSite:
        responses[403] = OpenApiResponse(error_envelope(), description="Another site's page asked.")
    if takes is not None:
        responses[411] = OpenApiResponse(error_envelope(), description="A chunked body.")
        responses[413] = OpenApiResponse(error_envelope(), description="The body is too large.")
        responses[415] = OpenApiResponse(error_envelope(), description=f"The body is not {body.media_type} in UTF-8.")
    if takes is not None or query is not None:
        responses[422] = OpenApiResponse(invalid_envelope(), description="Not JSON, a wrong type, a missing field.")
    for refusal in refusals:
        if refusal.status != 200:
            responses[refusal.status] = OpenApiResponse(error_envelope(), description=refusal.when)
    responses[400] = OpenApiResponse(error_envelope(), description="A Host that is not ours.")
    responses[500] = OpenApiResponse(error_envelope(), description="A crash; quote the `request_id`.")
    responses[503] = OpenApiResponse(error_envelope(), description="The database or cache is down.")
    return {
        "request": taken if body is JSON and taken is takes else {body.media_type: taken},
        "parameters": ([query] if query is not None else []) + [REQUEST_ID, RETRY_AFTER, CHALLENGE],
        "responses": dict(sorted(responses.items())),
        "summary": summary,
        "description": "\n".join(lines),
        "auth": [] if issubclass(who, Anyone) else None,
    }

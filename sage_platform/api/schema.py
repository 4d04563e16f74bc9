"""The OpenAPI document's operations: their names, tags and ways to sign in, and the raw routes of all rooms."""

from typing import Any

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from rest_framework import serializers

from sage_platform import paths
from sage_platform.api import seams
from sage_platform.api.fields import ANY_TEXT, Text
from sage_platform.api.seams import RawRoute

# Both names in one object would mean that both are needed (OpenAPI 3.1 §4.8.30).
TOKEN_OR_SESSION: list[dict[str, list[str]]] = [{"bearer": []}, {"session": []}]
RAW_FOR_ANYONE = "*Raw*: no envelope. Anyone may call this."
RAW_FOR_SOME = "*Raw*: no envelope but around refusals."


class EnvelopeSchema(AutoSchema):
    """Names each operation after its address and method, so that names stay the same when code moves."""

    def get_operation_id(self) -> str:
        path = self.path.removeprefix(f"/{paths.API}/").removeprefix("/")
        words = path.replace("{", "").replace("}", "").replace("-", "_").replace("/", "_").replace(".", "_")
        return f"{words}_{self.method.lower()}"

    def get_tags(self) -> list[str]:
        return [getattr(self.view, "tag")]  # noqa: B009  The stubs know the REST framework's own views alone.

    def _get_request_for_media_type(self, serializer: Any, direction: str = "request") -> Any:
        """A schema that is given as it stands, that of a struct, tells itself whether a body has to be sent."""
        schema, required = super()._get_request_for_media_type(serializer, direction)  # type: ignore[no-untyped-call]
        return schema, required or (isinstance(serializer, dict) and "required" in serializer)

    def _insert_field_validators(self, field: serializers.Field[Any, Any, Any, Any], schema: dict[str, Any]) -> None:
        """Adds a text's pattern, and moves the default "" out of the alternative for texts that are not empty."""
        super()._insert_field_validators(field, schema)  # type: ignore[no-untyped-call]
        text = schema["oneOf"][0] if "oneOf" in schema else schema
        if isinstance(field, Text):
            text.setdefault("pattern", field.pattern)
            if text.get("format") == "email":
                del text["format"]  # The pattern says more than the format, which would not allow domains that are not ASCII.
        if getattr(field, "allow_blank", False) and text is not schema and "default" in text:
            schema["default"] = text.pop("default")


class SageAuthenticationScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "sage_platform.accounts.authentication.SageAuthentication"
    name = ["bearer", "session"]

    def get_security_requirement(self, auto_schema: AutoSchema) -> list[dict[str, list[str]]]:
        return TOKEN_OR_SESSION

    def get_security_definition(self, auto_schema: AutoSchema) -> list[dict[str, str]]:
        return [
            {"type": "http", "scheme": "bearer", "description": "The `access_token` of a sign-in."},
            {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME, "description": "The session of a browser."},
        ]


# What `check_storable` lets through, as far as JSON Schema can say it: a whole number of more than 64 bits is refused when it is
# written in digits and taken when it is written as 1e30, but to JSON Schema both are the same number.
JSON_VALUE: dict[str, Any] = {
    "description": "Any JSON that can be kept: no NUL in a text, whole numbers in 64 bits, nested at most 64 deep.",
    "anyOf": [
        {"type": ["null", "boolean", "number"]},
        {"type": "string", "pattern": ANY_TEXT},
        {"type": "array", "items": {"$ref": "#/components/schemas/JSONValue"}},
        {
            "type": "object",
            "propertyNames": {"pattern": ANY_TEXT},
            "additionalProperties": {"$ref": "#/components/schemas/JSONValue"},
        },
    ],
}


def add_json_value(result: dict[str, Any], **_: object) -> dict[str, Any]:
    """A postprocessing hook of drf-spectacular: adds the schema of any JSON, which refers to itself, as no serializer can."""
    result["components"]["schemas"]["JSONValue"] = JSON_VALUE
    return result


def add_raw_routes(result: dict[str, Any], **_: object) -> dict[str, Any]:
    """A postprocessing hook of drf-spectacular: adds the routes that answer without an envelope."""
    for raw in seams.raw_routes.values():
        result["components"]["schemas"] |= raw.components
        for route in raw.routes:
            result["paths"].setdefault(route.path, {})[route.method] = _operation(route)
    return result


def described(route: RawRoute) -> str:
    if route.who:
        return f"{RAW_FOR_SOME} {route.who}"
    return f"{RAW_FOR_SOME} For administrators." if route.administrators else RAW_FOR_ANYONE


def _operation(route: RawRoute) -> dict[str, Any]:
    content = {"content": {route.media_type: {"schema": route.schema}}} if route.media_type else {}
    words = route.path.replace("{", "").replace("}", "").replace("/", "_").replace("-", "_").replace(".", "_")
    also = {status: {"description": sentence} for status, sentence in route.also.items()}
    status, sentence = route.success
    operation: dict[str, Any] = {
        "operationId": f"raw{words}_{route.method}",
        "summary": route.summary,
        "description": described(route),
        "tags": ["raw"],
        "responses": {status: {"description": sentence, **content}} | also | dict.fromkeys(route.refusals, route.refused),
    }
    parameters = [
        {"name": name, "in": place, "required": place == "path", "description": sentence, "schema": {"type": "string"}}
        for place, named in (("path", route.parameters), ("query", route.query))
        for name, sentence in named.items()
    ]
    if parameters:
        operation["parameters"] = parameters
    if route.administrators:
        operation["security"] = TOKEN_OR_SESSION
    if route.form:
        form = {"application/x-www-form-urlencoded": {"schema": route.form}}
        operation["requestBody"] = {"required": True, "content": form}
    return operation

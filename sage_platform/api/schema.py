"""The OpenAPI document's operations: their names, tags and ways to sign in; and the routes that have no envelope."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

from sage_platform.api.fields import ANY_TEXT, Text


class EnvelopeSchema(AutoSchema):
    """Names each operation after its address and method, so that names stay the same when code moves."""

    def get_operation_id(self) -> str:
        path = self.path.removeprefix("/api/").removeprefix("/")
        words = path.replace("{", "").replace("}", "").replace("-", "_").replace("/", "_").replace(".", "_")
        return f"{words}_{self.method.lower()}"

    def get_tags(self) -> list[str]:
        return [getattr(self.view, "tag", "system")]

    def _insert_field_validators(self, field: Any, schema: Any) -> None:
        """Where "" stands for none, the generator writes "a formatted text, or an empty one", with the default in the former."""
        super()._insert_field_validators(field, schema)  # type: ignore[no-untyped-call]
        text = schema["oneOf"][0] if "oneOf" in schema else schema
        if isinstance(field, Text):
            text.setdefault("pattern", field.pattern)
            if text.get("format") == "email":
                del text["format"]  # The pattern says more; the format would leave out the domains that are not ASCII.
        if getattr(field, "allow_blank", False) and text is not schema and "default" in text:
            schema["default"] = text.pop("default")


class SageAuthenticationScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "sage_platform.accounts.authentication.SageAuthentication"
    name = ["bearer", "session"]

    def get_security_requirement(self, auto_schema: Any) -> list[dict[str, list[Any]]]:
        """One or the other: names within one object would all be needed at once (OpenAPI 3.1 §4.8.30)."""
        return [{"bearer": []}, {"session": []}]

    def get_security_definition(self, auto_schema: Any) -> Any:
        return [
            {"type": "http", "scheme": "bearer", "description": "The `access_token` of a sign-in."},
            {"type": "apiKey", "in": "cookie", "name": "sage_session", "description": "The session of a browser."},
        ]


# What is answered without an envelope, by plain views or before Django: (path, summary, media type, statuses and what they say).
METADATA = "The authorization server's metadata (RFC 8414, OpenID Connect Discovery); the same document at each of its addresses"
JSON = "application/json"
ASKED = ["400", "401", "411", "413", "415", "429", "503"]
OAUTH2_ROUTES: list[tuple[str, str, str, str, list[str]]] = [
    ("get", "metadata", METADATA, JSON, []),
    ("get", ".well-known/openid-configuration", METADATA, JSON, []),
    ("get", "jwks", "The keys that sign id_tokens (RFC 7517)", JSON, ["503"]),
    ("post", "token", "Tokens for a code, a refresh token or a client's credentials (RFC 6749 §3.2)", JSON, ASKED),
    ("post", "revoke", "End a token and its family (RFC 7009); the answer is empty", "", ASKED),
    ("post", "introspect", "Whether one's own token is alive (RFC 7662)", JSON, ASKED),
    ("get", "userinfo", "Who the person is (OpenID Connect Core §5.3), by a bearer token", JSON, ["401", "403", "503"]),
    ("post", "userinfo", "The same", JSON, ["401", "403", "503"]),
]
# What the forms of these endpoints must hold; a client adds its credentials here or in `Authorization`.
OAUTH2_FORMS: dict[str, dict[str, Any]] = {
    "token": {"grant_type": {"enum": ["authorization_code", "refresh_token", "client_credentials"]}},
    "revoke": {"token": {"type": "string", "minLength": 1, "maxLength": 4096, "pattern": ANY_TEXT}},
    "introspect": {"token": {"type": "string", "minLength": 1, "maxLength": 4096, "pattern": ANY_TEXT}},
}
LENGTHS = {
    "client_id": 255,
    "client_secret": 512,
    "code": 512,
    "code_verifier": 128,
    "redirect_uri": 2048,
    "refresh_token": 512,
    "scope": 1024,
}
OAUTH2_OPTIONAL = {name: {"type": "string", "maxLength": most, "pattern": ANY_TEXT} for name, most in LENGTHS.items()}
RESOURCE = "What clients of this resource need to know (RFC 9728)"
RAW_ROUTES: list[tuple[str, str, str, str, list[str]]] = [
    ("get", "/active", "Whether this worker answers at all; looks at no dependency", "text/plain", []),
    ("get", "/api/schema", "This document", "application/vnd.oai.openapi+json", []),
    ("get", "/api/docs", "This document as a page", "text/html", []),
    ("get", "/.well-known/oauth-authorization-server", METADATA, JSON, []),
    ("get", "/.well-known/oauth-authorization-server/oauth2", METADATA, JSON, []),
    ("get", "/.well-known/oauth-protected-resource", RESOURCE, JSON, []),
    *[(row[0], f"{base}/{row[1]}", row[2], row[3], row[4]) for base in ("/oauth2", "/api/oauth2") for row in OAUTH2_ROUTES],
]


def json_object(required: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    """An object with these members. Others are only there where none is said to be optional: the standard has more."""
    closed = {} if optional is None else {"additionalProperties": False}
    return {"type": "object", "properties": required | (optional or {}), "required": list(required)} | closed


TEXT = {"type": "string"}
TEXTS = {"type": "array", "items": TEXT}
WHOLE = {"type": "integer"}
SERVER = json_object(
    {
        "issuer": TEXT,
        "authorization_endpoint": TEXT,
        "token_endpoint": TEXT,
        "jwks_uri": TEXT,
        "response_types_supported": TEXTS,
    }
)
# What is answered as JSON, by the last part of the address.
RAW_ANSWERS: dict[str, dict[str, Any]] = {
    "schema": json_object({"openapi": TEXT, "info": {"type": "object"}, "paths": {"type": "object"}}),
    "metadata": SERVER,
    "openid-configuration": SERVER,
    "oauth-authorization-server": SERVER,
    "oauth2": SERVER,
    "oauth-protected-resource": json_object({"resource": TEXT, "authorization_servers": TEXTS}),
    "jwks": json_object({"keys": {"type": "array", "items": json_object(dict.fromkeys(["kty", "use", "alg", "kid"], TEXT))}}, {}),
    "token": json_object(
        {"access_token": TEXT, "token_type": {"const": "Bearer"}, "expires_in": WHOLE, "scope": TEXT},
        {"refresh_token": TEXT, "id_token": TEXT},
    ),
    "introspect": json_object(
        {"active": {"type": "boolean"}},
        dict.fromkeys(["scope", "client_id", "iss", "sub", "username", "token_type"], TEXT)
        | dict.fromkeys(["exp", "iat"], WHOLE),
    ),
    "userinfo": json_object(
        dict.fromkeys(["sub", "iss", "preferred_username", "role"], TEXT),
        dict.fromkeys(["name", "picture", "avatar_url", "email"], TEXT) | {"email_verified": {"type": "boolean"}},
    ),
}
OAUTH2_ERROR = json_object({"error": TEXT}, {"error_description": TEXT})
REFUSED = {
    "description": "As the standard has it.",
    "content": {JSON: {"schema": {"$ref": "#/components/schemas/OAuth2Error"}}},
}

# What `check_storable` lets through. That a whole number of more than 64 bits is refused where it is written out, and taken as
# 1e30, JSON Schema cannot say: to it they are one number.
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


def add_json_value(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """A postprocessing hook of drf-spectacular: what no serializer describes, since it holds itself, or has no envelope."""
    result["components"]["schemas"] |= {"JSONValue": JSON_VALUE, "OAuth2Error": OAUTH2_ERROR}
    return result


def add_raw_routes(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """A postprocessing hook of drf-spectacular."""
    for method, path, summary, media_type, other in RAW_ROUTES:
        schema = RAW_ANSWERS[path.rpartition("/")[2]] if media_type.endswith("json") else TEXT
        content = {"content": {media_type: {"schema": schema}}} if media_type else {}
        answer = {"description": "Success.", **content}
        operation = {
            "operationId": f"raw{path.replace('/', '_').replace('-', '_').replace('.', '_')}_{method}",
            "summary": summary,
            "description": "*Raw*: no envelope. Anyone may call this.",
            "tags": ["raw"],
            "responses": {"200": answer} | dict.fromkeys(other, REFUSED),
        }
        if form := OAUTH2_FORMS.get(path.rpartition("/")[2]):
            said = {"type": "object", "properties": form | OAUTH2_OPTIONAL, "required": list(form)}
            operation["requestBody"] = {
                "required": True,
                "content": {"application/x-www-form-urlencoded": {"schema": said}},
            }
        result["paths"].setdefault(path, {})[method] = operation
    return result

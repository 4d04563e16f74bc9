"""The OpenAPI document's operations: their names, tags and ways to sign in; and the routes that have no envelope."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema


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
        if getattr(field, "allow_blank", False) and "oneOf" in schema and "default" in schema["oneOf"][0]:
            schema["default"] = schema["oneOf"][0].pop("default")


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
JSON, HTML = "application/json", "text/html"
ASKED = ["400", "401", "411", "413", "415", "429"]
OAUTH2_ROUTES: list[tuple[str, str, str, str, list[str]]] = [
    ("get", "metadata", METADATA, JSON, []),
    ("get", ".well-known/openid-configuration", METADATA, JSON, []),
    ("get", "jwks", "The keys that sign id_tokens (RFC 7517)", JSON, []),
    ("get", "authorize", "Ask a person to allow a client (RFC 6749 §3.1, OpenID Connect Core §3.1.2)", HTML, ["302", "400"]),
    ("post", "authorize", "The same, and the person's decision", HTML, ["302", "303", "400", "403", "411", "413", "415"]),
    ("get", "consents", "What a person has allowed clients", HTML, ["302"]),
    ("post", "consents", "Withdraw it", HTML, ["302", "403", "411", "413", "415"]),
    ("post", "token", "Tokens for a code, a refresh token or a client's credentials (RFC 6749 §3.2)", JSON, ASKED),
    ("post", "revoke", "End a token and its family (RFC 7009)", JSON, ASKED),
    ("post", "introspect", "Whether one's own token is alive (RFC 7662)", JSON, ASKED),
    (
        "get",
        "userinfo",
        "Who the person is (OpenID Connect Core §5.3), by a bearer token",
        JSON,
        ["401", "403"],
    ),
    ("post", "userinfo", "The same", JSON, ["401", "403"]),
]
RESOURCE = "What clients of this resource need to know (RFC 9728)"
RAW_ROUTES: list[tuple[str, str, str, str, list[str]]] = [
    ("get", "/active", "Whether this worker answers at all; looks at no dependency", "text/plain", []),
    ("get", "/api/schema", "This document", "application/vnd.oai.openapi+json", []),
    ("get", "/api/docs", "This document as a page", HTML, []),
    ("get", "/.well-known/oauth-authorization-server", METADATA, JSON, []),
    ("get", "/.well-known/oauth-authorization-server/oauth2", METADATA, JSON, []),
    ("get", "/.well-known/oauth-protected-resource", RESOURCE, JSON, []),
    *[(row[0], f"{base}/{row[1]}", row[2], row[3], row[4]) for base in ("/oauth2", "/api/oauth2") for row in OAUTH2_ROUTES],
]


def add_raw_routes(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """A postprocessing hook of drf-spectacular."""
    for method, path, summary, media_type, other in RAW_ROUTES:
        schema = {"type": "object"} if media_type.endswith("json") else {"type": "string"}
        answer = {"description": "Success.", "content": {media_type: {"schema": schema}}}
        operation = {
            "operationId": f"raw{path.replace('/', '_').replace('-', '_').replace('.', '_')}_{method}",
            "summary": summary,
            "description": "*Raw*: no envelope. Anyone may call this.",
            "tags": ["raw"],
            "responses": {"200": answer} | {status: {"description": "As the standard has it."} for status in other},
        }
        result["paths"].setdefault(path, {})[method] = operation
    return result

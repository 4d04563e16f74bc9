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
RAW_ROUTES: list[tuple[str, str, str]] = [
    ("/active", "Whether this worker answers at all; looks at no dependency", "text/plain"),
    ("/api/schema", "This document", "application/vnd.oai.openapi+json"),
    ("/api/docs", "This document as a page", "text/html"),
    ("/.well-known/oauth-authorization-server", METADATA, "application/json"),
    ("/.well-known/oauth-authorization-server/oauth2", METADATA, "application/json"),
    ("/oauth2/metadata", METADATA, "application/json"),
    ("/oauth2/.well-known/openid-configuration", METADATA, "application/json"),
    ("/api/oauth2/metadata", METADATA, "application/json"),
    ("/api/oauth2/.well-known/openid-configuration", METADATA, "application/json"),
]


def add_raw_routes(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """A postprocessing hook of drf-spectacular."""
    for path, summary, media_type in RAW_ROUTES:
        schema = {"type": "object"} if media_type.endswith("json") else {"type": "string"}
        operation = {
            "operationId": f"raw{path.replace('/', '_').replace('-', '_').replace('.', '_')}_get",
            "summary": summary,
            "description": "*Raw*: no envelope. Anyone may call this.",
            "tags": ["raw"],
            "responses": {"200": {"description": "Success.", "content": {media_type: {"schema": schema}}}},
        }
        result["paths"].setdefault(path, {})["get"] = operation
    return result

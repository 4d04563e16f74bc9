"""What we tell clients about ourselves: one document for RFC 8414 and OpenID Connect Discovery 1.0, and one for RFC 9728.

A member is here only when it works, or when leaving it out would stand for something that does not.
"""

import json
from functools import lru_cache

from django.conf import settings

Metadata = dict[str, str | bool | list[str]]
BY_SECRET = ["client_secret_basic", "client_secret_post"]


def authorization_server_metadata(issuer: str, origin: str) -> Metadata:
    """Members in the order in which they go out, so that the document is the same byte for byte on every worker."""
    at = f"{origin}/oauth2"
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{at}/authorize",
        "token_endpoint": f"{at}/token",
        "userinfo_endpoint": f"{at}/userinfo",
        "revocation_endpoint": f"{at}/revoke",
        "introspection_endpoint": f"{at}/introspect",
        "jwks_uri": f"{at}/jwks",
        "scopes_supported": list(settings.OAUTH2_PROVIDER["SCOPES"]),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
        "token_endpoint_auth_methods_supported": [*BY_SECRET, "none"],
        "revocation_endpoint_auth_methods_supported": [*BY_SECRET, "none"],
        "introspection_endpoint_auth_methods_supported": BY_SECRET,
        "code_challenge_methods_supported": ["S256"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "claims_supported": [
            *["sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "at_hash"],
            *["preferred_username", "role", "name", "picture", "avatar_url", "email", "email_verified"],
        ],
        "claims_parameter_supported": False,
        "request_parameter_supported": False,
        # Left out, this would mean that request objects by reference are accepted.
        "request_uri_parameter_supported": False,
        "authorization_response_iss_parameter_supported": True,
    }


def protected_resource_metadata(issuer: str, origin: str) -> Metadata:
    """RFC 9728 §2. The resource is the whole origin, so that its document has the well-known address without a path (§3.1)."""
    return {
        "resource": origin,
        "authorization_servers": [issuer],
        "scopes_supported": list(settings.OAUTH2_PROVIDER["SCOPES"]),
        "bearer_methods_supported": ["header"],
    }


@lru_cache(maxsize=4)
def metadata_body(issuer: str, origin: str) -> bytes:
    """The document as it goes out, UTF-8 JSON; the one place that serializes it, so that no address can differ."""
    return _body(authorization_server_metadata(issuer, origin))


@lru_cache(maxsize=4)
def resource_body(issuer: str, origin: str) -> bytes:
    return _body(protected_resource_metadata(issuer, origin))


def _body(document: Metadata) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()

"""What we tell clients about ourselves: one document for RFC 8414 and OpenID Connect Discovery 1.0, and one for RFC 9728.

A member is listed if what it announces works, or if leaving it out would announce something that does not work.
"""

from django.conf import settings

from sage_platform.oauth2 import id_tokens, scopes
from sage_platform.oauth2.registration import AUTH_METHODS, METHODS_WITH_SECRET

Metadata = dict[str, str | bool | list[str]]


def authorization_server() -> Metadata:
    """The members are sent in this order, so that the document is the same byte for byte on every worker."""
    at = f"{settings.SAGE_PUBLIC_URL}/oauth2"
    return {
        "issuer": settings.SAGE_OAUTH2_ISSUER,
        "authorization_endpoint": f"{at}/authorize",
        "token_endpoint": f"{at}/token",
        "userinfo_endpoint": f"{at}/userinfo",
        "revocation_endpoint": f"{at}/revoke",
        "introspection_endpoint": f"{at}/introspect",
        "jwks_uri": f"{at}/jwks",
        "scopes_supported": scopes.names(),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
        "token_endpoint_auth_methods_supported": list(AUTH_METHODS),
        "revocation_endpoint_auth_methods_supported": list(AUTH_METHODS),
        "introspection_endpoint_auth_methods_supported": METHODS_WITH_SECRET,
        "code_challenge_methods_supported": ["S256"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "claims_supported": list(dict.fromkeys([*id_tokens.CLAIMS, *scopes.claims_opened_by(scopes.names())])),
        "claims_parameter_supported": False,
        "request_parameter_supported": False,
        # Without this member clients would take it that we accept request objects by reference (Discovery §3).
        "request_uri_parameter_supported": False,
        "authorization_response_iss_parameter_supported": True,
    }


def protected_resource() -> Metadata:
    """RFC 9728 §2. The resource is our whole origin, so the document is at the well-known address without a path (§3.1)."""
    return {
        "resource": settings.SAGE_PUBLIC_URL,
        "authorization_servers": [settings.SAGE_OAUTH2_ISSUER],
        "scopes_supported": scopes.names(),
        "bearer_methods_supported": ["header"],
    }

"""What we tell clients about ourselves: one document for RFC 8414 and OpenID Connect Discovery 1.0.

A member is here only when it works. The empty lists stay in although RFC 8414 §3.2 leaves empty lists out: each is
either required (RFC 8414 §2, Discovery §3) or, when left out, stands for a default that does not work here.
"""

import json
from functools import lru_cache

Metadata = dict[str, str | bool | list[str]]


def authorization_server_metadata(issuer: str) -> Metadata:
    """Members in the order in which they go out, so that the document is the same byte for byte on every worker."""
    return {
        "issuer": issuer,
        "response_types_supported": [],
        # Left out, these two mean "authorization_code and implicit", and "request objects by reference are accepted".
        "grant_types_supported": [],
        "request_uri_parameter_supported": False,
        "subject_types_supported": [],
        "id_token_signing_alg_values_supported": [],
    }


@lru_cache(maxsize=4)
def metadata_body(issuer: str) -> bytes:
    """The document as it goes out, UTF-8 JSON; the one place that serializes it, so that no address can differ."""
    return json.dumps(authorization_server_metadata(issuer), ensure_ascii=False, separators=(",", ":")).encode()

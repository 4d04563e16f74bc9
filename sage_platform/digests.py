"""What is stored of a token. Those who look a token up, and those who issue it, must agree on this one function."""

import hashlib


def token_digest(token: str) -> str:
    """SHA-256 in hexadecimal. A token is 256 random bits, so that a slow hash or a salt would add nothing (RFC 6749 §10.10)."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()

"""Client secrets: made here, and compared.

A secret that was generated long cannot be guessed, so one SHA-256 with a salt is enough and costs a token call nothing. One that
an operator thought of can, so it is hashed as passwords are, within their slots.
"""

import hashlib
import hmac
import re
import secrets

from django.contrib.auth.hashers import check_password, identify_hasher, make_password

from sage_platform.oauth2.registration import SECRET_MAX_LENGTH

PREFIX = "sage_cs_"
MAX_LENGTH = SECRET_MAX_LENGTH
FAST = "sha256"
# Ours, or 256 bits in hexadecimal as tools print them; nothing that a person would think of.
GENERATED = re.compile(r"(?:sage_cs_[A-Za-z0-9_-]{43}|[0-9a-f]{64})\Z")
STORED_FAST = re.compile(rf"{FAST}\$[A-Za-z0-9_-]{{22}}\$[0-9a-f]{{64}}\Z")


def generate() -> str:
    return PREFIX + secrets.token_urlsafe(32)


def hashed(secret: str) -> str:
    """What is stored of a secret. None stays none: it never opens anything."""
    if not secret or len(secret) > MAX_LENGTH:
        return ""
    if not GENERATED.match(secret):
        return make_password(secret)
    salt = secrets.token_urlsafe(16)
    return f"{FAST}${salt}${_digest(salt, secret)}"


def is_hashed(stored: str) -> bool:
    if STORED_FAST.match(stored):
        return True
    try:
        identify_hasher(stored)
    except ValueError:
        return False
    return True


def is_slow(stored: str) -> bool:
    return not STORED_FAST.match(stored)


def matches(secret: str, stored: str) -> bool:
    """Raises TooManyRequests where an operator's secret has to wait too long for a hashing slot."""
    if not secret or len(secret) > MAX_LENGTH or not stored:
        return False
    if is_slow(stored):
        return check_password(secret, stored)
    _scheme, salt, digest = stored.split("$")
    return hmac.compare_digest(_digest(salt, secret), digest)


def _digest(salt: str, secret: str) -> str:
    return hashlib.sha256(f"{salt}${secret}".encode("utf-8", "surrogatepass")).hexdigest()

"""Client secrets: how they are made, stored and compared.

A long generated secret cannot be guessed, so it is stored as one SHA-256 with a salt, which takes next to no time at each call. A
secret that an operator thought of can be guessed, so it is hashed slowly, as passwords are, and waits for the same slots. But a
program shows it at each call: so each process hashes it once, and then knows it by a digest that nobody else can make.
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
# A secret that we made, or 256 bits in hexadecimal as tools print them. Nobody thinks of such a text.
GENERATED = re.compile(r"(?:sage_cs_[A-Za-z0-9_-]{43}|[0-9a-f]{64})\Z")
# Of this process alone: a digest of the secret that was right for a stored hash. A new secret is stored as another hash.
MOST_KNOWN = 1000
_key = secrets.token_bytes(32)
_known: dict[str, bytes] = {}
STORED_FAST = re.compile(rf"{FAST}\$[A-Za-z0-9_-]{{22}}\$[0-9a-f]{{64}}\Z")


def generate() -> str:
    return PREFIX + secrets.token_urlsafe(32)


def hashed(secret: str) -> str:
    """What is stored of a secret. Of an empty or overlong one that is the empty text, which no secret matches."""
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
    """Raises TooManyRequests when a slow hash has to wait too long for its slot."""
    if not secret or len(secret) > MAX_LENGTH or not stored:
        return False
    if is_slow(stored):
        return _matches_slowly(secret, stored)
    _scheme, salt, digest = stored.split("$")
    return hmac.compare_digest(_digest(salt, secret), digest)


def is_known(stored: str) -> bool:
    """Whether this process has hashed the right secret of this slow hash before, so that `matches` takes no time."""
    return stored in _known


def _matches_slowly(secret: str, stored: str) -> bool:
    known, digest = _known.get(stored), _own_digest(secret)
    if known is not None:
        return hmac.compare_digest(known, digest)
    if not check_password(secret, stored):
        return False
    if len(_known) >= MOST_KNOWN:
        _known.clear()
    _known[stored] = digest
    return True


def _own_digest(secret: str) -> bytes:
    return hashlib.blake2b(secret.encode("utf-8", "surrogatepass"), key=_key).digest()


def _digest(salt: str, secret: str) -> str:
    return hashlib.sha256(f"{salt}${secret}".encode("utf-8", "surrogatepass")).hexdigest()

"""What we state to a client about a sign-in (OpenID Connect Core §2)."""

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Collection
from datetime import datetime

from django.conf import settings

from sage_platform.oauth2 import keys, scopes, tokens
from sage_platform.oauth2.claims import claims_of
from sage_platform.oauth2.models import Grant, RefreshToken

# In the order in which the metadata lists them. `auth_time` and `nonce` are there only where we know them.
CLAIMS = ("sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "at_hash")


def id_token(spent: Grant | RefreshToken, access_token: str, granted: Collection[str], now: datetime) -> str:
    """A signed id_token, issued beside an access token with the granted scopes, for the code or the refresh token that was spent.

    It has the claims of `profile` and `email` too, since many clients never ask userinfo (§2 allows other claims than its own).
    After a refresh it has no nonce, and still the time of the first sign-in (§12.2).
    """
    issued_at = int(now.timestamp())
    claims: dict[str, str | int] = {
        **claims_of(spent.user, [scope for scope in granted if scope != scopes.OPENID]),
        "iss": settings.SAGE_OAUTH2_ISSUER,
        "sub": str(spent.user_id),
        "aud": spent.application.client_id,
        "exp": issued_at + int(tokens.ID_TOKEN_LIFE.total_seconds()),
        "iat": issued_at,
    }
    if spent.auth_time is not None:
        claims["auth_time"] = int(spent.auth_time.timestamp())
    if isinstance(spent, Grant) and spent.nonce:
        claims["nonce"] = spent.nonce
    # §3.1.3.6: the left half of the access token's hash, so that the client can tell that the two were issued together.
    half = hashlib.sha256(access_token.encode()).digest()[:16]
    claims["at_hash"] = urlsafe_b64encode(half).decode().rstrip("=")
    return keys.sign(claims)

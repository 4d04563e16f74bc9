"""What the grants ask of us: which client, which redirect address, which scopes, which code, which refresh token."""

import hashlib
import re
import time
from base64 import urlsafe_b64encode
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from oauth2_provider.oauth2_validators import OAuth2Validator
from oauthlib.oauth2.rfc6749 import errors

from sage_platform.oauth2 import keys, scopes, tokens
from sage_platform.oauth2.models import Application, Grant, GrantType, RefreshToken
from sage_platform.oauth2.redirects import is_registered
from sage_platform.oauth2.tokens import Approval

# RFC 7636 §4.1.
VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}\Z")


class Validator(OAuth2Validator):  # type: ignore[misc]  # The toolkit has no types.
    """The toolkit's, with every step that touches a client, a code or a token replaced.

    `request` is the library's; ours hang on it: `caller`, the client that has authenticated, and `grant` or
    `refresh_row`, what it presents.
    """

    # -- The client ---------------------------------------------------------------------------------------------------

    def client_authentication_required(self, request: Any, *args: Any, **kwargs: Any) -> bool:
        return True

    def authenticate_client(self, request: Any, *args: Any, **kwargs: Any) -> bool:
        """The view has asked before (`client_authentication`), also of clients that have no secret."""
        request.client = request.caller
        request.client_id = request.client.client_id
        return True

    def validate_client_id(self, client_id: str, request: Any, *args: Any, **kwargs: Any) -> bool:
        request.client = Application.objects.filter(client_id=client_id, enabled=True).first()
        return request.client is not None

    def validate_grant_type(self, client_id: str, grant_type: str, client: Any, request: Any, *args: Any, **kwargs: Any) -> bool:
        if grant_type == GrantType.CLIENT_CREDENTIALS and client.is_public:
            return False
        return bool(grant_type in client.grant_types)

    # -- The authorization request ------------------------------------------------------------------------------------

    def validate_response_type(
        self, client_id: str, response_type: str, client: Any, request: Any, *args: Any, **kwargs: Any
    ) -> bool:
        return response_type == "code" and GrantType.AUTHORIZATION_CODE in client.grant_types

    def get_default_redirect_uri(self, client_id: str, request: Any, *args: Any, **kwargs: Any) -> str | None:
        """RFC 6749 §3.1.2.3: a request may leave it out where one is registered."""
        registered = request.client.redirect_uris.split()
        return registered[0] if len(registered) == 1 else None

    def validate_redirect_uri(self, client_id: str, redirect_uri: str, request: Any, *args: Any, **kwargs: Any) -> bool:
        return is_registered(redirect_uri, request.client.redirect_uris.split())

    def is_pkce_required(self, client_id: str, request: Any) -> bool:
        return bool(request.client.is_public)

    def get_default_scopes(self, client_id: str, request: Any, *args: Any, **kwargs: Any) -> list[str]:
        """RFC 6749 §3.3: a default, or failure. A client's own token has what is not a person's; a person is always asked."""
        if request.grant_type != GrantType.CLIENT_CREDENTIALS:
            return []
        return scopes.without_personal(request.client.scopes)

    def validate_scopes(self, client_id: str, asked: list[str], client: Any, request: Any, *args: Any, **kwargs: Any) -> bool:
        known = scopes.names()
        if request.grant_type == GrantType.CLIENT_CREDENTIALS:
            known = scopes.without_personal(known)
        request.scopes = list(dict.fromkeys(asked))
        return bool(asked) and set(asked) <= set(known) & set(client.scopes)

    # -- The code -----------------------------------------------------------------------------------------------------

    def validate_code(self, client_id: str, code: str, client: Any, request: Any, *args: Any, **kwargs: Any) -> bool:
        """RFC 6749 §4.1.3: issued to this client, for this redirect address, and never used (§4.1.2)."""
        grant = Grant.objects.select_related("user", "application").filter(code=code, application=client).first()
        if grant is None:
            return False
        if grant.used_at is not None:
            tokens.end_family(grant.token_family)
            return False
        if not tokens.is_alive(grant) or not _same_redirect(grant, request.redirect_uri):
            return False
        if request.code_verifier and not grant.code_challenge:
            # RFC 9700 §4.8.2: somebody has taken the challenge out of the authorization request.
            return False
        if request.code_verifier and not VERIFIER.match(request.code_verifier):
            return False
        request.grant, request.user = grant, grant.user
        request.scopes = _still_allowed(grant)
        # It is confirmed; what the library would ask now is a default's.
        request.redirect_uri = request.redirect_uri or "confirmed"
        return bool(request.scopes)

    def confirm_redirect_uri(self, *args: Any, **kwargs: Any) -> bool:
        return True

    def get_code_challenge(self, code: str, request: Any) -> str | None:
        return request.grant.code_challenge or None

    def get_code_challenge_method(self, code: str, request: Any) -> str | None:
        return request.grant.code_challenge_method or None

    def invalidate_authorization_code(self, client_id: str, code: str, request: Any, *args: Any, **kwargs: Any) -> None:
        """Spent already, in the transaction that issued the tokens."""

    # -- The refresh token --------------------------------------------------------------------------------------------

    def validate_refresh_token(self, refresh_token: str, client: Any, request: Any, *args: Any, **kwargs: Any) -> bool:
        """RFC 9700 §4.14.2: one that was used before ends its family, since somebody else may hold either."""
        row = tokens.find_any(refresh_token, client) if refresh_token.startswith(tokens.REFRESH_PREFIX) else None
        if not isinstance(row, RefreshToken):
            return False
        if row.revoked is not None:
            tokens.end_family(row.token_family)
            return False
        request.refresh_row, request.user = row, row.user
        return tokens.is_alive(row) and bool(_still_allowed(row))

    def get_original_scopes(self, refresh_token: str, request: Any, *args: Any, **kwargs: Any) -> list[str]:
        """What the person granted, also after a narrowed refresh."""
        return _still_allowed(request.refresh_row)

    def rotate_refresh_token(self, request: Any) -> bool:
        return True

    # -- Issuing ------------------------------------------------------------------------------------------------------

    def save_bearer_token(self, token: dict[str, Any], request: Any, *args: Any, **kwargs: Any) -> None:
        """Spend what was presented and store what is given for it, in one transaction.

        Who comes second, at the same moment too, has used it twice: that ends what the first was given, and is invalid_grant.
        """
        spent = getattr(request, "grant", None) or getattr(request, "refresh_row", None)
        if spent is None:
            tokens.save_access_token(token["access_token"], Approval(request.client), scope=token["scope"])
            return
        with transaction.atomic():
            claimed = tokens.claim(spent)
            if claimed:
                _save(token, spent)
        if not claimed:
            tokens.end_family(spent.token_family)
            raise errors.InvalidGrantError

    def id_token(self, token: dict[str, Any], request: Any) -> str:
        """OpenID Connect Core §2 and §3.1.3.6. After a refresh without nonce, and with the time of the first sign-in (§12.2)."""
        spent: Any = getattr(request, "grant", None) or request.refresh_row
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": settings.SAGE_OAUTH2_ISSUER,
            "sub": str(spent.user_id),
            "aud": request.client.client_id,
            "exp": now + int(tokens.ID_TOKEN_LIFE.total_seconds()),
            "iat": now,
        }
        if spent.auth_time is not None:
            claims["auth_time"] = int(spent.auth_time.timestamp())
        if isinstance(spent, Grant) and spent.nonce:
            claims["nonce"] = spent.nonce
        half = hashlib.sha256(token["access_token"].encode()).digest()[:16]
        claims["at_hash"] = urlsafe_b64encode(half).decode().rstrip("=")
        return keys.sign(claims)


def _still_allowed(row: Grant | RefreshToken) -> list[str]:
    """What the person granted, but for what the client may no longer ask for."""
    return [scope for scope in row.scope.split() if scope in row.application.scopes]


def _same_redirect(grant: Grant, presented: str | None) -> bool:
    """RFC 6749 §4.1.3: identical where the authorization request named one; else it may be left out here too."""
    if grant.redirect_uri:
        return bool(presented == grant.redirect_uri)
    return presented is None or [presented] == grant.application.redirect_uris.split()


def _save(token: dict[str, Any], spent: Grant | RefreshToken) -> None:
    approval = Approval(
        spent.application, spent.user, spent.credentials_version, token_family=spent.token_family, auth_time=spent.auth_time
    )
    tokens.save_access_token(token["access_token"], approval, scope=token["scope"])
    if "refresh_token" in token:
        tokens.save_refresh_token(token["refresh_token"], approval, scope=spent.scope)


def save_code(request: Any, *, user: Any, auth_time: Any) -> str:
    """Issue a code for an authorization request that has been validated and approved."""
    code = tokens.new(tokens.CODE_PREFIX)
    Grant.objects.create(
        application=request.client,
        user=user,
        credentials_version=user.credentials_version,
        code=code,
        expires=timezone.now() + tokens.CODE_LIFE,
        # Empty where the request left it out, so that the token request may as well.
        redirect_uri="" if request.using_default_redirect_uri else request.redirect_uri,
        scope=" ".join(request.scopes),
        code_challenge=request.code_challenge or "",
        code_challenge_method=request.code_challenge_method or "",
        nonce=request.nonce or "",
        auth_time=auth_time,
    )
    return code

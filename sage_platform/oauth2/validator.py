"""The questions that the library's grants ask: is this client, redirect address, scope, code or refresh token right?"""

import re

from django.db import transaction
from django.utils import timezone
from oauthlib.oauth2 import RequestValidator
from oauthlib.oauth2.rfc6749 import errors

from sage_platform.oauth2 import scopes, tokens
from sage_platform.oauth2.models import Application, Grant, GrantType, RefreshToken
from sage_platform.oauth2.redirects import is_registered
from sage_platform.oauth2.requests import OAuth2Request
from sage_platform.oauth2.tokens import Approval, Issued

# RFC 7636 §4.1: how long a verifier is, and of which characters.
VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}\Z")


class Validator(RequestValidator):
    """Answers each question that our grants ask. The library's base class raises NotImplementedError for the others.

    Every answer is ours, also where it is the base class's own, so that another version of the library changes none of them.
    """

    # -- The client ---------------------------------------------------------------------------------------------------

    def client_authentication_required(self, request: OAuth2Request, *args: object, **kwargs: object) -> bool:
        """Always: `authenticate_client` then takes public clients too, which show who they are without a secret."""
        return True

    def authenticate_client(self, request: OAuth2Request, *args: object, **kwargs: object) -> bool:
        """The view has authenticated the client already (`client_authentication`), so its finding is passed on."""
        if request.caller is None:
            return False
        request.client = request.caller
        request.client_id = request.caller.client_id
        return True

    def validate_client_id(self, client_id: str, request: OAuth2Request, *args: object, **kwargs: object) -> bool:
        found = Application.objects.filter(client_id=client_id, enabled=True).first()
        request.client = found
        return found is not None

    def validate_grant_type(
        self, client_id: str, grant_type: str, client: Application, request: OAuth2Request, *args: object, **kwargs: object
    ) -> bool:
        if grant_type == GrantType.CLIENT_CREDENTIALS and client.is_public:
            return False
        return grant_type in client.grant_types

    def is_origin_allowed(self, client_id: str, origin: str, request: OAuth2Request, *args: object, **kwargs: object) -> bool:
        """The library adds no headers for other origins' scripts, because `views.endpoint` does."""
        return False

    # -- The authorization request ------------------------------------------------------------------------------------

    def validate_response_type(
        self, client_id: str, response_type: str, client: Application, request: OAuth2Request, *args: object, **kwargs: object
    ) -> bool:
        return response_type == "code" and GrantType.AUTHORIZATION_CODE in client.grant_types

    def get_default_redirect_uri(self, client_id: str, request: OAuth2Request, *args: object, **kwargs: object) -> str | None:
        """RFC 6749 §3.1.2.3: the address may be left out of the request when exactly one is registered."""
        registered = request.client.redirect_uris.split()
        return registered[0] if len(registered) == 1 else None

    def validate_redirect_uri(
        self, client_id: str, redirect_uri: str, request: OAuth2Request, *args: object, **kwargs: object
    ) -> bool:
        return is_registered(redirect_uri, request.client.redirect_uris.split())

    def is_pkce_required(self, client_id: str, request: OAuth2Request) -> bool:
        return request.client.is_public

    def get_default_scopes(self, client_id: str, request: OAuth2Request, *args: object, **kwargs: object) -> list[str]:
        """RFC 6749 §3.3: a request without scopes gets a default or fails.

        A program that asks for itself gets all that it may have. Where a person has to consent there is no default, and the
        request fails, because the person is to be asked for what the client needs and not for all that it could ask for.
        """
        if request.grant_type != GrantType.CLIENT_CREDENTIALS:
            return []
        return scopes.without_personal(request.client.scopes)

    def validate_scopes(
        self, client_id: str, asked: list[str], client: Application, request: OAuth2Request, *args: object, **kwargs: object
    ) -> bool:
        known = scopes.names()
        if request.grant_type == GrantType.CLIENT_CREDENTIALS:
            known = scopes.without_personal(known)
        else:
            # OpenID Connect Core §3.1.2.1: an unknown scope, such as `offline_access`, is left out, and the tokens' answer
            # says what is left. A scope that we know and the client may not ask for is refused: its registration is wrong.
            asked = [name for name in asked if name in known]
        request.scopes = list(dict.fromkeys(asked))
        return bool(asked) and set(asked) <= set(known) & set(client.scopes)

    # -- The code -----------------------------------------------------------------------------------------------------

    def validate_code(
        self, client_id: str, code: str, client: Application, request: OAuth2Request, *args: object, **kwargs: object
    ) -> bool:
        """RFC 6749 §4.1.3: issued to this client, for this redirect address, and never used (§4.1.2)."""
        grant = Grant.objects.select_related("user", "application").filter(code=code, application=client).first()
        if grant is None:
            return False
        if grant.used_at is not None:
            tokens.end_family(grant.token_family)
            return False
        if not tokens.is_alive(grant, timezone.now()) or not _same_redirect(grant, request.redirect_uri):
            return False
        if request.code_verifier and not grant.code_challenge:
            # RFC 9700 §4.8.2: somebody has taken the challenge out of the authorization request.
            return False
        if request.code_verifier and not VERIFIER.match(request.code_verifier):
            return False
        request.spent, request.user = grant, grant.user
        request.scopes = tokens.scopes_left(grant)
        # Where no address was sent, the library would now ask for the client's only one, and refuse a client that has several.
        # The address has been compared above, so any text in its place keeps the library from asking.
        request.redirect_uri = request.redirect_uri or "compared"
        return True

    def confirm_redirect_uri(self, *args: object, **kwargs: object) -> bool:
        """Always: `validate_code` compares it, where a difference is an invalid_grant. Here it would be an invalid_request."""
        return True

    def get_code_challenge(self, code: str, request: OAuth2Request) -> str | None:
        return _code_in(request).code_challenge or None

    def get_code_challenge_method(self, code: str, request: OAuth2Request) -> str | None:
        return _code_in(request).code_challenge_method or None

    def invalidate_authorization_code(
        self, client_id: str, code: str, request: OAuth2Request, *args: object, **kwargs: object
    ) -> None:
        """Nothing is left to do: `save_token` has spent the code in the transaction that stored the tokens."""

    # -- The refresh token --------------------------------------------------------------------------------------------

    def validate_refresh_token(
        self, refresh_token: str, client: Application, request: OAuth2Request, *args: object, **kwargs: object
    ) -> bool:
        """RFC 9700 §4.14.2: one that was used before ends its family, since either of the two who used it may be a thief."""
        row = tokens.find_any(refresh_token, client) if refresh_token.startswith(tokens.REFRESH_PREFIX) else None
        if not isinstance(row, RefreshToken):
            return False
        if row.revoked is not None:
            tokens.end_family(row.token_family)
            return False
        request.spent, request.user = row, row.user
        return tokens.is_alive(row, timezone.now())

    def get_original_scopes(self, refresh_token: str, request: OAuth2Request, *args: object, **kwargs: object) -> list[str]:
        """What the person granted, however little of it the last refresh asked for."""
        return tokens.scopes_left(request.spent) if request.spent is not None else []

    def is_within_original_scope(
        self, asked: list[str], refresh_token: str, request: OAuth2Request, *args: object, **kwargs: object
    ) -> bool:
        """The library asks it where a scope is not among the original ones: a refresh must not widen them (RFC 6749 §6).

        A scope that we do not know is left out here too, since many clients repeat what they asked for at `authorize`.
        """
        known = scopes.names()
        request.scopes = [name for name in dict.fromkeys(asked) if name in known]
        return bool(request.scopes) and set(request.scopes) <= set(self.get_original_scopes(refresh_token, request))

    def rotate_refresh_token(self, request: OAuth2Request) -> bool:
        """Always: each refresh token is used once, so that a second use shows that it was stolen (RFC 9700 §4.14.2)."""
        return True

    # -- Issuing ------------------------------------------------------------------------------------------------------

    def save_token(self, token: Issued, request: OAuth2Request, *args: object, **kwargs: object) -> None:
        """Spend what was presented and store what is given for it, in one transaction.

        Of two requests with the same code or refresh token, also at the same moment, the second has used it twice. So what the
        first was given ends too, and the second is refused with invalid_grant.
        """
        spent = request.spent
        if spent is None:
            tokens.save_access_token(token["access_token"], Approval(request.client), scope=token["scope"])
            return
        with transaction.atomic():
            claimed = tokens.claim(spent)
            if claimed:
                tokens.save_issued(token, spent)
        if not claimed:
            tokens.end_family(spent.token_family)
            raise errors.InvalidGrantError


def _code_in(request: OAuth2Request) -> Grant:
    """Raises TypeError when `validate_code` has not run before: None would mean that the code has no challenge to meet."""
    if not isinstance(request.spent, Grant):
        raise TypeError("The code has not been validated.")
    return request.spent


def _same_redirect(grant: Grant, presented: str | None) -> bool:
    """RFC 6749 §4.1.3: the address has to be that of the authorization request. If that named none, it may be left out here."""
    if grant.redirect_uri:
        return bool(presented == grant.redirect_uri)
    return presented is None or presented == grant.return_address

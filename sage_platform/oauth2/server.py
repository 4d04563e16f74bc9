"""The library's two endpoints, with the three grants that we have and no other."""

from collections.abc import Mapping
from functools import cache

from django.utils import timezone
from oauthlib.oauth2.rfc6749.endpoints import AuthorizationEndpoint, TokenEndpoint
from oauthlib.oauth2.rfc6749.grant_types import AuthorizationCodeGrant, ClientCredentialsGrant, RefreshTokenGrant
from oauthlib.oauth2.rfc6749.tokens import BearerToken

from sage_platform.oauth2 import scopes, tokens
from sage_platform.oauth2.id_tokens import id_token
from sage_platform.oauth2.models import Application, GrantType
from sage_platform.oauth2.requests import OAuth2Request
from sage_platform.oauth2.tokens import Issued
from sage_platform.oauth2.validator import Validator


class Tokens(BearerToken):
    def create_token(self, request: OAuth2Request, refresh_token: bool = False, **kwargs: object) -> Issued:
        """Without a refresh token for a client that is not registered to use one."""
        wanted = refresh_token and GrantType.REFRESH_TOKEN in request.client.grant_types
        made: Issued = super().create_token(request, wanted, **kwargs)
        return made


class Server(AuthorizationEndpoint, TokenEndpoint):
    def __init__(self) -> None:
        validator = Validator()
        code, refresh = AuthorizationCodeGrant(validator), RefreshTokenGrant(validator)
        for grant in (code, refresh):
            grant.register_token_modifier(add_id_token)
        bearer = Tokens(
            validator,
            token_generator=lambda _request: tokens.new(tokens.ACCESS_PREFIX),
            refresh_token_generator=lambda _request: tokens.new(tokens.REFRESH_PREFIX),
            expires_in=int(tokens.ACCESS_LIFE.total_seconds()),
        )
        grants = {
            GrantType.AUTHORIZATION_CODE.value: code,
            GrantType.REFRESH_TOKEN.value: refresh,
            GrantType.CLIENT_CREDENTIALS.value: ClientCredentialsGrant(validator),
        }
        AuthorizationEndpoint.__init__(
            self, default_response_type="code", response_types={"code": code}, default_token_type=bearer
        )
        TokenEndpoint.__init__(self, default_grant_type="authorization_code", grant_types=grants, default_token_type=bearer)
        self.code_grant, self.bearer = code, bearer

    def validate(self, request: OAuth2Request) -> None:
        """An authorization request (RFC 6749 §4.1.1). Raises FatalClientError until the redirect address is proven."""
        self.code_grant.validate_authorization_request(request)

    def answer(self, params: Mapping[str, str], caller: Application) -> tuple[str, int]:
        """(JSON, status) for a token request (RFC 6749 §5) by a client that has authenticated."""
        request = OAuth2Request(params, caller)
        handler = self.grant_types.get(request.grant_type, self.default_grant_type_handler)
        _headers, body, status = handler.create_token_response(request, self.bearer)
        return body, status


def add_id_token(token: Issued, _handler: Tokens, request: OAuth2Request) -> Issued:
    if scopes.OPENID in request.scopes and request.spent is not None:
        token["id_token"] = id_token(request.spent, token["access_token"], request.scopes, timezone.now())
    return token


@cache
def server() -> Server:
    """One for the whole process, since it keeps nothing of a request."""
    return Server()

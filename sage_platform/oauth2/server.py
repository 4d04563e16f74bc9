"""The library's endpoints, with the grants that we have and none else."""

from functools import cache
from typing import Any

from oauthlib.common import Request
from oauthlib.oauth2.rfc6749.endpoints import AuthorizationEndpoint, TokenEndpoint
from oauthlib.oauth2.rfc6749.grant_types import AuthorizationCodeGrant, ClientCredentialsGrant, RefreshTokenGrant
from oauthlib.oauth2.rfc6749.tokens import BearerToken

from sage_platform.oauth2 import scopes, tokens
from sage_platform.oauth2.models import Application, GrantType
from sage_platform.oauth2.validator import Validator


class Tokens(BearerToken):  # type: ignore[misc]  # The library has no types.
    def create_token(self, request: Any, refresh_token: bool = False, **kwargs: Any) -> Any:
        """A refresh token only for clients that are registered to use one."""
        return super().create_token(request, refresh_token and GrantType.REFRESH_TOKEN in request.client.grant_types, **kwargs)


class Server(AuthorizationEndpoint, TokenEndpoint):  # type: ignore[misc]  # The library has no types.
    def __init__(self) -> None:
        self.validator = Validator()
        code, refresh = AuthorizationCodeGrant(self.validator), RefreshTokenGrant(self.validator)
        for grant in (code, refresh):
            grant.register_token_modifier(self._add_id_token)
        bearer = Tokens(
            self.validator,
            token_generator=lambda _request: tokens.new(tokens.ACCESS_PREFIX),
            refresh_token_generator=lambda _request: tokens.new(tokens.REFRESH_PREFIX),
            expires_in=int(tokens.ACCESS_LIFE.total_seconds()),
        )
        grants = {
            GrantType.AUTHORIZATION_CODE.value: code,
            GrantType.REFRESH_TOKEN.value: refresh,
            GrantType.CLIENT_CREDENTIALS.value: ClientCredentialsGrant(self.validator),
        }
        AuthorizationEndpoint.__init__(
            self, default_response_type="code", response_types={"code": code}, default_token_type=bearer
        )
        TokenEndpoint.__init__(self, default_grant_type="authorization_code", grant_types=grants, default_token_type=bearer)
        self.code_grant, self.bearer = code, bearer

    def _add_id_token(self, token: dict[str, Any], _handler: Any, request: Any) -> dict[str, Any]:
        if scopes.OPENID in request.scopes:
            token["id_token"] = self.validator.id_token(token, request)
        return token

    def request(self, params: dict[str, str]) -> Any:
        """The library's own request, of our known parameters alone."""
        request = Request("", http_method="POST", body=list(params.items()))
        request.scopes = []
        return request

    def validate(self, request: Any) -> None:
        """An authorization request (RFC 6749 §4.1.1). Raises FatalClientError until the redirect address is proven."""
        self.code_grant.validate_authorization_request(request)

    def answer(self, params: dict[str, str], caller: Application) -> tuple[str, int]:
        """(JSON, status) for a token request (RFC 6749 §5) by a client that has authenticated."""
        request = self.request(params)
        request.caller = caller
        handler = self.grant_types.get(request.grant_type, self.default_grant_type_handler)
        _headers, body, status = handler.create_token_response(request, self.bearer)
        return body, status


@cache
def server() -> Server:
    """It holds nothing of a request, so that one serves the whole process."""
    return Server()

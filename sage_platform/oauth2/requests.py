"""What is asked at the authorization and token endpoints, as the library passes it from step to step."""

from collections.abc import Mapping

from oauthlib.common import Request

from sage_platform.accounts.models import User
from sage_platform.oauth2.models import Application, Grant, RefreshToken


class OAuth2Request(Request):
    """The library's request, made of our known parameters alone.

    The library has no types, so what we read of it is declared here. A parameter that was not sent is None. `client` and `user`
    are set by the validator's steps before anything reads them.
    """

    client: Application
    client_id: str
    user: User
    grant_type: str | None
    redirect_uri: str | None
    using_default_redirect_uri: bool
    code_challenge: str | None
    code_challenge_method: str | None
    code_verifier: str | None
    nonce: str | None
    # Who has authenticated at the token endpoint; an authorization request comes from a browser, which does not.
    caller: Application | None = None
    # The code or the refresh token that tokens are issued for; a program that asks for itself presents neither.
    spent: Grant | RefreshToken | None = None

    def __init__(self, params: Mapping[str, str], caller: Application | None = None) -> None:
        # Some clients send more than one space between two scopes (RFC 6749 §3.3 has one). The library would see an empty scope.
        scope = " ".join(name for name in params.get("scope", "").split(" ") if name)
        others = {name: value for name, value in params.items() if name != "scope"}
        super().__init__("", http_method="POST", body=list((others | ({"scope": scope} if scope else {})).items()))
        self.scopes: list[str] = []
        self.caller = caller

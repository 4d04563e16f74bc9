"""Programs that report usage, and products that report for who signed in to them."""

import uuid

from sage_platform.accounts.models import User
from sage_platform.oauth2 import tokens
from sage_platform.oauth2.models import Application
from sage_platform.oauth2.tokens import Approval
from tests.oauth2_clients import Program, make_client
from tests.people import Caller

SCOPE = "usage:write"


def program(name: str = "robot", scope: str = SCOPE) -> Caller:
    """With a token that it asked for itself."""
    make_client(name, grant_types=["client_credentials"], scope=scope, redirect_uris="")
    answer = Program(name).post("/oauth2/token", {"grant_type": "client_credentials"}).json()
    assert answer["scope"] == scope
    return Caller(headers={"Authorization": f"Bearer {answer['access_token']}"})


def product_of(user: User, name: str = "lage", scope: str = f"openid {SCOPE}") -> Caller:
    """With a token of somebody who signed in to it, and granted it the scope."""
    client = Application.objects.filter(client_id=name).first() or make_client(name, scope=f"openid {SCOPE}")
    approval = Approval(client, user, user.credentials_version, token_family=uuid.uuid4())
    token = tokens.new(tokens.ACCESS_PREFIX)
    tokens.save_access_token(token, approval, scope=scope)
    return Caller(headers={"Authorization": f"Bearer {token}"})

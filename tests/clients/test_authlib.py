"""Authlib, as a Django product uses it: discovery, PKCE, the id_token by JWKS, refresh, introspection, revocation."""

import re
from typing import Any

import pytest
import requests
from authlib.integrations.base_client.errors import MismatchingStateError, OAuthError
from authlib.integrations.django_client import OAuth
from authlib.integrations.requests_client import OAuth2Session
from django.test import RequestFactory
from joserfc.errors import JoseError

from tests.clients.conftest import CALLBACK, SCOPE, Walk, changed
from tests.clients.programs import SECRET
from tests.e2e.served import Platform

pytestmark = [pytest.mark.served, pytest.mark.xdist_group("clients")]

METHODS = {"basic": "client_secret_basic", "post": "client_secret_post", "none": "none"}


class Product:
    """Another product's two views: one sends the person to us, the other takes them back."""

    def __init__(self, issuer: str, client_id: str = "basic", method: str = "") -> None:
        method = method or METHODS[client_id]
        options = {"scope": SCOPE, "code_challenge_method": "S256", "token_endpoint_auth_method": method}
        self.client: Any = OAuth().register(
            "sage",
            client_id=client_id,
            client_secret=None if client_id == "none" else SECRET,
            server_metadata_url=f"{issuer}/.well-known/openid-configuration",
            client_kwargs=options,
        )
        self.session: dict[str, Any] = {}

    def request(self, address: str) -> Any:
        request: Any = RequestFactory().get(address)
        request.session = self.session
        return request

    def login(self, **options: str) -> str:
        sent_to: str = self.client.authorize_redirect(self.request("/login"), CALLBACK, **options)["Location"]
        return sent_to

    def callback(self, address: str) -> dict[str, Any]:
        token: dict[str, Any] = self.client.authorize_access_token(self.request(address))
        return token


def program(issuer: str, client_id: str = "basic", **options: Any) -> Any:
    secret = None if client_id == "none" else SECRET
    method = METHODS.get(client_id, "client_secret_basic")
    methods = {"token_endpoint_auth_method": method, "revocation_endpoint_auth_method": method}
    return OAuth2Session(client_id, secret, token_endpoint=f"{issuer}/token", **methods, **options)


@pytest.mark.parametrize("client_id", METHODS)
def test_signing_in(client_id: str, issuer: str, walk: Walk) -> None:
    product = Product(issuer, client_id)
    token = product.callback(walk(product.login()))
    assert {name: token[name] for name in ("token_type", "expires_in", "scope")} == {
        "token_type": "Bearer", "expires_in": 3600, "scope": SCOPE,
    }  # fmt: skip
    # What the library read from the id_token, after its signature, issuer, audience, nonce, at_hash and times.
    claims = token["userinfo"]
    assert (claims["iss"], claims["aud"], claims["sub"]) == (issuer, client_id, product.client.userinfo(token=token)["sub"])
    assert product.client.userinfo(token=token) == {
        "sub": claims["sub"], "iss": issuer, "preferred_username": "alice", "name": "alice", "role": "user",
        "email": "alice@sage.example", "email_verified": False,
    }  # fmt: skip


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_a_client_whose_method_nobody_chose(method: str, issuer: str, walk: Walk) -> None:
    """The library's default is one of the two, and that of others is the other."""
    product = Product(issuer, "default", method)
    claims = product.callback(walk(product.login()))["userinfo"]
    # Some clients read the id_token alone.
    assert (claims["aud"], claims["name"], claims["email"]) == ("default", "alice", "alice@sage.example")


def test_the_refusal_names_the_chosen_method(issuer: str, walk: Walk) -> None:
    product = Product(issuer, "basic", "client_secret_post")
    back = walk(product.login())
    with pytest.raises(OAuthError, match="registered for the authentication method client_secret_basic"):
        product.callback(back)


def test_offline_access_is_passed_over(issuer: str, walk: Walk) -> None:
    product = Product(issuer)
    assert product.callback(walk(product.login(scope=f"{SCOPE} offline_access")))["scope"] == SCOPE


def test_a_state_of_another_person_is_refused(issuer: str, walk: Walk) -> None:
    product = Product(issuer)
    with pytest.raises(MismatchingStateError):
        product.callback(changed(walk(product.login()), state="another"))


def test_a_nonce_of_another_sign_in_is_refused(issuer: str, walk: Walk) -> None:
    product = Product(issuer)
    back = walk(product.login())
    for state in product.session.values():
        state["data"]["nonce"] = "another"
    with pytest.raises((JoseError, OAuthError), match="nonce"):
        product.callback(back)


def test_another_issuer_is_refused(issuer: str, walk: Walk) -> None:
    product = Product(issuer)
    back = walk(product.login())
    product.client.server_metadata["issuer"] = "https://elsewhere.example/oauth2"
    with pytest.raises((JoseError, OAuthError), match="iss"):
        product.callback(back)


def test_nobody_asks_twice(issuer: str, walk: Walk) -> None:
    """prompt=none gets a code where the person has allowed it before."""
    product = Product(issuer)
    product.callback(walk(product.login()))
    again = product.callback(walk(product.login(prompt="none")))
    assert again["userinfo"]["iss"] == issuer


def test_a_code_is_good_once(issuer: str, walk: Walk, site: Platform) -> None:
    product = Product(issuer)
    back = walk(product.login())
    session = {name: dict(state) for name, state in product.session.items()}
    token = product.callback(back)
    product.session = session
    with pytest.raises(OAuthError, match="invalid_grant"):
        product.callback(back)
    assert program(issuer).introspect_token(f"{issuer}/introspect", token=token["access_token"]).json() == {"active": False}


@pytest.mark.parametrize("client_id", METHODS)
def test_refresh_and_revocation(client_id: str, issuer: str, walk: Walk) -> None:
    product = Product(issuer, client_id)
    first = product.callback(walk(product.login()))
    session = program(issuer, client_id, token=dict(first))
    second = session.refresh_token(f"{issuer}/token", first["refresh_token"])
    assert second["scope"] == SCOPE
    assert re.fullmatch("sage_oat_[A-Za-z0-9_-]{43}", second["access_token"])
    assert session.get(f"{issuer}/userinfo").json()["preferred_username"] == "alice"
    assert session.revoke_token(f"{issuer}/revoke", second["refresh_token"], "refresh_token").status_code == 200
    bearer = {"Authorization": f"Bearer {second['access_token']}"}
    refused = requests.get(f"{issuer}/userinfo", headers=bearer, timeout=20)
    assert (refused.status_code, refused.headers["WWW-Authenticate"].partition(" ")[0]) == (401, "Bearer")
    with pytest.raises(OAuthError, match="invalid_grant"):
        session.refresh_token(f"{issuer}/token", second["refresh_token"])


def test_a_refresh_token_used_twice_ends_the_family(issuer: str, walk: Walk) -> None:
    product = Product(issuer)
    first = product.callback(walk(product.login()))
    second = program(issuer).refresh_token(f"{issuer}/token", first["refresh_token"])
    with pytest.raises(OAuthError, match="invalid_grant"):
        program(issuer).refresh_token(f"{issuer}/token", first["refresh_token"])
    with pytest.raises(OAuthError, match="invalid_grant"):
        program(issuer).refresh_token(f"{issuer}/token", second["refresh_token"])


def test_introspection(issuer: str, walk: Walk) -> None:
    product = Product(issuer)
    token = product.callback(walk(product.login()))
    told = program(issuer).introspect_token(f"{issuer}/introspect", token=token["access_token"]).json()
    expected = {"active": True, "client_id": "basic", "iss": issuer, "scope": SCOPE, "token_type": "Bearer", "username": "alice"}
    assert {name: told.get(name) for name in expected} == expected
    assert told["exp"] - told["iat"] == 3600
    assert program(issuer, "post").introspect_token(f"{issuer}/introspect", token=token["access_token"]).json() == {
        "active": False
    }


def test_client_credentials(issuer: str) -> None:
    robot = program(issuer, "robot", scope="usage:write")
    token = robot.fetch_token(f"{issuer}/token", grant_type="client_credentials")
    assert (token["scope"], "refresh_token" in token, "id_token" in token) == ("usage:write", False, False)
    refused = robot.get(f"{issuer}/userinfo")
    assert (refused.status_code, refused.json()["error"]) == (403, "insufficient_scope")
    told = robot.introspect_token(f"{issuer}/introspect", token=token["access_token"]).json()
    assert (told["active"], told["client_id"], "username" in told) == (True, "robot", False)


def test_a_wrong_secret_is_refused(issuer: str) -> None:
    wrong = OAuth2Session("robot", "not the secret", token_endpoint_auth_method="client_secret_basic")
    with pytest.raises(OAuthError, match="invalid_client"):
        wrong.fetch_token(f"{issuer}/token", grant_type="client_credentials")

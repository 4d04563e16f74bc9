"""requests-oauthlib: PKCE, the exchange by each kind of client, userinfo, refresh by itself, client credentials."""

from typing import Any

import pytest
from oauthlib.oauth2 import BackendApplicationClient
from oauthlib.oauth2.rfc6749.errors import InvalidClientError, InvalidGrantError, MismatchingStateError
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session  # type: ignore[import-untyped]

from tests.clients.conftest import CALLBACK, SCOPE, Walk, changed
from tests.clients.programs import SECRET

pytestmark = [pytest.mark.served, pytest.mark.xdist_group("clients")]

# How each kind of client presents itself at the token endpoint.
CREDENTIALS: dict[str, dict[str, Any]] = {
    "basic": {"auth": HTTPBasicAuth("basic", SECRET)},
    "post": {"include_client_id": True, "client_secret": SECRET},
    "none": {"include_client_id": True},
}


def session_of(client_id: str, **options: Any) -> Any:
    return OAuth2Session(client_id, redirect_uri=CALLBACK, scope=SCOPE.split(), pkce="S256", **options)


@pytest.mark.parametrize("client_id", CREDENTIALS)
def test_signing_in_and_refreshing(client_id: str, issuer: str, walk: Walk) -> None:
    kept: list[dict[str, Any]] = []
    session = session_of(
        client_id,
        auto_refresh_url=f"{issuer}/token",
        auto_refresh_kwargs={"client_id": client_id} | ({} if client_id == "none" else {"client_secret": SECRET}),
        token_updater=kept.append,
    )
    address, _state = session.authorization_url(f"{issuer}/authorize")
    # The library compares the scope that was asked for with the one that was given, and the states.
    token = session.fetch_token(f"{issuer}/token", authorization_response=walk(address), **CREDENTIALS[client_id])
    assert (token["token_type"], token["scope"], token["expires_in"]) == ("Bearer", SCOPE.split(), 3600)
    person = session.get(f"{issuer}/userinfo").json()
    assert (person["preferred_username"], person["email"]) == ("alice", "alice@sage.example")

    if client_id == "basic":  # By itself it sends the secret in the body, which is not how this client is registered.
        session.auto_refresh_kwargs = {}
        newer = session.refresh_token(f"{issuer}/token", **CREDENTIALS["basic"])
    else:
        session.token = dict(token) | {"expires_in": -1, "expires_at": 1.0}
        assert session.get(f"{issuer}/userinfo").json() == person
        (newer,) = kept
    assert newer["refresh_token"] != token["refresh_token"]
    with pytest.raises(InvalidGrantError):
        session.refresh_token(f"{issuer}/token", refresh_token=token["refresh_token"], **CREDENTIALS[client_id])


def test_a_state_of_another_person_is_refused(issuer: str, walk: Walk) -> None:
    session = session_of("basic")
    address, _state = session.authorization_url(f"{issuer}/authorize")
    back = changed(walk(address), state="another")
    with pytest.raises(MismatchingStateError):
        session.fetch_token(f"{issuer}/token", authorization_response=back, **CREDENTIALS["basic"])


def test_another_verifier_is_refused(issuer: str, walk: Walk) -> None:
    session, other = session_of("basic"), session_of("basic")
    address, state = session.authorization_url(f"{issuer}/authorize")
    other.authorization_url(f"{issuer}/authorize", state=state)
    with pytest.raises(InvalidGrantError):
        other.fetch_token(f"{issuer}/token", authorization_response=walk(address), **CREDENTIALS["basic"])


def test_client_credentials(issuer: str) -> None:
    session = OAuth2Session(client=BackendApplicationClient("robot", scope=["usage:write"]))
    token = session.fetch_token(f"{issuer}/token", auth=HTTPBasicAuth("robot", SECRET))
    assert (token["token_type"], token["scope"], "refresh_token" in token) == ("Bearer", ["usage:write"], False)
    with pytest.raises(InvalidClientError):
        session.fetch_token(f"{issuer}/token", auth=HTTPBasicAuth("robot", "not the secret"))

"""A served platform with clients of each kind, and a person's browser that goes where a client library sends it."""

import json
import re
from collections.abc import Callable, Iterator
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
import requests

from tests.e2e.served import Platform, served

PASSWORD = "a bird in the hand"
SECRET = "sage_cs_" + "Qw7-" * 12
CALLBACK = "http://127.0.0.1:4711/callback"
GRANTS = ["authorization_code", "refresh_token"]
SCOPE = "openid profile email"
PERSON = {"username": "alice", "email": "alice@sage.example", "nickname": "Alice", "password": PASSWORD}

# Opens an address as alice, allows what is asked, and gives the address that the browser is sent back to.
Walk = Callable[[str], str]


def client(client_id: str, **changes: object) -> dict[str, object]:
    common = {
        "client_id": client_id,
        "name": client_id.title(),
        "redirect_uris": [CALLBACK],
        "grant_types": GRANTS,
        "scope": SCOPE,
    }
    return common | changes


CLIENTS = [
    client("basic", client_secret=SECRET, token_endpoint_auth_method="client_secret_basic"),
    client("post", client_secret=SECRET, token_endpoint_auth_method="client_secret_post"),
    client("default", client_secret=SECRET),
    client("none", token_endpoint_auth_method="none"),
    client("robot", client_secret=SECRET, grant_types=["client_credentials"], redirect_uris=[], scope="usage:write"),
]


@pytest.fixture(scope="session")
def site() -> Iterator[Platform]:
    with served(SAGE_OAUTH2_CLIENTS=json.dumps(CLIENTS)) as platform:
        assert platform.admin().post("/api/user/add", PERSON).json()["code"] == 200
        yield platform


@pytest.fixture(scope="session")
def walk(site: Platform) -> Iterator[Walk]:
    with requests.Session() as browser:
        browser.trust_env = False
        person = {"username_or_email": "alice", "password": PASSWORD}
        assert browser.post(f"{site.base}/api/auth/login", json=person, timeout=20).json()["code"] == 200

        def open_and_allow(address: str) -> str:
            answer = browser.get(address, allow_redirects=False, timeout=20)
            if answer.status_code == 200:
                token = re.search('name="csrfmiddlewaretoken" value="([^"]+)"', answer.text)
                assert token, answer.text
                form = {"csrfmiddlewaretoken": token[1], "decision": "allow"}
                answer = browser.post(address, form, allow_redirects=False, timeout=20)
            assert answer.status_code in {302, 303}, answer.text
            back: str = answer.headers["Location"]
            assert back.startswith(f"{CALLBACK}?"), back
            return back

        yield open_and_allow


@pytest.fixture
def issuer(site: Platform) -> str:
    return f"{site.base}/oauth2"


@pytest.fixture(autouse=True)
def _plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    """The libraries refuse plain http but for this."""
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")


def changed(address: str, **changes: str) -> str:
    """The address with other values in its query."""
    parts = urlsplit(address)
    pairs = dict(parse_qsl(parts.query)) | changes
    return parts._replace(query=urlencode(pairs)).geturl()

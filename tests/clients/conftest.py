"""A served platform with clients of each kind, and a person's browser that goes where a client library sends it."""

import json
import re
from collections.abc import Callable, Iterator
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
import requests

from tests.clients.desktop_app import display as own_display
from tests.clients.guide import EXAMPLES
from tests.clients.person import PASSWORD, Person
from tests.clients.programs import SECRET
from tests.clients.update_server import UpdateServer, update_server
from tests.e2e.served import Platform, served

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


# The guide's programs are registered as the guide says, with what must be there alone.
KEEP_A_REFRESH_TOKEN = {"apache", "express-openid-connect", "express-openid-connect-2"}
PROGRAMS = [
    {"client_id": name, "client_secret": SECRET, "redirect_uris": [f"http://localhost{example.redirect}"]}
    | ({"grant_types": GRANTS} if name in KEEP_A_REFRESH_TOKEN else {})
    # The version before of express-openid-connect is a client of its own.
    for name, example in [*EXAMPLES.items(), ("express-openid-connect-2", EXAMPLES["express-openid-connect"])]
]


@pytest.fixture(scope="session")
def site() -> Iterator[Platform]:
    with served(SAGE_OAUTH2_CLIENTS=json.dumps([*CLIENTS, *PROGRAMS])) as platform:
        assert platform.admin().post("/api/user/add", PERSON).json()["code"] == 200
        yield platform


# Only staff can give somebody a nickname.
NAME_LINA = """
from sage_platform.accounts.models import User
lina = User.objects.get(username="lina")
lina.nickname = "Lina Berg"
lina.save()
print(lina.pk)
"""


@pytest.fixture(scope="session")
def lina_id(site: Platform) -> str:
    """Lina has a nickname, so that her name and her username are told apart."""
    lina = {"username": "lina", "email": "lina@sage.example", "password": PASSWORD}
    assert site.admin().post("/api/user/add", lina).json()["code"] == 200
    named = site.manage("shell", "-v0", "-c", NAME_LINA)
    assert (named.returncode, named.stderr) == (0, ""), named.stderr
    return named.stdout.strip()


@pytest.fixture
def lina(site: Platform, lina_id: str) -> Person:
    """She is signed in nowhere yet, and allows what she is asked."""
    return Person("lina", site.base)


@pytest.fixture
def refuser(site: Platform, lina_id: str) -> Person:
    """Lina in another browser, where she refuses what she is asked."""
    return Person("lina", site.base, decision="deny")


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


@pytest.fixture(scope="session")
def display() -> Iterator[str]:
    """Where desktop applications open their windows."""
    with own_display() as screen:
        yield screen


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


@pytest.fixture(scope="module")
def server() -> Iterator[UpdateServer]:
    """What Tauri's updater is asked to read, and whom it asks."""
    with update_server() as told:
        yield told

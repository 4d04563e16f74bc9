"""The cross-site rule and CORS: which of a browser's requests act with its cookie, and who may read the answers."""

import pytest
from django.test import RequestFactory
from pytest_django import Settings
from rest_framework.exceptions import PermissionDenied

from sage_platform.api.cross_site import check_same_site
from tests.people import Caller, Response

OWN, PUBLIC, LISTED, OTHER = "http://127.0.0.1", "https://sage.example", "https://app.example", "https://evil.example"
SITE, ORIGIN = "Sec-Fetch-Site", "Origin"


@pytest.fixture(autouse=True)
def _listed(settings: Settings) -> None:
    settings.SAGE_PUBLIC_URL = PUBLIC
    settings.SAGE_CORS_ALLOWED_ORIGINS = [LISTED]


PASSES: list[dict[str, str]] = [
    {},
    {SITE: "same-origin"},
    {SITE: "none"},
    {SITE: "same-origin", ORIGIN: OWN},
    {SITE: "same-site", ORIGIN: LISTED},
    {SITE: "cross-site", ORIGIN: LISTED},
    {ORIGIN: OWN},
    {ORIGIN: PUBLIC},
    {ORIGIN: LISTED},
]
REFUSED: list[dict[str, str]] = [
    {SITE: "cross-site"},
    {SITE: "same-site"},
    {SITE: "cross-site", ORIGIN: OTHER},
    {SITE: "same-site", ORIGIN: OTHER},
    {SITE: "cross-site", ORIGIN: "null"},
    # The browser says that it is another site, so its Origin has to be a listed one; our own does not fit.
    {SITE: "cross-site", ORIGIN: OWN},
    {SITE: "cross-site", ORIGIN: PUBLIC},
    {SITE: "nonsense"},
    {SITE: "same-origin, cross-site"},
    {ORIGIN: OTHER},
    {ORIGIN: "null"},
    {ORIGIN: "https://127.0.0.1"},
    {ORIGIN: "http://127.0.0.1:8001"},
    {ORIGIN: "http://127.0.0.1.evil.example"},
    {ORIGIN: "https://sage.example.evil.example"},
    {ORIGIN: "http://sage.example"},
    {ORIGIN: "https://app.example:444"},
    {ORIGIN: "*"},
]


def judge(method: str, headers: dict[str, str]) -> None:
    check_same_site(RequestFactory().generic(method, "/api/auth/logout", headers={"Host": "127.0.0.1"} | headers))


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "PURGE"])
@pytest.mark.parametrize("headers", PASSES, ids=str)
def test_what_passes(headers: dict[str, str], method: str) -> None:
    judge(method, headers)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "PURGE"])
@pytest.mark.parametrize("headers", REFUSED, ids=str)
def test_what_is_refused(headers: dict[str, str], method: str) -> None:
    with pytest.raises(PermissionDenied):
        judge(method, headers)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("headers", REFUSED, ids=str)
def test_safe_methods_pass(headers: dict[str, str], method: str) -> None:
    judge(method, headers)


@pytest.mark.parametrize("origin", ["*", "null", OTHER])
def test_the_wildcard_lets_nobody_act(origin: str, settings: Settings) -> None:
    settings.SAGE_CORS_ALLOWED_ORIGINS = ["*"]
    with pytest.raises(PermissionDenied):
        judge("POST", {SITE: "cross-site", ORIGIN: origin})


# -- CORS: who may read ---------------------------------------------------------------------------------------------------


@pytest.fixture
def cors(settings: Settings) -> None:
    settings.CORS_ALLOWED_ORIGINS = [LISTED]


def access(response: Response) -> dict[str, str]:
    prefix = "access-control-"
    named = {name.lower(): value for name, value in response.headers.items()}
    return {name.removeprefix(prefix): value for name, value in named.items() if name.startswith(prefix)}


EXPOSED = {"Content-Disposition", "Content-Language", "ETag", "Retry-After", "WWW-Authenticate", "X-Request-ID"}


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/api/system/info", "/api/auth/session", "/api/nowhere"])
def test_a_listed_origin_reads_with_credentials(path: str, anyone: Caller, cors: None) -> None:
    said = access(anyone.get(path, Origin=LISTED))
    assert set(said.pop("expose-headers").split(", ")) == EXPOSED
    assert said == {"allow-origin": LISTED, "allow-credentials": "true"}


@pytest.mark.parametrize("origin", [OTHER, "null", "https://app.example.evil.example", "http://app.example"])
def test_another_origin_reads_nothing(origin: str, anyone: Caller, cors: None) -> None:
    response = anyone.get("/api/system/info", Origin=origin)
    assert access(response) == {}
    assert "origin" in response.headers["Vary"].lower()


def test_a_preflight(anyone: Caller, cors: None) -> None:
    asks = {"Access_Control_Request_Method": "POST", "Access_Control_Request_Headers": "content-type,x-sage-locale"}
    said = access(anyone.send("OPTIONS", "/api/auth/login", b"", Origin=LISTED, **asks))
    assert (said["allow-origin"], said["allow-credentials"]) == (LISTED, "true")
    assert "POST" in said["allow-methods"].split(", ")
    assert {"authorization", "content-type", "x-sage-locale", "x-accept-language", "traceparent"} <= set(
        said["allow-headers"].split(", ")
    )
    assert access(anyone.send("OPTIONS", "/api/auth/login", b"", Origin=OTHER, **asks)) == {}


def test_the_wildcard_and_credentials_do_not_meet(anyone: Caller, settings: Settings) -> None:
    """With a wildcard every site may read public answers, but no answer to a request with a cookie."""
    settings.CORS_ALLOW_ALL_ORIGINS = True
    settings.CORS_ALLOW_CREDENTIALS = False  # As the settings have it with a wildcard; see tests/test_settings.py.
    settings.CORS_ALLOWED_ORIGINS = []
    said = access(anyone.get("/api/system/info", Origin=OTHER))
    assert said.pop("expose-headers")
    assert said == {"allow-origin": "*"}

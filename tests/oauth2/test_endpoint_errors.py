"""What the endpoints for programs answer where their view does not: a lost database, a request that Django itself refuses."""

import io
import json

import pytest
from django.db import OperationalError, connection

from tests.people import Caller

pytestmark = pytest.mark.django_db
REQUEST_ID = "oauth2-errors-0001"
WELL_KNOWN = [
    "/.well-known/oauth-authorization-server",
    "/.well-known/oauth-authorization-server/oauth2",
    "/.well-known/oauth-protected-resource",
]


def lost(*_args: object) -> None:
    raise OperationalError("connection to server failed: Connection refused\n\tIs the server running?")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/oauth2/userinfo"), ("GET", "/api/oauth2/jwks"), ("POST", "/oauth2/token"), ("POST", "/oauth2/introspect")],
)
def test_a_lost_database_is_503_and_its_cause_is_in_the_log(method: str, path: str, anyone: Caller, log: io.StringIO) -> None:
    body = "grant_type=client_credentials&client_id=lage&client_secret=wrong&token=x" if method == "POST" else ""
    headers = {"X-Request-ID": REQUEST_ID} | ({"Authorization": f"Bearer sage_oat_{'x' * 43}"} if method == "GET" else {})
    with connection.execute_wrapper(lost):
        response = anyone.client.generic(method, path, body, "application/x-www-form-urlencoded", headers=headers)
    assert response.status_code == 503
    assert response.content == b'{"error":"temporarily_unavailable","error_description":"Try again later."}'
    assert int(response.headers["Retry-After"]) >= 1
    assert response.headers["Cache-Control"] == "no-store"
    (line,) = (json.loads(row) for row in log.getvalue().splitlines())
    assert line.pop("time")
    assert line == {
        "level": "ERROR",
        "logger": "sage.api",
        "message": "unavailable",
        "request_id": REQUEST_ID,
        "path": path,
        "cause": "OperationalError: connection to server failed: Connection refused",
    }


@pytest.mark.parametrize("path", ["/oauth2/token", "/oauth2/metadata", "/oauth2/.well-known/openid-configuration", *WELL_KNOWN])
def test_a_forged_host_is_an_error_that_programs_read(path: str, anyone: Caller) -> None:
    response = anyone.get(path, Host="evil.example")
    assert response.status_code == 400
    assert response.content == b'{"error":"invalid_request","error_description":"The request is not acceptable."}'
    assert response.headers["Content-Type"] == "application/json"

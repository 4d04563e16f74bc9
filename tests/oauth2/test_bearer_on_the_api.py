"""A third party's token on the platform's own API: it opens userinfo, and a route that states a scope for who was granted it
(docs/api.md#third-parties-at-the-api)."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from sage_platform.accounts.models import SignIn, User
from sage_platform.api.viewsets import ApiViewSet
from sage_platform.oauth2 import tokens
from sage_platform.oauth2.models import Application
from sage_platform.oauth2.tokens import Approval
from tests.contract.routes import ROUTES, Row
from tests.oauth2_clients import make_client
from tests.people import Caller, envelope

pytestmark = pytest.mark.django_db
HELD = "openid profile email usage:write"
CLOSED = [
    row
    for row in ROUTES
    if row.answer == "enveloped" and row.who not in {"Anyone", "AnyoneOfThisSite"} and row.scope not in HELD.split()
]


def token_for(user: User | None, scope: str) -> str:
    application = Application.objects.filter(client_id="lage").first() or make_client(
        grant_types=["authorization_code", "client_credentials"], scope=HELD
    )
    approval = Approval(application, user, user.credentials_version if user else None, token_family=uuid.uuid4())
    token = tokens.new(tokens.ACCESS_PREFIX)
    tokens.save_access_token(token, approval, scope=scope)
    return token


def call(caller: Caller, row: Row, token: str) -> Any:
    path = row.path.replace("<str:provider_id>", str(uuid.uuid4()))
    return caller.send(row.method, path, {}, Authorization=f"Bearer {token}")


@pytest.mark.parametrize("row", CLOSED, ids=lambda row: f"{row.method} {row.path}")
@pytest.mark.parametrize("beside", ["nothing", "a good cookie"])
def test_it_opens_no_route(row: Row, beside: str, admin: User, anyone: Caller, as_admin: Caller) -> None:
    """Not even an administrator's with the scope of another route, and not beside the cookie of the same person."""
    token = token_for(admin, HELD)
    response = call(as_admin if beside == "a good cookie" else anyone, row, token)
    assert response.status_code == 403
    assert response.headers["WWW-Authenticate"] == f'Bearer error="insufficient_scope", scope="{row.scope}"'
    assert envelope(response) == {"code": 403, "message": "Permission denied", "data": None}


def test_public_routes_do_not_ask(alice: User, anyone: Caller) -> None:
    response = anyone.get("/api/system/info", Authorization=f"Bearer {token_for(alice, 'openid')}")
    assert response.status_code == 200


def test_the_check_is_one_query(alice: User, anyone: Caller, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    token = token_for(alice, "openid")
    with django_assert_num_queries(1):
        assert anyone.get("/api/auth/session", Authorization=f"Bearer {token}").status_code == 403


def test_the_body_is_never_read(alice: User, anyone: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("The body was read.")

    monkeypatch.setattr("django.http.HttpRequest.read", never)
    response = anyone.send("POST", "/api/user/config", {"config": {}}, Authorization=f"Bearer {token_for(alice, 'openid')}")
    assert response.status_code == 403


@pytest.mark.parametrize("how", ["unknown", "expired", "password"])
def test_a_bad_one_is_passed_over_beside_a_good_cookie(*, how: str, alice: User, as_alice: Caller, anyone: Caller) -> None:
    """docs/api.md#sessions-and-tokens: the web application goes on sending a token that has run out."""
    token = token_for(alice, "openid")
    if how == "unknown":
        token = tokens.new(tokens.ACCESS_PREFIX)
    elif how == "expired":
        from sage_platform.oauth2.models import AccessToken

        AccessToken._default_manager.update(expires=timezone.now() - timedelta(seconds=1))
    else:
        User.objects.update(credentials_version=7)
        SignIn.objects.update(credentials_version=7)
    assert as_alice.get("/api/auth/session", Authorization=f"Bearer {token}").status_code == 200
    alone = anyone.get("/api/auth/session", Authorization=f"Bearer {token}")
    assert alone.status_code == 401
    assert alone.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


def test_other_kinds_of_token_open_nothing(pair: dict[str, Any], anyone: Caller) -> None:
    """An id_token is a statement and no key, whoever shows it."""
    for kind in ("id_token", "refresh_token"):
        assert anyone.get("/api/auth/session", Authorization=f"Bearer {pair[kind]}").status_code == 401


def test_a_token_in_the_address_opens_nothing(alice: User, anyone: Caller) -> None:
    assert anyone.get(f"/api/auth/session?access_token={token_for(alice, 'openid')}").status_code == 401


def test_pages_and_admin_know_no_bearer(admin: User, anyone: Caller) -> None:
    token = token_for(admin, "openid usage:write")
    for path in ("/sage/", "/oauth2/consents", "/admin/"):
        response = anyone.get(path, Authorization=f"Bearer {token}")
        assert response.status_code == 302
        assert "login" in response.headers["Location"]


# -- A route that states a scope ------------------------------------------------------------------------------------------


@pytest.fixture
def reports(settings: Settings) -> list[Any]:
    """A route as the ingestion of usage will have it; who came in is written down."""
    settings.ROOT_URLCONF = "tests.oauth2.scoped"
    from tests.oauth2 import scoped

    assert issubclass(scoped.ReportViewSet, ApiViewSet)
    scoped.came_in.clear()
    return scoped.came_in


def test_the_scope_opens_it_for_a_person(alice: User, anyone: Caller, reports: list[Any]) -> None:
    token = token_for(alice, "openid usage:write")
    assert anyone.post("/api/report", {}, Authorization=f"Bearer {token}").status_code == 200
    assert reports == [("alice", "lage")]


def test_the_scope_opens_it_for_a_program(anyone: Caller, reports: list[Any]) -> None:
    assert anyone.post("/api/report", {}, Authorization=f"Bearer {token_for(None, 'usage:write')}").status_code == 200
    assert reports == [(None, "lage")]


@pytest.mark.parametrize("cookie", [False, True])
def test_without_the_scope_it_stays_closed(
    *, cookie: bool, alice: User, anyone: Caller, as_alice: Caller, reports: list[Any]
) -> None:
    caller = as_alice if cookie else anyone
    response = caller.post("/api/report", {}, Authorization=f"Bearer {token_for(alice, 'openid')}")
    assert response.status_code == 403
    assert response.headers["WWW-Authenticate"] == 'Bearer error="insufficient_scope", scope="usage:write"'
    assert reports == []


def test_a_signed_in_person_needs_no_scope(as_alice: Caller, anyone: Caller, reports: list[Any]) -> None:
    assert as_alice.post("/api/report").status_code == 200
    assert anyone.post("/api/report").status_code == 401
    assert reports == [("alice", None)]

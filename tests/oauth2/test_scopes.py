"""The rows of the scopes: everything that depends on scopes follows from them, and what a row leaves out gives nothing."""

import json
from collections.abc import Callable

import pytest
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from sage_platform.oauth2 import scopes
from sage_platform.oauth2.claims import READERS
from sage_platform.oauth2.models import AccessToken, Application
from sage_platform.oauth2.registration import read_clients
from sage_platform.oauth2.scopes import Scope
from tests.oauth2_clients import Program, allow, code_for, make_client, request_of
from tests.people import Caller

pytestmark = pytest.mark.django_db
AddRow = Callable[[Scope], None]
BASIC = {"sub": "alice", "iss": "https://sage.example/oauth2", "preferred_username": "alice", "role": "user"}


@pytest.fixture
def add_row(monkeypatch: pytest.MonkeyPatch) -> AddRow:
    return lambda row: monkeypatch.setattr(scopes, "ROWS", (*scopes.ROWS, row))


def machine(scope: str) -> Program:
    make_client("machine", grant_types=["client_credentials"], scope=scope, redirect_uris="")
    return Program("machine")


def told_of_alice(caller: Caller, scope: str) -> dict[str, object]:
    """What userinfo tells a client that alice has granted these scopes."""
    client = make_client(scope=scope)
    allow(caller.user, client, scope)
    program = Program()
    response = program.userinfo(program.exchange(code_for(caller, scope=scope)).json()["access_token"])
    assert response.status_code == 200
    told: dict[str, object] = response.json()
    return told


def test_the_rows() -> None:
    """Whether a scope is a person's decides what a program may have, so each is spelled out here too."""
    assert [(row.name, row.personal, row.claims) for row in scopes.ROWS] == [
        ("openid", True, ("sub", "iss", "preferred_username", "role")),
        ("profile", True, ("preferred_username", "name", "picture", "avatar_url")),
        ("email", True, ("email", "email_verified")),
        ("usage:write", False, ()),
        ("release:write", False, ()),
    ]


def test_each_claim_is_opened_by_one_row_and_can_be_read() -> None:
    assert sorted(scopes.claims_opened_by(scopes.names())) == sorted(READERS)


def test_the_toolkits_setting_follows() -> None:
    assert {name: str(text) for name, text in settings.OAUTH2_PROVIDER["SCOPES"].items()} == {
        "openid": "Know who you are",
        "profile": "See your name and picture",
        "email": "See your email address",
        "usage:write": "Report usage",
        "release:write": "Publish releases and upload their files",
    }


@pytest.mark.parametrize("asked", ["calendar", "usage:write calendar"])
def test_a_row_that_does_not_say_whether_it_is_personal_is_kept_from_programs(asked: str, add_row: AddRow) -> None:
    """RFC 6749 §4.4: there is no person whose calendar it could be."""
    add_row(Scope("calendar", _("See your calendar")))
    response = machine("calendar usage:write").post("/oauth2/token", {"grant_type": "client_credentials", "scope": asked})
    assert (response.status_code, response.json()["error"]) == (400, "invalid_scope")
    assert not AccessToken._default_manager.exists()


def test_it_is_no_default_of_a_program_either(add_row: AddRow) -> None:
    add_row(Scope("calendar", _("See your calendar")))
    answer = machine("calendar usage:write").post("/oauth2/token", {"grant_type": "client_credentials"}).json()
    assert answer["scope"] == "usage:write"


def test_a_row_that_says_it_is_nobodys_is_for_programs(add_row: AddRow) -> None:
    add_row(Scope("build:write", _("Add builds"), personal=False))
    answer = machine("build:write usage:write").post("/oauth2/token", {"grant_type": "client_credentials"}).json()
    assert answer["scope"] == "build:write usage:write"


def test_a_scope_whose_row_was_taken_out_is_given_to_no_program(db: None) -> None:
    answer = machine("gone usage:write").post("/oauth2/token", {"grant_type": "client_credentials"}).json()
    assert answer["scope"] == "usage:write"


def test_a_row_without_claims_tells_nothing(as_alice: Caller, signing_keys: object, add_row: AddRow) -> None:
    add_row(Scope("calendar", _("See your calendar")))
    assert told_of_alice(as_alice, "openid calendar") == BASIC


def test_a_claim_that_no_row_opens_is_not_given(as_alice: Caller, signing_keys: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(READERS, "phone_number", lambda _user: "+49 30 1")
    profile_and_email = {"name": "alice", "email": "alice@sage.example", "email_verified": False}
    assert told_of_alice(as_alice, "openid profile email usage:write") == BASIC | profile_and_email


def test_a_claim_is_not_given_without_its_scope(
    as_alice: Caller, signing_keys: object, add_row: AddRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(READERS, "phone_number", lambda _user: "+49 30 1")
    add_row(Scope("phone", _("See your phone number"), claims=("phone_number",)))
    assert told_of_alice(as_alice, "openid") == BASIC


def test_a_rows_claim_is_given_for_its_scope(
    as_alice: Caller, signing_keys: object, add_row: AddRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(READERS, "phone_number", lambda _user: "+49 30 1")
    add_row(Scope("phone", _("See your phone number"), claims=("phone_number",)))
    assert told_of_alice(as_alice, "openid phone") == BASIC | {"phone_number": "+49 30 1"}
    assert as_alice.get("/oauth2/metadata").json()["claims_supported"][-1] == "phone_number"


def test_a_new_scope_is_one_row(as_alice: Caller, as_admin: Caller, signing_keys: object, add_row: AddRow) -> None:
    """With the row it is announced, can be registered, is asked for, granted, and shown."""
    add_row(Scope("calendar", _("See your calendar")))
    known = ["openid", "profile", "email", "usage:write", "release:write", "calendar"]
    for path in ("/oauth2/metadata", "/.well-known/oauth-protected-resource"):
        assert as_alice.get(path).json()["scopes_supported"] == known
    declared = {"client_id": "declared", "scope": "openid calendar", "token_endpoint_auth_method": "none"}
    (client,) = read_clients(json.dumps([declared | {"redirect_uris": ["https://x.example/"]}]), scopes.names())
    assert client.scope == "openid calendar"
    assert "calendar: See your calendar" in as_admin.get("/admin/oauth2/application/add/").content.decode()

    make_client(scope="openid calendar")
    asked = request_of(scope="openid calendar")
    page = as_alice.get("/oauth2/authorize", asked)
    assert "See your calendar" in page.content.decode()
    as_alice.form(f"/oauth2/authorize?{page.wsgi_request.META['QUERY_STRING']}", {"decision": "allow"})
    assert "See your calendar" in as_alice.get("/oauth2/consents").content.decode()
    assert Program().exchange(code_for(as_alice, scope="openid calendar")).json()["scope"] == "openid calendar"


def test_no_client_has_a_new_scope_unasked(as_alice: Caller, add_row: AddRow) -> None:
    add_row(Scope("calendar", _("See your calendar")))
    declared = {"client_id": "declared", "redirect_uris": ["https://x.example/"], "token_endpoint_auth_method": "none"}
    (client,) = read_clients(json.dumps([declared]), scopes.names())
    assert client.scope == "openid profile email"
    made = Application.objects.create(
        client_id="lage", client_type="public", token_endpoint_auth_method="none", redirect_uris="https://x.example/"
    )
    response = as_alice.get("/oauth2/authorize", request_of(scope="calendar", redirect_uri="https://x.example/"))
    assert "error=invalid_scope" in response.headers["Location"]
    assert made.scopes == []

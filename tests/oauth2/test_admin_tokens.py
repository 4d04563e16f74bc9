"""Tokens, consents and signing keys in the Django admin: to be seen, and ended."""

import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext

from sage_platform.oauth2.models import AccessToken, Application, Consent, RefreshToken, SigningKey
from tests.answers import assert_not_for
from tests.oauth2_clients import Program, code_for
from tests.people import Caller

pytestmark = pytest.mark.django_db
LISTS = {
    "access token": "/admin/oauth2/accesstoken/",
    "refresh token": "/admin/oauth2/refreshtoken/",
    "consent": "/admin/oauth2/consent/",
    "signing key": "/admin/oauth2/signingkey/",
}


def act(caller: Caller, path: str, action: str, *keys: object) -> Any:
    """Call an action and confirm it."""
    return caller.form(path, {"action": action, "_selected_action": list(keys), "confirmed": "yes"}, follow=True)


@pytest.mark.parametrize("path", LISTS.values(), ids=LISTS)
def test_they_are_records(path: str, as_admin: Caller, pair: dict[str, Any], lage: Application) -> None:
    """Seen, searched and filtered; never made, changed or deleted by hand; and no secret is shown."""
    page = as_admin.get(path, {"q": "" if "signingkey" in path else "alice"})
    assert page.status_code == 200
    first = page.context["cl"].result_list[0]
    own = as_admin.get(f"{path}{first.pk}/change/")
    assert own.status_code == 200
    for response in (page, own):
        for secret in (pair["access_token"], pair["refresh_token"], "PRIVATE KEY", "gAAAA"):
            assert secret not in response.content.decode()
    assert as_admin.get(f"{path}add/").status_code == 403
    assert as_admin.form(f"{path}{first.pk}/change/", {"scope": "usage:write"}).status_code == 403
    assert as_admin.form(f"{path}{first.pk}/delete/", {"post": "yes"}).status_code == 403


def test_they_are_called_by_client_and_person(as_admin: Caller, pair: dict[str, Any], lage: Application) -> None:
    """On their own pages, and where a deletion takes them along: there by what is loaded, without a query for each."""
    when = f"{AccessToken._default_manager.get().created:%Y-%m-%d %H:%M %Z}"
    for kind in ("access token", "refresh token", "consent"):
        page = as_admin.get(f"{LISTS[kind]}{as_admin.get(LISTS[kind]).context['cl'].result_list[0].pk}/change/")
        assert re.findall(r"<h2>(.*?)</h2>", page.content.decode())[0].startswith("Lage, alice, 20")
    assert as_admin.get("/admin/oauth2/refreshtoken/", Accept_Language="zh-CN").content.decode().count("撤销时间") == 1
    for path, who in ((f"/admin/oauth2/application/{lage.pk}/delete/", "Lage"), ("/admin/accounts/user/alice/delete/", "alice")):
        page = as_admin.get(path)
        for kind in ("Access token", "Refresh token"):
            assert re.search(rf'{kind}: <a href="[^"]+">{who}, {when}</a>', page.content.decode()), kind


@pytest.mark.parametrize("kind", ["access token", "refresh token"])
def test_revoking_a_token_ends_its_family(kind: str, as_admin: Caller, pair: dict[str, Any], program: Program) -> None:
    model = AccessToken if kind == "access token" else RefreshToken
    act(as_admin, LISTS[kind], "revoke", model._default_manager.get().pk)
    assert program.userinfo(pair["access_token"]).status_code == 401
    assert program.refresh(pair["refresh_token"]).json()["error"] == "invalid_grant"
    entry = LogEntry.objects.get()
    assert (entry.user.username, entry.get_change_message()) == ("admin", "Changed revoked.")


def test_withdrawing_a_consent(as_admin: Caller, pair: dict[str, Any], program: Program) -> None:
    act(as_admin, LISTS["consent"], "withdraw", Consent.objects.get().pk)
    assert not Consent.objects.exists()
    assert program.userinfo(pair["access_token"]).status_code == 401
    assert LogEntry.objects.get().user.username == "admin"


def test_rotating_the_keys(as_admin: Caller, signing_keys: list[SigningKey]) -> None:
    act(as_admin, LISTS["signing key"], "rotate", signing_keys[0].pk)
    assert SigningKey.objects.get(activated_at__isnull=False, retired_at=None).kid == signing_keys[1].kid
    assert LogEntry.objects.get().user.username == "admin"


@pytest.mark.parametrize("kind", ["access token", "refresh token", "consent"])
def test_three_rows_take_as_many_queries_as_one(
    *, kind: str, as_admin: Caller, as_alice: Caller, as_bob: Caller, pair: dict[str, Any], program: Program, lage: Application
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as seen:
            assert as_admin.get(LISTS[kind]).status_code == 200
        return len(seen)

    queries()
    one = queries()
    for caller in (as_bob, as_admin):
        Consent.objects.create(user=caller.user, application=lage, scopes="openid profile email", granted_at="2026-01-01T00:00Z")
        program.exchange(code_for(caller))
    assert queries() == one


@pytest.mark.parametrize("who", ["anyone", "as_alice"])
def test_administrators_alone(who: str, pair: dict[str, Any], program: Program, request: pytest.FixtureRequest) -> None:
    caller: Caller = request.getfixturevalue(who)
    for path in LISTS.values():
        assert_not_for(caller, caller.get(path), path)
    act(caller, LISTS["access token"], "revoke", AccessToken._default_manager.get().pk)
    assert program.userinfo(pair["access_token"]).status_code == 200

"""manage.py prune, for codes and tokens. (What it says of everything else is tested with the commands.)"""

import uuid
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from sage_platform.accounts.models import User
from sage_platform.accounts.services import pruning
from sage_platform.oauth2.models import (
    AccessToken,
    Application,
    DeviceGrant,
    FormerSecret,
    Grant,
    IDToken,
    RefreshToken,
    SigningKey,
)
from sage_platform.oauth2.pruning import PRUNABLE
from tests.oauth2_clients import Program, allow, code_for, make_client
from tests.people import Caller
from tests.racing import all_at_once, where_rows_are_locked

pytestmark = pytest.mark.django_db
MODELS: list[Any] = [AccessToken, RefreshToken, Grant, DeviceGrant, IDToken, FormerSecret]


def left() -> list[int]:
    return [model._default_manager.count() for model in MODELS]


def run(*options: str) -> list[str]:
    out = StringIO()
    call_command("prune", *options, stdout=out)
    return [line for line in out.getvalue().splitlines() if line.startswith("OAuth2")]


@pytest.fixture
def rows(alice: User) -> None:
    """Of each kind one that has just run out and one that is about to; both refresh tokens are used, and one code.

    Two more codes are used and no longer good: one as long ago as a refresh token lives, one not quite.
    """
    own: dict[str, Any] = {"user": alice, "application": make_client(), "credentials_version": 1}
    now = timezone.now()
    for name, at in (("old", now - timedelta(minutes=1)), ("new", now + timedelta(minutes=1))):
        for model in (AccessToken, RefreshToken):
            used = {"revoked": now} if model is RefreshToken else {}
            model._default_manager.create(
                **own, **used, token="", token_checksum=name, token_family=uuid.uuid4(), scope="", expires=at
            )
        Grant._default_manager.create(**own, code=name, expires=at, redirect_uri="", used_at=now if name == "new" else None)
        DeviceGrant._default_manager.create(client_id="lage", device_code=name, user_code=name, expires=at)
        IDToken._default_manager.create(user=alice, application=own["application"], expires=at)
        FormerSecret.objects.create(application=own["application"], secret=f"a {name} secret", expires=at)
        Grant._default_manager.create(**own, code=f"used, {name}", expires=at - timedelta(days=30), redirect_uri="", used_at=now)


# Each kind, and how many of it have run out.
GONE = {
    **dict.fromkeys(["access tokens", "refresh tokens"], 1),
    "authorization codes": 2,
    **dict.fromkeys(["device codes", "ID tokens", "former client secrets"], 1),
}


def test_a_dry_run_only_says(rows: None) -> None:
    assert run("--dry-run") == [f"OAuth2 {kind}: {amount} to remove" for kind, amount in GONE.items()]
    assert left() == [2, 2, 4, 2, 2, 2]


def test_what_has_run_out_goes_and_the_used_stays_until_then(rows: None) -> None:
    """A used refresh token has to be noticed when it comes again (RFC 9700 §4.14.2), a used code as long as its tokens live."""
    assert run() == [f"OAuth2 {kind}: {amount} removed" for kind, amount in GONE.items()]
    assert left() == [1, 1, 2, 1, 1, 1]
    assert {model._default_manager.get().token_checksum for model in (AccessToken, RefreshToken)} == {"new"}
    assert [Grant.objects.filter(code=code).exists() for code in ("new", "used, new")] == [True, True]
    assert min(model._default_manager.get().expires for model in (DeviceGrant, IDToken, FormerSecret)) > timezone.now()
    assert run() == [f"OAuth2 {kind}: 0 removed" for kind in GONE]


def test_a_dry_run_changes_no_key_that_is_due(signing_keys: list[SigningKey]) -> None:
    SigningKey.objects.filter(pk=signing_keys[0].pk).update(activated_at=timezone.now() - timedelta(days=91))
    before = list(SigningKey.objects.order_by("pk").values())
    run("--dry-run")
    assert list(SigningKey.objects.order_by("pk").values()) == before
    run()
    assert SigningKey.objects.get(pk=signing_keys[0].pk).retired_at is not None


def dead(model: type[AccessToken] | type[RefreshToken], number: int, user: User, application: Application) -> None:
    at = timezone.now() - timedelta(hours=1)
    own: dict[str, Any] = {"user": user, "application": application, "credentials_version": 1, "expires": at, "token": ""}
    used = {"revoked": at} if model is RefreshToken else {}
    model._default_manager.bulk_create(
        model(**own, **used, scope="openid", token_checksum=f"dead {position}", token_family=uuid.uuid4())
        for position in range(number)
    )


def test_it_goes_in_batches_of_one_statement(
    alice: User, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    monkeypatch.setattr(pruning, "BATCH", 10)
    dead(AccessToken, 25, alice, make_client())
    with django_assert_num_queries(3):
        assert sum(pruning.remove(PRUNABLE["OAuth2 access tokens"](timezone.now()))) == 25
    assert not AccessToken._default_manager.exists()


@pytest.mark.django_db(transaction=True)
def test_tokens_are_refreshed_while_it_runs(
    as_alice: Caller, lage: Application, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither waits for the other's end, and a living token stays one. On PostgreSQL the two really overlap."""
    monkeypatch.setattr(pruning, "BATCH", 10)
    allow(as_alice.user, lage)
    first = program.exchange(code_for(as_alice)).json()
    for model in (AccessToken, RefreshToken):
        dead(model, 200, as_alice.user, lage)

    def refresh_all_the_while() -> Any:
        pair = first
        for _ in range(10):
            response = program.refresh(pair["refresh_token"])
            assert response.status_code == 200
            pair = response.json()
        return pair

    said, last = all_at_once(run, refresh_all_the_while)
    assert said[:2] == ["OAuth2 access tokens: 200 removed", "OAuth2 refresh tokens: 200 removed"]
    assert left()[:2] == [11, 11]
    assert program.userinfo(last["access_token"]).status_code == 200
    assert program.refresh(last["refresh_token"]).status_code == 200


@pytest.mark.django_db(transaction=True)
@where_rows_are_locked
def test_what_a_request_holds_is_left_for_another_day(as_alice: Caller, lage: Application) -> None:
    """Else the two could wait for each other, and the database would end one of them."""
    dead(RefreshToken, 3, as_alice.user, lage)
    with transaction.atomic():
        RefreshToken._default_manager.select_for_update().get(token_checksum="dead 1")
        (said,) = all_at_once(run)
    assert said[1] == "OAuth2 refresh tokens: 2 removed"
    assert RefreshToken._default_manager.get().token_checksum == "dead 1"
    assert run()[1] == "OAuth2 refresh tokens: 1 removed"

"""manage.py prune, for codes and tokens. (What it says of everything else is tested with the commands.)"""

import uuid
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from sage_platform.accounts.models import User
from sage_platform.oauth2 import pruning
from sage_platform.oauth2.models import AccessToken, DeviceGrant, Grant, IDToken, RefreshToken
from tests.oauth2.conftest import make_client

pytestmark = pytest.mark.django_db
MODELS: list[Any] = [AccessToken, RefreshToken, Grant, DeviceGrant, IDToken]


def left() -> list[int]:
    return [model._default_manager.count() for model in MODELS]


def run(*options: str) -> list[str]:
    out = StringIO()
    call_command("prune", *options, stdout=out)
    return [line for line in out.getvalue().splitlines() if line.startswith("OAuth2")]


@pytest.fixture
def rows(alice: User) -> None:
    """Of each kind one that has run out and one that has not; both refresh tokens are used, and both codes."""
    own: dict[str, Any] = {"user": alice, "application": make_client(), "credentials_version": 1}
    now = timezone.now()
    for name, at in (("old", now - timedelta(hours=1)), ("new", now + timedelta(hours=1))):
        for model in (AccessToken, RefreshToken):
            used = {"revoked": now} if model is RefreshToken else {}
            model._default_manager.create(
                **own, **used, token="", token_checksum=name, token_family=uuid.uuid4(), scope="", expires=at
            )
        Grant._default_manager.create(**own, code=name, expires=at, redirect_uri="", used_at=now)
        DeviceGrant._default_manager.create(client_id="lage", device_code=name, user_code=name, expires=at)
        IDToken._default_manager.create(user=alice, application=own["application"], expires=at)


def test_a_dry_run_only_says(rows: None) -> None:
    kinds = ["access tokens", "refresh tokens", "authorization codes", "device codes", "ID tokens"]
    assert run("--dry-run") == [f"OAuth2 {kind}: 1 to remove" for kind in kinds]
    assert left() == [2, 2, 2, 2, 2]


def test_what_has_run_out_goes_and_the_used_stays_until_then(rows: None) -> None:
    """A used code or refresh token has to be noticed when it comes again (RFC 9700 §4.14.2)."""
    assert [line.split(": ")[1] for line in run()] == ["1 removed"] * 5
    assert left() == [1, 1, 1, 1, 1]
    assert RefreshToken._default_manager.get().token_checksum == "new"
    assert [line.split(": ")[1] for line in run()] == ["0 removed"] * 5


def test_it_goes_in_batches_of_one_statement(
    alice: User, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    monkeypatch.setattr(pruning, "BATCH", 10)
    at = timezone.now() - timedelta(hours=1)
    own: dict[str, Any] = {"user": alice, "application": make_client(), "credentials_version": 1, "expires": at, "token": ""}
    AccessToken._default_manager.bulk_create(
        AccessToken(**own, token_checksum=str(number), token_family=uuid.uuid4()) for number in range(25)
    )
    with django_assert_num_queries(4):
        assert pruning.remove(pruning.expired()["OAuth2 access tokens"]) == 25
    assert not AccessToken._default_manager.exists()

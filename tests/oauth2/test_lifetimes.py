"""When codes, tokens and keys run out, asked of the time itself: what is read takes the time as a parameter."""

import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from sage_platform.accounts.models import User
from sage_platform.api.seams import ThirdParty
from sage_platform.oauth2 import keys, tokens
from sage_platform.oauth2.models import AccessToken, Application, Grant, RefreshToken, SigningKey
from sage_platform.oauth2.pruning import PRUNABLE
from tests.oauth2_clients import make_client

pytestmark = pytest.mark.django_db
AT = datetime.fromisoformat("2030-01-01T12:00:00+00:00")
MOMENT = timedelta(microseconds=1)


@pytest.fixture
def approval(alice: User) -> tokens.Approval:
    return tokens.Approval(make_client(), alice, alice.credentials_version, token_family=uuid.uuid4())


def grant(approval: tokens.Approval, code: str, **changes: object) -> Grant:
    own: dict[str, Any] = {"application": approval.application, "user": approval.user, "credentials_version": 1}
    own |= {"redirect_uri": "", "scope": "openid"}
    made: Grant = Grant.objects.create(**own, **{"code": code, "expires": AT} | changes)
    return made


def test_an_access_token_is_found_until_it_expires(approval: tokens.Approval) -> None:
    token = tokens.new(tokens.ACCESS_PREFIX)
    tokens.save_access_token(token, approval, scope="openid")
    AccessToken.objects.update(expires=AT)
    assert tokens.find_access_token(token, AT - MOMENT) == ThirdParty("lage", frozenset({"openid"}), approval.user)
    assert tokens.find_access_token(token, AT) is None


def test_without_a_time_it_is_now(approval: tokens.Approval) -> None:
    token = tokens.new(tokens.ACCESS_PREFIX)
    tokens.save_access_token(token, approval, scope="openid")
    assert tokens.find_access_token(token) is not None
    AccessToken.objects.update(expires=timezone.now())
    assert tokens.find_access_token(token) is None


def test_a_code_is_alive_until_it_expires(approval: tokens.Approval) -> None:
    code = grant(approval, "a code")
    assert (tokens.is_alive(code, AT - MOMENT), tokens.is_alive(code, AT)) == (True, False)


def test_a_refresh_token_is_alive_until_it_expires(approval: tokens.Approval) -> None:
    tokens.save_refresh_token("a token", approval, scope="openid")
    RefreshToken.objects.update(expires=AT)
    row = RefreshToken.objects.get()
    assert (tokens.is_alive(row, AT - MOMENT), tokens.is_alive(row, AT)) == (True, False)


@pytest.mark.parametrize("how", ["a disabled client", "a changed password", "a deactivation"])
def test_what_has_been_ended_is_alive_at_no_time(how: str, approval: tokens.Approval) -> None:
    grant(approval, "a code")
    if how == "a disabled client":
        Application.objects.update(enabled=False)
    elif how == "a changed password":
        User.objects.update(credentials_version=2)
    else:
        User.objects.update(is_active=False)
    row = Grant.objects.select_related("user", "application").get()
    assert tokens.is_alive(row, AT - timedelta(days=365)) is False


def test_what_is_pruned_at_which_time(approval: tokens.Approval) -> None:
    """A used code stays 30 days longer, as long as the refresh token that it gave (RFC 6749 §4.1.2)."""
    tokens.save_access_token("a token", approval, scope="openid")
    tokens.save_refresh_token("a token", approval, scope="openid")
    AccessToken.objects.update(expires=AT)
    RefreshToken.objects.update(expires=AT)
    grant(approval, "unused")
    grant(approval, "used", used_at=AT)

    def counts(now: datetime) -> list[int]:
        return [expired(now).count() for expired in PRUNABLE.values()]

    assert counts(AT) == [0, 0, 0, 0, 0, 0]
    assert counts(AT + MOMENT) == [1, 1, 1, 0, 0, 0]
    assert counts(AT + timedelta(days=30)) == [1, 1, 1, 0, 0, 0]
    assert counts(AT + timedelta(days=30) + MOMENT) == [1, 1, 2, 0, 0, 0]


@pytest.mark.parametrize(("days", "rotated"), [(timedelta(days=90) - MOMENT, False), (timedelta(days=90), True)])
def test_the_key_that_signs_is_due_after_ninety_days(*, days: timedelta, rotated: bool, signing_keys: list[SigningKey]) -> None:
    activated = signing_keys[0].activated_at
    assert activated is not None
    assert keys.rotate_if_due(activated + days) is rotated
    signing = SigningKey.objects.get(activated_at__isnull=False, retired_at=None)
    assert signing.kid == signing_keys[1 if rotated else 0].kid


def test_no_key_is_due_where_there_is_none() -> None:
    assert keys.rotate_if_due(AT) is False
    assert not SigningKey.objects.exists()

"""manage.py prune"""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from sage_platform.accounts.models import AccessToken, LimitedAct, RefreshToken, RegistrationCode, Session, SignIn, User
from sage_platform.accounts.services import pruning
from system.usage.models import UsageCaller, UsageEvent, UsageName
from versions.models import RefusedRelease, Source

MODELS = [Session, AccessToken, RefreshToken, RegistrationCode, LimitedAct, SignIn, RefusedRelease, UsageEvent, UsageName]


@pytest.fixture
def rows(alice: User) -> None:
    """Of each kind one that has just run out and one that is about to. Those that are kept for a while are older by that."""
    now = timezone.now()
    moments = {"old": now - timedelta(minutes=1), "new": now + timedelta(minutes=1)}
    for name, at in moments.items():
        SignIn.objects.create(user=alice, method="password", credentials_version=1, client_key=name)
        SignIn.objects.filter(client_key=name).update(seen_at=at - timedelta(days=90))
    kept = SignIn.objects.get(client_key="new")
    for name, at in moments.items():
        Session.objects.create(session_key=name, session_data="x", expire_date=at)
        AccessToken.objects.create(digest=name, sign_in=kept, expires_at=at)
        RefreshToken.objects.create(digest=name, sign_in=kept, expires_at=at, used_at=now)
        RegistrationCode.objects.create(email_key=name, digest="x", expires_at=at)
        LimitedAct.objects.create(limit="x", subject=name, at=at - timedelta(days=1))
        RefusedRelease.objects.create(source=Source.API, made_by=name, at=at - timedelta(days=90), faults=[])
    caller = UsageCaller.objects.create(kind=UsageCaller.Kind.USER, name="alice")
    for name, at in moments.items():
        times = {"received_at": at - timedelta(days=400), "occurred_at": now}
        UsageEvent.objects.create(caller=caller, event_id=name, user_id="alice", count=1, **times)
    for name, days in {"old": 401, "new": 400}.items():
        UsageName.objects.create(
            caller=caller, kind=UsageName.Kind.AGENT, name=name, first_day=(now - timedelta(days=days)).date()
        )


def left() -> list[int]:
    return [model._base_manager.count() for model in MODELS]


def run(*options: str) -> str:
    out = StringIO()
    call_command("prune", *options, stdout=out)
    return out.getvalue()


def test_a_dry_run_only_says(rows: None) -> None:
    assert run("--dry-run") == (
        "sessions: 1 to remove\naccess tokens: 1 to remove\nrefresh tokens: 1 to remove\n"
        "registration codes: 1 to remove\ncounted acts: 1 to remove\nsign-ins: 1 to remove\n"
        "OAuth2 access tokens: 0 to remove\nOAuth2 refresh tokens: 0 to remove\nOAuth2 authorization codes: 0 to remove\n"
        "OAuth2 device codes: 0 to remove\nOAuth2 ID tokens: 0 to remove\n"
        "OAuth2 former client secrets: 0 to remove\n"
        "usage events: 1 to remove\nusage names: 1 to remove\nrefused releases: 1 to remove\n"
    )
    assert left() == [2] * 9


def test_what_has_run_out_goes_and_the_rest_stays(rows: None) -> None:
    assert run() == (
        "sessions: 1 removed\naccess tokens: 1 removed\nrefresh tokens: 1 removed\n"
        "registration codes: 1 removed\ncounted acts: 1 removed\nsign-ins: 1 removed\n"
        "OAuth2 access tokens: 0 removed\nOAuth2 refresh tokens: 0 removed\nOAuth2 authorization codes: 0 removed\n"
        "OAuth2 device codes: 0 removed\nOAuth2 ID tokens: 0 removed\n"
        "OAuth2 former client secrets: 0 removed\n"
        "usage events: 1 removed\nusage names: 1 removed\nrefused releases: 1 removed\n"
    )
    assert left() == [1] * 9
    assert [SignIn.objects.get().client_key, *(model._base_manager.get().pk for model in MODELS[:4])] == ["new"] * 5
    assert [LimitedAct.objects.get().subject, RefusedRelease.objects.get().made_by] == ["new"] * 2
    assert [UsageEvent.objects.get().event_id, UsageName.objects.get().name] == ["new"] * 2
    assert {line.split(": ")[1] for line in run().splitlines()} == {"0 removed"}
    assert left() == [1] * 9


def test_it_goes_in_batches(
    alice: User, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    monkeypatch.setattr(pruning, "BATCH", 10)
    at = timezone.now() - timedelta(days=2)
    LimitedAct.objects.bulk_create(LimitedAct(limit="x", subject="y", at=at) for _ in range(25))
    with django_assert_num_queries(3):  # Three batches of one statement each; the last is not full, so there is no more.
        assert sum(pruning.remove(LimitedAct.objects.all())) == 25
    assert not LimitedAct.objects.exists()


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite runs a subquery that asks for nothing outside it once.")
def test_a_batch_is_bounded_whatever_postgresql_plans(
    alice: User, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    """With the usual ways to join out of reach it goes through a subquery of IN again for every row, as on some tables."""
    monkeypatch.setattr(pruning, "BATCH", 10)
    at = timezone.now() - timedelta(days=2)
    LimitedAct.objects.bulk_create(LimitedAct(limit="x", subject="y", at=at) for _ in range(25))
    with connection.cursor() as cursor:
        for way in ("hashjoin", "mergejoin", "hashagg", "sort", "material"):
            cursor.execute(f"SET LOCAL enable_{way} = off")
    with django_assert_num_queries(3):
        assert sum(pruning.remove(LimitedAct.objects.all())) == 25
    assert not LimitedAct.objects.exists()

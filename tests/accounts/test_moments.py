"""What counts at a given moment: limits, codes, tokens and sessions are asked with the time, so that no clock is moved here."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import RequestFactory

from sage_platform.accounts.models import LimitedAct, RefreshToken, RegistrationCode, Session, SignIn, User
from sage_platform.accounts.services import limits, sign_ins
from sage_platform.accounts.services.limits import Limit, keyed_digest
from sage_platform.accounts.sessions import SessionStore
from sage_platform.api.errors import TooManyRequests
from sage_platform.digests import token_digest

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)
KNOCKS = Limit("knock", 2, 10 * MINUTE)


def knock(subject: str, at: datetime, detail: str = "") -> None:
    LimitedAct.objects.create(limit="knock", subject=keyed_digest(subject), detail=keyed_digest(detail) if detail else "", at=at)


def seconds_to_wait(subject: str, at: datetime, detail: str | None = None) -> float | None:
    try:
        limits.check(KNOCKS, subject, at=at, detail=detail)
    except TooManyRequests as refused:
        return refused.retry_after
    return None


@pytest.mark.django_db
def test_a_limit_counts_the_acts_of_its_window() -> None:
    knock("alice", NOON)
    assert seconds_to_wait("alice", NOON + MINUTE) is None
    knock("alice", NOON + 3 * MINUTE)
    # There is room again when the first of the two is ten minutes old.
    assert seconds_to_wait("alice", NOON + 3 * MINUTE) == 7 * 60
    assert seconds_to_wait("alice", NOON + 10 * MINUTE - SECOND) == 1
    assert seconds_to_wait("alice", NOON + 10 * MINUTE) is None
    assert seconds_to_wait("bob", NOON + 3 * MINUTE) is None


@pytest.mark.django_db
def test_a_limit_by_detail_counts_only_the_acts_with_the_same_one() -> None:
    for detail in ("here", "here", "there"):
        knock("alice", NOON, detail)
    assert seconds_to_wait("alice", NOON + MINUTE, "here") == 9 * 60
    assert seconds_to_wait("alice", NOON + MINUTE, "there") is None
    assert seconds_to_wait("alice", NOON + MINUTE) == 9 * 60


@pytest.mark.django_db
def test_a_code_is_valid_until_the_moment_it_expires() -> None:
    RegistrationCode.objects.create(email_key="carol@sage.example", digest="0" * 64, expires_at=NOON)
    assert RegistrationCode.objects.valid(NOON - SECOND).count() == 1
    assert RegistrationCode.objects.valid(NOON).count() == 0


@pytest.fixture
def sign_in(alice: User) -> SignIn:
    made: SignIn = SignIn.objects.create(user=alice, method="password", credentials_version=1, client_key="127.0.0.1")
    SignIn.objects.update(seen_at=NOON)
    return made


def test_a_refresh_token_is_usable_until_it_expires_or_is_used(sign_in: SignIn) -> None:
    RefreshToken.objects.create(digest="fresh", sign_in=sign_in, expires_at=NOON)
    RefreshToken.objects.create(digest="used", sign_in=sign_in, expires_at=NOON, used_at=NOON - DAY)
    assert list(RefreshToken.objects.usable(NOON - SECOND).values_list("pk", flat=True)) == ["fresh"]
    assert list(RefreshToken.objects.usable(NOON)) == []


def kept_session(sign_in: SignIn, *, until: datetime) -> SessionStore:
    Session.objects.create(session_key=token_digest("k" * 32), session_data="", expire_date=until, sign_in=sign_in)
    return SessionStore(session_key="k" * 32)


@pytest.mark.parametrize(("at", "alive"), [(NOON - SECOND, True), (NOON, False), (NOON + DAY, False)])
def test_a_session_stands_for_its_sign_in_until_it_expires(at: datetime, alive: bool, sign_in: SignIn) -> None:
    assert kept_session(sign_in, until=NOON).sign_in(at) == (sign_in if alive else None)


@pytest.mark.parametrize(("age", "renewed"), [(DAY - SECOND, False), (DAY, False), (DAY + SECOND, True), (13 * DAY, True)])
def test_a_session_is_renewed_once_it_is_over_a_day_old(age: timedelta, renewed: bool, sign_in: SignIn) -> None:
    request = RequestFactory().get("/")
    request.session = kept_session(sign_in, until=NOON + 14 * DAY)
    assert sign_ins.of_session(request, at=NOON + age) == sign_in
    assert request.session.modified is renewed
    sign_in.refresh_from_db()
    assert sign_in.seen_at == (NOON + age if renewed else NOON)

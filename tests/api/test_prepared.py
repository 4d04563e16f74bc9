"""Look-ups whose SQL is written once give what the query set would."""

from datetime import datetime, timedelta
from threading import Thread
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from sage_platform.accounts.models import Session, SignIn, User
from sage_platform.api.prepared import PreparedLookup, Row

FIELDS = ["id", "credentials_version", "ended_at", "user__username", "user__is_active"]


@pytest.fixture
def sign_in(alice: User) -> SignIn:
    made: SignIn = SignIn.objects.create(user=alice, method="password", credentials_version=7, client_key="127.0.0.1")
    return made


def test_values_come_in_the_types_of_their_fields(sign_in: SignIn) -> None:
    lookup: PreparedLookup[Row] = PreparedLookup(lambda: SignIn.objects.values_list(*FIELDS), by="pk")
    [row] = lookup(sign_in.pk)
    assert list(row) == [sign_in.pk, 7, None, "alice", True]
    assert isinstance(row[0], UUID)
    assert isinstance(row[4], bool)


def test_a_moment_is_aware_of_its_zone(db: None) -> None:
    moment = timezone.now() + timedelta(hours=1)
    Session.objects.create(session_key="k" * 32, session_data="", expire_date=moment)
    by_key: PreparedLookup[Row] = PreparedLookup(lambda: Session.objects.values_list("expire_date"), by="session_key")
    [[found]] = by_key("k" * 32)
    assert isinstance(found, datetime)
    assert found == moment


def test_each_call_is_one_query_and_sees_what_is_there_now(sign_in: SignIn) -> None:
    lookup: PreparedLookup[Row] = PreparedLookup(lambda: SignIn.objects.values_list("credentials_version"), by="pk")
    assert [list(row) for row in lookup(sign_in.pk)] == [[7]]
    SignIn.objects.update(credentials_version=8)
    with CaptureQueriesContext(connection) as queries:
        assert [list(row) for row in lookup(sign_in.pk)] == [[8]]
    assert len(queries) == 1
    SignIn.objects.all().delete()
    assert lookup(sign_in.pk) == []


def test_another_value_finds_another_row(sign_in: SignIn, bob: User) -> None:
    other = SignIn.objects.create(user=bob, method="password", credentials_version=1, client_key="127.0.0.1")
    lookup: PreparedLookup[Row] = PreparedLookup(lambda: SignIn.objects.values_list("user__username"), by="pk")
    assert [list(row) for key in (sign_in.pk, other.pk) for row in lookup(key)] == [["alice"], ["bob"]]


def test_a_value_is_never_part_of_the_statement(sign_in: SignIn) -> None:
    lookup: PreparedLookup[Row] = PreparedLookup(lambda: Session.objects.values_list("session_data"), by="session_key")
    assert lookup("' OR ''='") == []
    assert lookup("%s") == []


@pytest.mark.django_db(transaction=True)
def test_each_thread_asks_by_its_own_connection(alice: User) -> None:
    lookup: PreparedLookup[Row] = PreparedLookup(lambda: User.objects.values_list("username"), by="pk")
    found: list[str] = []

    def ask() -> None:
        found.extend(row[0] for row in lookup("alice"))
        connection.close()

    for thread in [Thread(target=ask) for _ in range(3)]:
        thread.start()
        thread.join()
    found.extend(row[0] for row in lookup("alice"))
    assert found == ["alice"] * 4


def test_a_query_set_with_a_condition_of_its_own_is_refused(sign_in: SignIn) -> None:
    """The value in such a condition would stay what it was at the first call."""
    lookup: PreparedLookup[Row] = PreparedLookup(
        lambda: SignIn.objects.filter(seen_at__lt=timezone.now()).values_list("pk"), by="pk"
    )
    with pytest.raises(TypeError, match="no condition but the value"):
        lookup(sign_in.pk)


def test_a_form_is_made_once_of_each_row_as_it_stands(sign_in: SignIn) -> None:
    made: list[Row] = []

    def form(row: Row) -> str:
        made.append(row)
        return f"version {row[0]}"

    lookup = PreparedLookup(lambda: SignIn.objects.values_list("credentials_version"), by="pk", form=form)
    assert [lookup(sign_in.pk) for _ in range(3)] == [["version 7"]] * 3
    assert made == [(7,)]
    SignIn.objects.filter(pk=sign_in.pk).update(credentials_version=8)
    assert lookup(sign_in.pk) == ["version 8"]
    SignIn.objects.filter(pk=sign_in.pk).update(credentials_version=7)
    assert lookup(sign_in.pk) == ["version 7"]
    assert made == [(7,), (8,)]

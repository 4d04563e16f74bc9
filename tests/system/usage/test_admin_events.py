"""The administration's list of events: looked up, never written, and read along the primary key however many there are."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from system.usage import admin as of_usage
from system.usage.models import UsageEvent
from tests.people import Caller
from tests.system.usage.bodies import REPORT, batch, event
from tests.system.usage.stored import everything

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]
LIST = "/admin/system/usageevent/"


@pytest.fixture(autouse=True)
def _reported(noon: object, as_alice: Caller, as_bob: Caller) -> None:
    for caller, event_id in ((as_alice, "e 1"), (as_alice, "e2"), (as_bob, "e 1"), (as_bob, "alice")):
        caller.post(REPORT, batch(event(event_id)))


def listed(caller: Caller, query: dict[str, Any]) -> list[tuple[str, str]]:
    response = caller.get(LIST, query)
    assert response.status_code == 200, response
    return [(row.event_id, row.user_id) for row in response.context["cl"].result_list]


def test_newest_first(as_admin: Caller) -> None:
    assert listed(as_admin, {}) == [("alice", "bob"), ("e 1", "bob"), ("e2", "alice"), ("e 1", "alice")]


@pytest.mark.parametrize(
    ("term", "found"),
    [
        ("e 1", [("e 1", "bob"), ("e 1", "alice")]),
        ("e2", [("e2", "alice")]),
        ("e", []),
        ("alice", [("alice", "bob"), ("e2", "alice"), ("e 1", "alice")]),
        ("ALICE", [("e2", "alice"), ("e 1", "alice")]),
        ("x" * 201, []),
        ("🦊", []),
    ],
)
def test_an_event_is_found(term: str, found: list[tuple[str, str]], as_admin: Caller) -> None:
    assert listed(as_admin, {"q": term}) == found


def test_a_person_is_looked_for_among_the_newest(as_admin: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_usage, "LOOKED_AT", 2)
    assert listed(as_admin, {"q": "alice"}) == [("alice", "bob")]
    assert listed(as_admin, {"q": "e2"}) == [("e2", "alice")]


def test_there_are_pages_for_the_newest_alone(as_admin: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_usage, "LISTED", 3)
    response = as_admin.get(LIST)
    assert response.context["cl"].result_count == 3
    with CaptureQueriesContext(
        connection,
    ) as asked:
        as_admin.get(LIST)
    counting = [query["sql"] for query in asked if "COUNT(" in query["sql"]]
    assert counting
    assert all("LIMIT 3" in sql for sql in counting)


def test_the_list_is_read_along_the_primary_key(as_admin: Caller) -> None:
    with CaptureQueriesContext(connection) as asked:
        as_admin.get(LIST)
    [rows] = [query["sql"] for query in asked if 'FROM "system_usageevent"' in query["sql"] and "COUNT(" not in query["sql"]]
    assert 'ORDER BY "system_usageevent"."id" DESC' in rows


@pytest.mark.parametrize("query", ["user_id=alice", "agent_id=writer", "caller__name=alice", "event_id__startswith=e"])
def test_no_column_of_the_address_is_searched(query: str, as_admin: Caller) -> None:
    response = as_admin.get(f"{LIST}?{query}")
    assert response.status_code in {302, 400}


def test_few_queries(as_admin: Caller, django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_max_num_queries(9):
        as_admin.get(LIST)
    with django_assert_max_num_queries(13):
        as_admin.get(LIST, {"q": "alice"})


def test_nobody_writes_one(as_admin: Caller, as_alice: Caller) -> None:
    before, row = everything(), UsageEvent.objects.earliest("pk")
    page = as_admin.get(f"{LIST}{row.pk}/change/")
    assert page.status_code == 200
    assert 'href="/admin/system/dailyusage/?days=30&amp;user=alice"' in page.content.decode()
    for path in ("add/", f"{row.pk}/change/", f"{row.pk}/delete/"):
        assert as_admin.form(f"{LIST}{path}", {"count": 9, "post": "yes"}).status_code == 403
        assert as_alice.get(f"{LIST}{path}").status_code == 403
    assert as_alice.get(LIST).status_code == 403
    assert everything() == before

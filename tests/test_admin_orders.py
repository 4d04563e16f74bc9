"""The administration's lists that grow: their first page is read along an index, however many rows there are."""

import re
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import RequestFactory

from providers.models import Provider
from sage_platform.accounts.models import SignIn, User
from sage_platform.oauth2.models import AccessToken, Consent, RefreshToken
from tests.people import Caller

pytestmark = pytest.mark.django_db
GROWING: list[Any] = [SignIn, User, LogEntry, Provider, AccessToken, RefreshToken, Consent]


def plan_of_first_page(model: Any, actor: User) -> str:
    request: Any = RequestFactory().get("/")
    request.user = actor
    rows = admin.site._registry[model].get_changelist_instance(request).get_queryset(request)[:100]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # With so few rows PostgreSQL would read and sort them all. Now it does only where no index has the order.
            cursor.execute("SET LOCAL enable_sort = off")
            cursor.execute("SET LOCAL enable_seqscan = off")
    return str(rows.explain())


@pytest.mark.parametrize("model", GROWING)
def test_the_first_page_needs_no_sorting(model: Any, admin: User) -> None:
    plan = plan_of_first_page(model, admin)
    # PostgreSQL may sort the rows of one and the same moment ("Incremental Sort"), which are few.
    assert not re.search(r"USE TEMP B-TREE FOR ORDER BY|(?<!Incremental )Sort  \(cost", plan), plan
    assert "INDEX" in plan.upper()


@pytest.mark.parametrize("model", GROWING)
def test_no_list_asks_every_row_for_its_date(model: Any) -> None:
    """A hierarchy of dates truncates the date of each row that there is: seconds of work at a million."""
    assert admin.site._registry[model].date_hierarchy is None


def test_the_history_is_newest_first_and_filtered_by_time(as_admin: Caller) -> None:
    for name in ("one", "two"):
        LogEntry.objects.create(user=as_admin.user, action_flag=2, object_repr=name, change_message="")
    page = as_admin.get("/admin/admin/logentry/", {"action_time__gte": "2026-01-01 00:00:00+00:00"})
    assert [entry.object_repr for entry in page.context["cl"].result_list] == ["two", "one"]

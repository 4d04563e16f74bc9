"""Searches of the administration's lists that are too long: told to the person, and no outage."""

import io
import json
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import AnonymousUser
from django.db import OperationalError, connection
from django.db.models import Q
from django.test import RequestFactory

from sage_platform.accounts.models import User
from sage_platform.api import handlers
from sage_platform.databases.errors import is_outage
from tests.people import Caller
from tests.visitor import text_of

TOO_LONG = "Search for 20 words and 200 characters at most."
LISTS = sorted(
    f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
    for model, shown in admin.site._registry.items()
    if shown.search_fields
)


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("search", [" ".join(["word"] * 3000), " ".join("abcdefghijklmnopqrstu"), "x" * 201])
def test_a_search_that_is_too_long_finds_nothing_and_says_so(path: str, search: str, as_admin: Caller, log: io.StringIO) -> None:
    response = as_admin.get(path, {"q": search})
    assert response.status_code == 200
    assert TOO_LONG in text_of(response)
    assert response.context["cl"].result_count == 0
    assert log.getvalue() == ""
    assert TOO_LONG not in text_of(as_admin.get(path))


@pytest.mark.parametrize("search", ["a l i c e @ s a g e . e x a m p l e", "alice@sage.example" + " " * 182])
def test_a_search_of_the_longest_that_is_taken(search: str, as_admin: Caller, alice: User, bob: User) -> None:
    response = as_admin.get("/admin/accounts/user/", {"q": search})
    assert TOO_LONG not in text_of(response)
    assert [user.pk for user in response.context["cl"].result_list] == ["alice"]


def test_a_choice_of_users_is_searched_by_the_same_rule(as_admin: Caller, alice: User) -> None:
    asked = {"app_label": "providers", "model_name": "provider", "field_name": "owner"}
    for term, found in (("alice", ["alice"]), (" ".join(["alice"] * 3000), [])):
        response = as_admin.get("/admin/autocomplete/", {**asked, "term": term})
        assert [row["id"] for row in json.loads(response.content)["results"]] == found


@pytest.fixture
def too_deep(alice: User) -> OperationalError:
    """What the database says of a condition that is deeper than it can be."""
    condition = Q(pk="0")
    for number in range(1, 20_000 if connection.vendor == "postgresql" else 1_100):
        condition |= Q(pk=str(number))
    try:
        User.objects.filter(condition).exists()
    except OperationalError as error:
        return error
    pytest.skip("This database takes conditions of any depth.")


@pytest.mark.django_db
def test_a_statement_that_is_too_deep_is_our_fault_and_no_outage(too_deep: OperationalError, log: io.StringIO) -> None:
    assert not is_outage(too_deep)
    assert handlers.as_api_error(too_deep) is None
    request: Any = RequestFactory().get("/admin/")
    request.user = AnonymousUser()
    try:
        raise too_deep
    except OperationalError:
        assert handlers.server_error(request).status_code == 500


@pytest.mark.django_db
def test_a_missing_table_is_an_outage_as_before() -> None:
    """On SQLite, where it is the same code as a statement that is wrong: the database is not migrated."""
    if connection.vendor != "sqlite":
        return
    with pytest.raises(OperationalError, match="no such table") as raised, connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM nowhere")
    assert is_outage(raised.value)

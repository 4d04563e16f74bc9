"""By what the admin's lists can be filtered: never by a column that holds a secret, or something made of one."""

from typing import Any

import pytest
from django.contrib import admin
from django.db.models import Model

from sage_platform.encryption import SealedField
from sage_platform.oauth2.models import AccessToken, Application, RefreshToken, SigningKey
from tests.oauth2_clients import make_client
from tests.people import Caller

pytestmark = pytest.mark.django_db
SECRET_NAMES = {"password", "client_secret", "token", "token_checksum", "private_key", "key", "config_digest"}


def list_of(model: type[Model]) -> str:
    return f"/admin/{model._meta.app_label}/{model._meta.model_name}/"


def hidden_columns() -> list[Any]:
    """(model, column) of every list, for the columns that it neither shows nor has a filter for."""
    found = []
    for model, shown in admin.site._registry.items():
        filters = [one[0] if isinstance(one, tuple) else one for one in shown.list_filter]
        declared = {*shown.list_display, *filters, shown.date_hierarchy}
        found += [(model, field) for field in model._meta.concrete_fields if field.name not in declared]
    return found


def test_the_columns_with_secrets_are_among_those_that_are_tried() -> None:
    """Each area's, so that the test below speaks of them."""
    tried = {f"{model._meta.label}.{field.name}" for model, field in hidden_columns() if field.name in SECRET_NAMES}
    assert tried == {
        "accounts.User.password",
        "oauth2.Application.client_secret",
        "oauth2.AccessToken.token",
        "oauth2.AccessToken.token_checksum",
        "oauth2.RefreshToken.token",
        "oauth2.RefreshToken.token_checksum",
        "oauth2.SigningKey.private_key",
        "providers.Provider.key",
        "providers.Provider.config_digest",
        "uploads.Upload.key",
    }
    for model, shown in admin.site._registry.items():
        for field in model._meta.concrete_fields:
            assert not isinstance(field, SealedField) or field.name not in shown.list_display


# The one leads to its one row; the other is a report, in which no column filters anything.
NO_LISTS = {"system.SystemSettings", "system.DailyUsage"}


def test_no_list_is_filtered_by_a_column_that_it_does_not_show(as_admin: Caller) -> None:
    for model, field in hidden_columns():
        if model._meta.label in NO_LISTS:
            continue
        for name in {field.name, field.attname}:
            for lookup in ("", "__exact", "__startswith", "__gte", "__regex", "__in", "__isnull"):
                response = as_admin.get(list_of(model), {f"{name}{lookup}": "a"})
                assert response.status_code == 400, (model, name, lookup)


@pytest.mark.parametrize(
    ("model", "lookup"),
    [
        (AccessToken, "application__client_secret__startswith"),
        (AccessToken, "user__password__startswith"),
        (RefreshToken, "user__password__startswith"),
        (Application, "accesstoken__token_checksum__startswith"),
        (Application, "user__password__startswith"),
        (SigningKey, "private_key__contains"),
    ],
)
def test_nor_by_another_tables(model: type[Model], lookup: str, as_admin: Caller) -> None:
    make_client()
    for start in ("", "a", "sha256$"):
        assert as_admin.get(list_of(model), {lookup: start}).status_code == 400


@pytest.mark.parametrize(
    ("path", "query", "found"),
    [
        ("oauth2/application", {"enabled__exact": "1"}, 1),
        ("oauth2/application", {"enabled__exact": "0"}, 0),
        ("oauth2/application", {"source__exact": "admin", "o": "2.-1", "q": "lage"}, 1),
        ("oauth2/application", {"client_id__startswith": "la"}, 1),
        ("oauth2/accesstoken", {"application__id__exact": "1", "created__gte": "2026-01-01 00:00:00+00:00"}, 0),
        ("accounts/user", {"role__exact": "admin", "created_at__year": "2026"}, None),
        ("accounts/signin", {"method__exact": "password", "ended_at__isempty": "1"}, 1),
        ("admin/logentry", {"action_flag__exact": "1"}, 0),
        ("providers/provider", {"owner__isempty": "1", "is_default__exact": "0"}, 0),
    ],
)
def test_the_lists_own_filters_go_on(path: str, query: dict[str, str], found: int | None, as_admin: Caller) -> None:
    make_client()
    response = as_admin.get(f"/admin/{path}/", query)
    assert response.status_code == 200
    assert found is None or response.context["cl"].result_count == found

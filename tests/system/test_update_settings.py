"""POST /api/system/update_settings"""

import json
from typing import Any

import pytest
from django.contrib.admin.models import CHANGE, LogEntry

from system.models import SystemSettings
from tests.people import Caller, envelope

pytestmark = pytest.mark.django_db(transaction=True)
PATH = "/api/system/update_settings"
INVALID = "The request is not valid. See data.errors for what to change."


def allowed() -> bool:
    """As anybody sees it."""
    value: bool = envelope(Caller().get("/api/system/info"))["data"]["allow_registration"]
    return value


def test_an_administrator_opens_and_closes_registration(as_admin: Caller) -> None:
    for value in (True, False):
        response = as_admin.post(PATH, {"allow_registration": value})
        assert response.status_code == 200
        assert envelope(response) == {"code": 200, "message": "success", "data": {}}
        assert allowed() is value


WRONG: list[tuple[Any, str]] = [
    ("yes", "Must be true or false."),
    ("true", "Must be true or false."),
    ("", "Must be true or false."),
    (0, "Must be true or false."),
    (1, "Must be true or false."),
    (1.0, "Must be true or false."),
    ([], "Must be true or false."),
    ({}, "Must be true or false."),
    (None, "This field may not be null."),
]


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize(("value", "message"), WRONG)
def test_only_a_json_boolean_is_taken(value: Any, message: str, before: bool, as_admin: Caller) -> None:
    SystemSettings.objects.update_or_create(pk=1, defaults={"allow_registration": before})
    response = as_admin.post(PATH, {"allow_registration": value})
    assert response.status_code == 422
    errors = [{"field": "allow_registration", "message": message}]
    assert envelope(response) == {"code": 422, "message": INVALID, "data": {"errors": errors}}
    check_unchanged(before)


def test_a_missing_value(as_admin: Caller) -> None:
    SystemSettings.objects.update_or_create(pk=1, defaults={"allow_registration": True})
    response = as_admin.post(PATH, {})
    assert response.status_code == 422
    assert envelope(response)["data"] == {"errors": [{"field": "allow_registration", "message": "This field is required."}]}
    check_unchanged(True)


def check_unchanged(before: bool) -> None:
    assert list(SystemSettings.objects.values_list("allow_registration", flat=True)) == [before]
    assert LogEntry.objects.count() == 0


@pytest.mark.parametrize(("who", "status"), [("anyone", 401), ("as_alice", 403)])
def test_who_is_no_administrator_changes_nothing(who: str, status: int, request: pytest.FixtureRequest) -> None:
    SystemSettings.objects.update_or_create(pk=1, defaults={"allow_registration": False})
    response = request.getfixturevalue(who).post(PATH, {"allow_registration": True})
    assert response.status_code == status
    assert envelope(response)["code"] == status
    check_unchanged(False)


@pytest.mark.parametrize("headers", [{"Sec_Fetch_Site": "cross-site"}, {"Origin": "https://evil.example"}, {"Origin": "null"}])
def test_another_sites_page_changes_nothing(headers: dict[str, str], as_admin: Caller) -> None:
    SystemSettings.objects.update_or_create(pk=1, defaults={"allow_registration": False})
    assert as_admin.post(PATH, {"allow_registration": True}, **headers).status_code == 403
    check_unchanged(False)


def test_the_history_names_who_changed_what(as_admin: Caller) -> None:
    as_admin.post(PATH, {"allow_registration": True})
    (row,) = LogEntry.objects.all()
    assert (row.user_id, row.action_flag, row.object_id) == ("admin", CHANGE, "1")
    assert json.loads(row.change_message) == [{"changed": {"fields": ["allow registration"]}}]


def test_a_change_to_the_same_value_writes_no_history(as_admin: Caller) -> None:
    as_admin.post(PATH, {"allow_registration": True})
    written = SystemSettings.objects.get().updated_at
    response = as_admin.post(PATH, {"allow_registration": True})
    assert envelope(response)["code"] == 200
    assert LogEntry.objects.count() == 1
    assert SystemSettings.objects.get().updated_at == written


def test_a_name_that_is_no_setting_is_ignored(as_admin: Caller) -> None:
    as_admin.post(PATH, {"allow_registration": True, "id": 2, "version": "9"})
    assert list(SystemSettings.objects.values_list("pk", "allow_registration")) == [(1, True)]

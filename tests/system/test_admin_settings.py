"""/admin/system/systemsettings/"""

import json

from django.contrib.admin.models import LogEntry

from system.models import SystemSettings
from tests.people import Caller, envelope

PAGE = "/admin/system/systemsettings/1/change/"


def test_the_list_leads_to_the_one_row(as_admin: Caller) -> None:
    response = as_admin.client.get("/admin/system/systemsettings/")
    assert (response.status_code, response.headers["Location"]) == (302, PAGE)
    assert SystemSettings.objects.count() == 1


def test_a_change_is_seen_and_kept(as_admin: Caller, anyone: Caller, django_capture_on_commit_callbacks: object) -> None:
    as_admin.client.get("/admin/system/systemsettings/")
    assert envelope(anyone.get("/api/system/info"))["data"]["allow_registration"] is False
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        assert as_admin.form(PAGE, {"allow_registration": "on"}).status_code == 302
    assert envelope(anyone.get("/api/system/info"))["data"]["allow_registration"] is True
    entry = LogEntry.objects.get()
    assert (entry.user_id, json.loads(entry.change_message)) == ("admin", [{"changed": {"fields": ["Allow registration"]}}])


def test_no_second_row_and_none_less(as_admin: Caller) -> None:
    as_admin.client.get("/admin/system/systemsettings/")
    assert as_admin.form("/admin/system/systemsettings/add/", {"allow_registration": "on"}).status_code == 403
    assert as_admin.form("/admin/system/systemsettings/1/delete/", {"post": "yes"}).status_code == 403
    assert list(SystemSettings.objects.values_list("pk", "allow_registration")) == [(1, False)]

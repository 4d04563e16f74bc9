"""A flag of the deployment is a field of the model. Everything else follows: here from a second flag that only this test has."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.db import connection, models

from sage_platform.api import seams
from system import serializers as wire
from system.admin import SystemSettingsAdmin
from system.apps import current_flag
from system.current import CurrentSettings, current_settings
from system.models import SystemSettings
from system.services import update_settings
from tests.people import Caller, envelope

ROOT = Path(__file__).resolve().parents[2]
PATH = "/api/system/update_settings"


def test_the_flags_are_the_boolean_fields() -> None:
    booleans = [field.name for field in SystemSettings._meta.fields if isinstance(field, models.BooleanField)]
    assert list(SystemSettings.flag_names()) == booleans == ["allow_registration"]


def test_each_has_its_place_everywhere() -> None:
    names = list(SystemSettings.flag_names())
    assert list(wire.UpdateSettingsInput().fields.keys()) == names
    assert set(names) <= set(wire.InfoOutput().fields.keys())
    assert [name for name, _ in seams.deployment_settings.items()] == names
    assert admin.site._registry[SystemSettings].fields == SystemSettingsAdmin.fields == (*names, "updated_at")


def test_the_documentation_names_each() -> None:
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    assert [name for name in SystemSettings.flag_names() if f'"{name}"' not in text] == []


@pytest.fixture
def second_flag(transactional_db: None) -> Iterator[None]:
    """The model and its table with one more field, as a migration would add it."""
    field = models.BooleanField(default=False)
    field.contribute_to_class(SystemSettings, "read_only")
    with connection.schema_editor() as editor:
        editor.add_field(SystemSettings, field)
    yield
    with connection.schema_editor() as editor:
        editor.remove_field(SystemSettings, field)
    SystemSettings._meta.local_fields.remove(field)
    delattr(SystemSettings, "read_only")
    apps.clear_cache()
    current_settings.forget()


@pytest.mark.usefixtures("second_flag")
def test_a_second_flag(as_admin: Caller) -> None:
    response = as_admin.post(PATH, {"allow_registration": True, "read_only": "yes"})
    assert response.status_code == 422
    assert envelope(response)["data"] == {"errors": [{"field": "read_only", "message": "Must be true or false."}]}
    assert CurrentSettings().get().flags() == {"allow_registration": False, "read_only": False}

    assert envelope(as_admin.post(PATH, {"allow_registration": False, "read_only": True}))["code"] == 200
    assert CurrentSettings().get().flags() == {"allow_registration": False, "read_only": True}
    assert [json.loads(entry.change_message) for entry in LogEntry.objects.all()] == [[{"changed": {"fields": ["read only"]}}]]
    assert current_flag("read_only") is True
    shown = envelope(as_admin.get("/api/system/info"))["data"]
    assert (shown["allow_registration"], shown["read_only"]) == (False, True)

    # A client that is older than the flag does not send it.
    assert envelope(as_admin.post(PATH, {"allow_registration": True}))["code"] == 200
    assert CurrentSettings().get().flags() == {"allow_registration": True, "read_only": True}


@pytest.mark.django_db(transaction=True)
def test_a_name_that_is_no_flag() -> None:
    with pytest.raises(TypeError, match="no flags of the deployment: id, regsitration"):
        update_settings(actor=None, regsitration=True, id=True)
    assert SystemSettings.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_a_flag_that_is_not_given_stays() -> None:
    update_settings(actor=None, allow_registration=True)
    update_settings(actor=None)
    assert CurrentSettings().get().flags() == {"allow_registration": True}

"""The generic classes of sage_platform/typing.py, when they are run."""

import pytest
from django import forms
from django.contrib import admin

from sage_platform import typing
from system.models import SystemSettings


@pytest.mark.parametrize(
    ("generic", "base"),
    [
        (typing.ModelAdmin[SystemSettings], admin.ModelAdmin),
        (typing.TabularInline[SystemSettings, SystemSettings], admin.TabularInline),
        (typing.ModelForm[SystemSettings], forms.ModelForm),
    ],
)
def test_the_part_in_brackets_is_dropped(generic: type, base: type) -> None:
    assert isinstance(generic, type)
    assert issubclass(generic, base)


def test_two_forms_are_two_classes() -> None:
    class Form(typing.ModelForm[SystemSettings]):
        class Meta:
            model = SystemSettings
            fields = ("allow_registration",)

    assert list(Form.base_fields) == ["allow_registration"]
    assert list(typing.ModelForm.base_fields) == []

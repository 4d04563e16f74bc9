"""Django's classes that are generic for the type checker alone.

`admin.ModelAdmin[User]` raises when it is run, and without `[User]` the checker does not know the type of a row. These can be
written with it: when run, the part in brackets is dropped.
"""

from typing import TYPE_CHECKING

from django import forms
from django.contrib import admin
from django.forms.models import BaseInlineFormSet

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin
    StackedInline = admin.StackedInline
    TabularInline = admin.TabularInline
    ModelForm = forms.ModelForm
    InlineFormSet = BaseInlineFormSet
else:

    class Subscriptable:
        def __class_getitem__(cls, row: object) -> type:
            return cls

    class ModelAdmin(Subscriptable, admin.ModelAdmin):
        pass

    class StackedInline(Subscriptable, admin.StackedInline):
        pass

    class TabularInline(Subscriptable, admin.TabularInline):
        pass

    class ModelForm(Subscriptable, forms.ModelForm):
        pass

    class InlineFormSet(Subscriptable, BaseInlineFormSet):
        pass

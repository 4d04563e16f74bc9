"""The deployment's settings in the Django admin; and, by its import, usage."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from sage_platform.pages.row_admin import RowForm
from sage_platform.typing import ModelAdmin
from system import services
from system.models import SystemSettings
from system.usage import admin as usage_admin  # noqa: F401  Registers the pages of usage.


class SettingsForm(RowForm[SystemSettings]):
    pass


@admin.register(SystemSettings)
class SystemSettingsAdmin(ModelAdmin[SystemSettings]):
    """There is one row, so the list redirects to its page."""

    form = SettingsForm
    fields = (*SystemSettings.flag_names(), "updated_at")
    readonly_fields = ("updated_at",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: SystemSettings | None = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        row = services.ensure_settings()
        return HttpResponseRedirect(reverse("admin:system_systemsettings_change", args=[row.pk]))

    def save_model(self, request: HttpRequest, obj: SystemSettings, form: object, change: bool) -> None:
        """By the service, which tells every worker. It gets no actor, since the admin itself writes who did it."""
        services.update_settings(actor=None, **obj.flags())

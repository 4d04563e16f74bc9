"""Model providers in the Django admin: keys go in and never come out; the last probe and its history are in clear view."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import APIException, ValidationError

from providers.models import Probe, Provider
from providers.serializers import BaseURL, Keys
from providers.services import records
from providers.services.probes import probe_stored
from sage_platform.accounts.services.outbound_calls import slot


class ProviderForm(forms.ModelForm):  # type: ignore[type-arg]
    new_key = forms.CharField(
        label=_("API key"),
        required=False,
        max_length=4096,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "class": "vTextField"}),
        help_text=_("Kept encrypted and never shown. Empty: unchanged. A new address needs its key."),
    )

    class Meta:
        model = Provider
        fields = (
            "owner", "name", "base_url", "model", "max_tokens", "max_model_len", "temperature", "top_p", "presence_penalty",
            "supports_multimodal", "supports_structured_output", "is_default",
        )  # fmt: skip

    def clean_base_url(self) -> str:
        return str(self._read(BaseURL(), self.cleaned_data["base_url"]))

    def clean_new_key(self) -> Any:
        text = self.cleaned_data["new_key"]
        return self._read(Keys(), [text]) if text else None

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        stored = Provider.objects.filter(pk=self.instance.pk).first()
        moved = stored and cleaned.get("base_url") not in (None, stored.base_url)
        if not self.errors and cleaned["new_key"] is None and (stored is None or moved):
            self.add_error(
                "new_key", _("A new address needs its key: enter the API key again.") if moved else _("Enter the key.")
            )
        return cleaned

    @staticmethod
    def _read(field: Any, value: Any) -> Any:
        try:
            return field.run_validation(value)
        except ValidationError as error:
            raise forms.ValidationError([str(detail) for detail in error.detail]) from None


class ProbeInline(admin.TabularInline):  # type: ignore[type-arg]
    """What the probes found, newest first."""

    model = Probe
    fields = ("at", "result", "category", "latency_ms", "sees_images", "speaks_json", "detail")
    readonly_fields = fields
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Provider)
class ProviderAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    form = ProviderForm
    list_display = ("name", "owner_name", "base_url", "model", "key_hint", "is_default", "last_probe", "probed_at")
    list_filter = ("probe_result", "probe_category", "is_default", ("owner", admin.EmptyFieldListFilter))
    list_select_related = ("owner",)
    search_fields = ("name", "base_url", "model", "owner__username", "owner__email")
    ordering = ("-created_at",)
    autocomplete_fields = ("owner",)
    readonly_fields = ("key_hint", "last_probe", "probed_at", "probe_latency_ms", "created_at", "updated_at")
    fieldsets = (
        (None, {"fields": ("owner", "name", "base_url", "model", "key_hint", "new_key", "is_default")}),
        (_("Last probe"), {"fields": ("last_probe", "probed_at", "probe_latency_ms")}),
        (
            _("Settings"),
            {
                "fields": (
                    "max_tokens", "max_model_len", "temperature", "top_p", "presence_penalty",
                    "supports_multimodal", "supports_structured_output",
                )
            },
        ),
        (_("Times"), {"fields": ("created_at", "updated_at")}),
    )  # fmt: skip
    inlines = (ProbeInline,)
    actions = ("probe_again",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        # Handing a key to somebody else would be giving it away.
        return (*self.readonly_fields, "owner") if obj else self.readonly_fields

    def get_actions(self, request: HttpRequest) -> Any:
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)  # One by one, each with its own page of what goes with it.
        return actions

    @admin.display(description=_("owner"), ordering="owner__username")
    def owner_name(self, provider: Provider) -> str:
        return provider.owner.username if provider.owner else str(_("(the system's)"))

    @admin.display(description=_("last probe"), ordering="probe_result")
    def last_probe(self, provider: Provider) -> str:
        sign = {Provider.ProbeResult.WORKS: "✔", Provider.ProbeResult.FAILS: "✘"}.get(provider.probe_result, "–")  # type: ignore[call-overload]
        words = provider.get_probe_result_display()
        return format_html("{} {}{}", sign, words, f": {provider.probe_category}" if provider.probe_category else "")

    def save_model(self, request: HttpRequest, obj: Provider, form: Any, change: bool) -> None:
        """By the services, which probe what has changed first. The admin itself keeps who did it."""
        data = {name: form.cleaned_data[name] for name in ("name", "base_url", "model", *records.SETTINGS)}
        if form.cleaned_data["new_key"] is not None:
            data["api_keys"] = form.cleaned_data["new_key"]
        if change:
            records.update_provider(Provider.objects.get(pk=obj.pk), data, allowance=slot)
            return
        obj.pk = records.create_provider(obj.owner, data, allowance=slot).pk

    @admin.action(description=_("Probe the selected providers again"))
    def probe_again(self, request: HttpRequest, queryset: QuerySet[Provider]) -> None:
        for provider in queryset.select_related("owner")[:20]:
            try:
                with slot():
                    finding = probe_stored(provider)
            except APIException as error:
                self.message_user(request, f"{provider}: {error.detail}", messages.ERROR)
                continue
            if finding.failure:
                self.message_user(request, f"{provider}: {finding.failure.message}", messages.ERROR)
            else:
                self.message_user(request, _("%(provider)s works.") % {"provider": provider}, messages.SUCCESS)

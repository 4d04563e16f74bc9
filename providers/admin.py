"""Model providers in the Django admin: keys go in and never come out; the last probe and its history are in clear view."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import APIException, ValidationError

from providers.fields import FORM_ENDPOINT, FORM_FIELDS, FORM_FIRST, FORM_SETTINGS
from providers.keys import ApiKey
from providers.models import Probe, Provider
from providers.probing import Category, ProbeFailed
from providers.serializers import BaseURL, Keys
from providers.services import records
from providers.services.given import Given
from providers.services.probes import UNREADABLE, Finding, probe_all
from sage_platform.accounts.admin import actor_of
from sage_platform.accounts.services.outbound_calls import free_slots, slot
from sage_platform.api.errors import Code, Refusal
from sage_platform.pages.model_admin import Only, action
from sage_platform.pages.row_admin import RowAdmin, RowForm
from sage_platform.typing import TabularInline

# How many providers the action probes, as many at the same time as one person may: few enough that the page comes before a proxy
# gives up.
MOST_AT_ONCE = 4


if TYPE_CHECKING:
    from django.contrib.admin.options import _FieldsetSpec  # In the stubs alone.

SETTINGS_SECTION: "_FieldsetSpec" = ((_("Settings"), {"fields": FORM_SETTINGS}),)


class ProviderForm(RowForm[Provider]):
    new_key = forms.CharField(
        label=_("API key"),
        required=False,
        max_length=4096,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "class": "vTextField"}),
        help_text=_("Kept encrypted and never shown. Empty: unchanged. A new address needs its key."),
        error_messages={"required": _("Enter the key.")},
    )

    class Meta:
        model = Provider
        fields = ("owner", *FORM_FIELDS)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance._state.adding:
            self.fields["new_key"].required = True
            self.fields["new_key"].help_text = _("Kept encrypted and never shown.")
            self.fields["owner"].help_text = _("Leave it empty for a provider of the system's, which is everybody's.")

    def clean_base_url(self) -> str:
        with refusing_as_the_api():
            return str(BaseURL().run_validation(self.cleaned_data["base_url"]))

    def clean_new_key(self) -> ApiKey | None:
        if not self.cleaned_data["new_key"]:
            return None
        with refusing_as_the_api():
            key: ApiKey = Keys().run_validation([self.cleaned_data["new_key"]])
            return key

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if not self.errors and cleaned["new_key"] is None and cleaned["base_url"] != self.instance.base_url:
            self.add_error("new_key", _("A new address needs its key: enter the API key again."))
        return cleaned


@contextmanager
def refusing_as_the_api() -> Iterator[None]:
    """What a field of the API refuses, a form refuses in the same words."""
    try:
        yield
    except ValidationError as error:
        raise forms.ValidationError([str(detail) for detail in error.detail]) from None


class ProbeInline(TabularInline[Probe, Provider]):
    """What the probes found, newest first."""

    # Django's own has columns for a row's name and for deleting it, which are empty here.
    template = "providers/probes.html"
    model = Probe
    fields = ("at", "result", "category", "detail", "latency_ms", "sees_images", "speaks_json")
    readonly_fields = fields
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Provider | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Provider | None = None) -> bool:
        return False


@admin.register(Provider)
class ProviderAdmin(RowAdmin[Provider]):
    form = ProviderForm
    # Whether it works comes first, so that a phone shows it too.
    list_display = ("name", "last_probe", "probed_at", "owner_name", "model", "base_url", "key_hint", "default_sign")
    list_filter = ("probe_result", "probe_category", "is_default", ("owner", admin.EmptyFieldListFilter), ("owner", Only))
    list_select_related = ("owner",)
    search_fields = ("name", "base_url", "model", "owner__username", "owner__email")
    ordering = ("-created_at", "-pk")
    autocomplete_fields = ("owner",)
    readonly_fields = ("stored_key", "last_probe", "advice", "probed_at", "probe_latency_ms", "created_at", "updated_at")
    fieldsets = (
        (None, {"fields": ("owner", *FORM_ENDPOINT, "stored_key", "new_key", *FORM_FIRST)}),
        (_("Last probe"), {"fields": ("last_probe", "advice", "probed_at", "probe_latency_ms")}),
        *SETTINGS_SECTION,
        (_("Times"), {"fields": ("created_at", "updated_at")}),
    )
    inlines = (ProbeInline,)
    actions = ("probe_again",)

    class Media:
        css = {"all": ("providers/admin.css",)}

    def get_readonly_fields(self, request: HttpRequest, obj: Provider | None = None) -> tuple[str, ...]:
        # Handing a key to somebody else would be giving it away.
        return (*self.readonly_fields, "owner", "owner_name") if obj else self.readonly_fields

    def get_fieldsets(self, request: HttpRequest, obj: Provider | None = None) -> "_FieldsetSpec":
        if obj:
            owner = "owner" if obj.owner_id else "owner_name"  # The first links to the person, the second has words for nobody.
            (section, first), *others = self.fieldsets
            return ((section, {"fields": (owner, *first["fields"][1:])}), *others)
        asked = ("owner", *FORM_ENDPOINT, "new_key", *FORM_FIRST)
        return ((None, {"fields": asked}), *SETTINGS_SECTION)  # What a new one has not got yet is not shown.

    def get_inlines(self, request: HttpRequest, obj: Provider | None) -> tuple[type[TabularInline[Probe, Provider]], ...]:
        return self.inlines if obj else ()

    @admin.display(description=_("owner"), ordering="owner__username")
    def owner_name(self, provider: Provider) -> str:
        return provider.owner.username if provider.owner else str(_("(the system's)"))

    @admin.display(description=_("default"), ordering="is_default")
    def default_sign(self, provider: Provider) -> str:
        """Without the red cross of a stock boolean, which would look like a failure."""
        return "✔" if provider.is_default else "–"

    @admin.display(description=_("stored key"))
    def stored_key(self, provider: Provider) -> str:
        """The masked key, and whether it can still be decrypted."""
        if provider.has_readable_key():
            return provider.key_hint
        return f"{provider.key_hint} – {UNREADABLE}"

    @admin.display(description=_("result"), ordering="probe_result")
    def last_probe(self, provider: Provider) -> str:
        sign = {Provider.ProbeResult.WORKS.value: "✔", Provider.ProbeResult.FAILS.value: "✘"}.get(provider.probe_result, "–")
        kind = f": {provider.get_probe_category_display()}" if provider.probe_category else ""
        how = f" ({_('only streams')})" if provider.probe_streams_only else ""
        return f"{sign} {provider.get_probe_result_display()}{kind}{how}"

    @admin.display(description=_("what to do"))
    def advice(self, provider: Provider) -> str:
        return ProbeFailed(Category(provider.probe_category)).message if provider.probe_category else "–"

    def save_model(self, request: HttpRequest, obj: Provider, form: forms.Form, change: bool) -> None:
        """By the services, which probe what has changed first, and keep who did it."""
        actor = actor_of(request)
        allowance = partial(slot, actor)
        data = {name: form.cleaned_data[name] for name in FORM_FIELDS if not change or name in form.changed_data}
        if form.cleaned_data["new_key"] is not None:
            data["api_keys"] = form.cleaned_data["new_key"]
        if change:
            if data:
                records.update_provider(Provider.objects.get(pk=obj.pk), Given.of(data), allowance=allowance, actor=actor)
            return
        given = Given.of(data)
        if old := records.same_config(obj.owner, records.target_of(given)):
            raise Refusal(Code.BAD_REQUEST, _("There is one with this address, model and key: %(name)s") % {"name": old})
        obj.pk = records.create_provider(obj.owner, given, allowance=allowance, actor=actor).pk

    @action(_("Probe the selected providers again"), button=_("Probe again"))
    def probe_again(self, request: HttpRequest, queryset: QuerySet[Provider]) -> None:
        chosen = list(queryset.select_related("owner")[: MOST_AT_ONCE + 1])
        if len(chosen) > MOST_AT_ONCE:
            sentence = _("Choose %(most)d at most. For all of them there is the command probe_providers.")
            self.message_user(request, sentence % {"most": MOST_AT_ONCE}, messages.ERROR)
            return
        try:
            with free_slots(actor_of(request), most=MOST_AT_ONCE) as amount:
                for provider, finding in probe_all(chosen, at_once=amount):
                    self.tell(request, provider, finding)
        except APIException as error:
            self.message_user(request, str(error.detail), messages.ERROR)

    def tell(self, request: HttpRequest, provider: Provider, finding: Finding) -> None:
        if finding.failure:
            self.message_user(request, f"{provider}: {finding.failure.message}", messages.ERROR)
        elif finding.crash:
            failed = _("%(provider)s could not be checked: the check itself failed. The log says more.")
            self.message_user(request, failed % {"provider": provider}, messages.ERROR)
        else:
            self.message_user(request, _("%(provider)s works.") % {"provider": provider}, messages.SUCCESS)

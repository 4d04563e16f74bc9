"""Releases in the Django admin: prepared as drafts, published, withdrawn. What clients will be told is in view before."""

from collections.abc import Callable
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext_lazy
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import APIException, MethodNotAllowed

from sage_platform.accounts.admin import actor_of
from sage_platform.pages.model_admin import Confirmation, Deeds, Question, RecordAdmin, action
from sage_platform.pages.row_admin import RowAdmin
from sage_platform.typing import ModelForm, StackedInline
from versions.faults import Fault
from versions.forms import ArtifactForm, ArtifactForms, ReleaseForm, candidate_of
from versions.models import Artifact, RefusedRelease, Release, Source
from versions.preview import preview
from versions.services import releases
from versions.services.judging import Candidate, judge
from versions.services.releases import Author

State = Release.State


def author_of(request: HttpRequest) -> Author:
    actor = actor_of(request)
    return Author(actor.get_username(), Source.ADMIN, actor)


class Withdrawal(Confirmation):
    because = forms.CharField(
        label=_("Why? Administrators read it."),
        max_length=255,
        widget=forms.TextInput(attrs={"class": "vTextField", "autocomplete": "off"}),
    )


def findings_about(rows: QuerySet[Release]) -> str:
    """What is wrong with these, and what an administrator should know before they are published."""
    told = []
    for release in rows:
        judgement = judge(Candidate.of(release), read_files=False)
        told += [f"{release}: {judgement.in_words(one)}" for one in (*judgement.faults, *judgement.warnings)]
    return " ".join(told)


class ArtifactInline(StackedInline[Artifact, Release]):
    model = Artifact
    form = ArtifactForm
    formset: Any = ArtifactForms

    def get_formset(self, request: HttpRequest, obj: Release | None = None, **kwargs: Any) -> Any:
        formset = cast("type[ArtifactForms]", super().get_formset(request, obj, **kwargs))  # A class made for this request.
        formset.refused = getattr(request, "refused", ())
        return formset

    def get_extra(self, request: HttpRequest, obj: Release | None = None, **kwargs: Any) -> int:
        return 0 if obj else 1

    def has_change_permission(self, request: HttpRequest, obj: Release | None = None) -> bool:
        return super().has_change_permission(request, obj) and not _withdrawn(obj)

    def has_add_permission(self, request: HttpRequest, obj: Release | None = None) -> bool:
        return super().has_add_permission(request, obj) and not _withdrawn(obj)

    has_delete_permission = has_change_permission


@admin.register(Release)
class ReleaseAdmin(RowAdmin[Release]):
    form = ReleaseForm
    inlines = (ArtifactInline,)
    list_display = ("version", "state", "pub_date", "platforms", "made_by", "source", "changed_at")
    list_filter = ("state", "source")
    search_fields = ("version", "release_notes", "made_by")
    ordering = ("-created_at", "-pk")
    actions = ("publish", "withdraw")
    fields = (
        "version",
        "state",
        "withdrawn_because",
        "pub_date",
        "made_by",
        "source",
        "allowed_missing",
        "release_notes",
        "seen",
    )
    readonly_fields = ("state", "withdrawn_because", "pub_date", "made_by", "source", "allowed_missing")
    change_form_template = "versions/release_form.html"

    class Media:
        css = {"all": ("versions/admin.css",)}
        js = (forms.Script("versions/preview.js", defer=True),)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Release]:
        return super().get_queryset(request).prefetch_related("artifacts")

    def get_fields(self, request: HttpRequest, obj: Release | None = None) -> list[Any]:
        """What a release has not got, or not yet, is not shown."""
        left_out = {"seen"} if _withdrawn(obj) else {"withdrawn_because"}
        if obj is None or obj.pub_date is None:
            left_out |= {"pub_date"}
        if obj is None:
            left_out |= {"state", "made_by", "source"}
        if obj is None or not obj.allowed_missing:
            left_out |= {"allowed_missing"}
        return [name for name in self.fields if name not in left_out]

    def get_readonly_fields(self, request: HttpRequest, obj: Release | None = None) -> tuple[str, ...]:
        return (*self.readonly_fields, "version") if obj and obj.state != State.DRAFT else self.readonly_fields

    def has_change_permission(self, request: HttpRequest, obj: Release | None = None) -> bool:
        return super().has_change_permission(request, obj) and not _withdrawn(obj)

    @admin.display(description=_("platforms"))
    def platforms(self, release: Release) -> str:
        return ", ".join(one.platform for one in release.artifacts.all()) or "–"

    def fits(self, action: str, row: Release) -> bool:
        return (row.state == State.PUBLISHED) == (action == "withdraw")

    # -- The form -----------------------------------------------------------------------------------------------------------

    def get_form(self, request: HttpRequest, obj: Release | None = None, change: bool = False, **kwargs: Any) -> Any:
        form = cast("type[ReleaseForm]", super().get_form(request, obj, change=change, **kwargs))
        form.refused = getattr(request, "refused", ())
        return form

    def save_model(self, request: HttpRequest, obj: Release, form: ModelForm[Release], change: bool) -> None:
        """With its artifacts, below."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        release = cast("Release", form.instance)
        candidate = candidate_of(form, formsets[0])
        if change:
            releases.change(Release.objects.get(pk=release.pk, changed_at=release.changed_at), candidate, author_of(request))
        else:
            release.pk = releases.draft(candidate, author_of(request)).pk

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> list[Any]:
        return []  # The service writes the history.

    def delete_model(self, request: HttpRequest, obj: Release) -> None:
        releases.delete(obj, Author(author_of(request).name, Source.ADMIN))  # The history is written by the admin's own page.

    # -- What clients will be told ------------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        own = [
            path("add/preview/", self.admin_site.admin_view(self.preview_view), name="versions_release_preview_new"),
            path("<path:object_id>/preview/", self.admin_site.admin_view(self.preview_view), name="versions_release_preview"),
        ]
        return [*own, *super().get_urls()]

    def preview_view(self, request: HttpRequest, object_id: str | None = None) -> HttpResponse:
        """A part of the page, made from the form as it stands; nothing is stored."""
        if request.method != "POST":
            raise MethodNotAllowed(request.method or "")
        release = self.get_object(request, object_id) if object_id is not None else None
        if not self.has_change_permission(request, release) or (object_id is not None and release is None):
            raise PermissionDenied
        form = self.get_form(request, release, change=release is not None)(request.POST, instance=release)
        formsets, _inlines = self._create_formsets(request, form.instance, change=release is not None)  # type: ignore[attr-defined]
        form.is_valid()
        formsets[0].is_valid()
        context = {"preview": preview(candidate_of(form, formsets[0]), release)}
        return TemplateResponse(request, "versions/preview.html", context)

    def render_change_form(  # noqa: PLR0917  Django's signature.
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Release | None = None,
    ) -> HttpResponse:
        address = (
            reverse("admin:versions_release_preview", args=[obj.pk]) if obj else reverse("admin:versions_release_preview_new")
        )
        context |= {"preview_address": address if self.has_change_permission(request, obj) else ""}
        form = context["adminform"].form
        if form.is_bound:
            context["preview"] = preview(candidate_of(form, context["inline_admin_formsets"][0].formset), obj)
        elif obj is not None:
            context["preview"] = preview(Candidate.of(obj), obj)
        return super().render_change_form(request, context, add, change, form_url, obj)

    # -- What is done with it -----------------------------------------------------------------------------------------------

    @action(
        _("Publish the selected releases"),
        button=_("Publish"),
        question=Question(
            _("Do you want to publish these releases? Every client is offered the newest at once."), ends=findings_about
        ),
    )
    def publish(self, request: HttpRequest, queryset: QuerySet[Release]) -> Deeds:
        done = self._each(request, queryset.exclude(state=State.PUBLISHED), lambda one: releases.publish(one, author_of(request)))
        return [(done, ngettext_lazy("%(amount)d release published.", "%(amount)d releases published.", "amount"))]

    @action(
        _("Withdraw the selected releases"),
        button=_("Withdraw"),
        question=Question(
            _("Do you want to withdraw these releases? No client is offered them any more; who has installed one keeps it."),
            form=Withdrawal,
        ),
    )
    def withdraw(self, request: HttpRequest, queryset: QuerySet[Release]) -> Deeds | None:
        form = Withdrawal(request.POST)
        if not form.is_valid():
            self.message_user(request, gettext("Say why the release is withdrawn."), messages.ERROR)
            return None
        because = form.cleaned_data["because"]
        done = self._each(
            request,
            queryset.filter(state=State.PUBLISHED),
            lambda one: releases.withdraw(one, author_of(request), because=because),
        )
        return [(done, ngettext_lazy("%(amount)d release withdrawn.", "%(amount)d releases withdrawn.", "amount"))]

    def _each(self, request: HttpRequest, chosen: QuerySet[Release], act: Callable[[Release], object]) -> int:
        """How many it was done with. Why it was not done with another is told."""
        done = 0
        for release in chosen.order_by("pk"):
            try:
                act(release)
                done += 1
            except APIException as error:
                self.message_user(request, f"{release}: {error.detail}", messages.ERROR)
        return done


def _withdrawn(release: Release | None) -> bool:
    return release is not None and release.state == State.WITHDRAWN


@admin.register(RefusedRelease)
class RefusedReleaseAdmin(RecordAdmin[RefusedRelease]):
    list_display = ("at", "version", "made_by", "source", "told")
    list_filter = ("source",)
    search_fields = ("version", "made_by")
    ordering = ("-at", "-pk")
    fields = ("at", "version", "made_by", "source", "told")
    readonly_fields = fields

    @admin.display(description=_("faults"))
    def told(self, row: RefusedRelease) -> SafeString:
        """Each with its field, in the language of whoever reads it."""
        return format_html_join("", "<div><code>{}</code> {}</div>", map(Fault.told_of_row, row.faults))

"""Uploads in the Django admin: who stored what, how large, from where; a picture is shown, and deleting deletes the object."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext_lazy
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import APIException

from sage_platform.accounts.admin import actor_of
from sage_platform.pages.model_admin import Deeds, Only, Question, RecordAdmin, action
from uploads.models import State, Upload
from uploads.services import deleting

# A larger picture would take a phone's memory; its link opens it.
MOST_PREVIEWED = 10 * 1024 * 1024


def bytes_to_go(rows: QuerySet[Upload]) -> str:
    return gettext("%(size)s will be free.") % {"size": filesizeformat(rows.stored().bytes())}  # type: ignore[attr-defined]


@admin.register(Upload)
class UploadAdmin(RecordAdmin[Upload]):
    list_display = ("shown_name", "owner", "shown_size", "content_type", "created_at", "state", "source")
    list_display_links = ("shown_name",)
    list_filter = ("state", "store", "source", ("owner", admin.EmptyFieldListFilter), ("owner", Only))
    list_select_related = ("owner",)
    # By the exact sum, since a part of one finds nothing that anybody looks for.
    search_fields = ("name", "owner__username", "content_type", "sha256__exact", "key__startswith", "came_from")
    ordering = ("-created_at", "-pk")
    date_hierarchy = None
    actions = ("delete_files",)
    fields = (
        "preview", "link", "shown_name", "owner", "shown_size", "content_type", "sha256", "created_at", "state", "source",
        "came_from", "store", "key",
    )  # fmt: skip
    readonly_fields = fields

    class Media:
        css = {"all": ("uploads/admin.css",)}

    @admin.display(description=_("name"), ordering="name")
    def shown_name(self, row: Upload) -> str:
        return row.name or gettext("(not known yet)")

    @admin.display(description=_("size"), ordering="size")
    def shown_size(self, row: Upload) -> str:
        return str(filesizeformat(row.size))

    @admin.display(description=_("address"))
    def link(self, row: Upload) -> SafeString | str:
        if row.state != State.STORED:
            return "–"
        return format_html('<a href="{}">{}</a>', row.url, row.url)

    @admin.display(description=_("preview"))
    def preview(self, row: Upload) -> SafeString | str:
        if row.state != State.STORED or not row.content_type.startswith("image/") or row.content_type == "image/svg+xml":
            return gettext("Only pictures are shown here.")
        if row.size > MOST_PREVIEWED:
            return gettext("The picture is too large to be shown here. Its address opens it.")
        return format_html('<img class="upload-preview" src="{}" alt="{}">', row.path, row.name)

    def fits(self, action: str, row: Upload) -> bool:
        return row.state == State.STORED

    @action(
        _("Delete the selected files"),
        button=_("Delete file"),
        question=Question(
            _("Do you want to delete these files? Whoever has their addresses can no longer open them."), ends=bytes_to_go
        ),
    )
    def delete_files(self, request: HttpRequest, queryset: QuerySet[Upload]) -> Deeds:
        done = 0
        for row in queryset.order_by("pk"):
            try:
                deleting.delete(row, actor=actor_of(request))
                done += 1
            except APIException as error:
                self.message_user(request, f"{row}: {error.detail}", messages.ERROR)
        return [(done, ngettext_lazy("%(amount)d file deleted.", "%(amount)d files deleted.", "amount"))]

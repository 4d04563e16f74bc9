"""What staff see of usage: the report with its plots and its sheet, single events, and a part of the admin's front page."""

from typing import Any, cast

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Max, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import MethodNotAllowed

from sage_platform.accounts.models import User
from sage_platform.api.seams import Panel
from sage_platform.pages.model_admin import RecordAdmin
from system.usage import charts
from system.usage.days import PRESETS, USUAL, Days
from system.usage.forms import Asked, ReportForm, asked_for, usual
from system.usage.models import DailyUsage, UsageCaller, UsageEvent
from system.usage.report import Line, added_up, used_by_day
from system.usage.sheet import sheet

# How many events the list has pages for, and among how many of the newest a person or a caller is looked for. Neither has an
# index: to keep one would make each batch slower.
LISTED, LOOKED_AT, FOUND = 10_000, 100_000, 1000


def admin_panel(_request: HttpRequest) -> Panel:
    """The last days: one query."""
    by_day = used_by_day(Days.until_today(USUAL, at=timezone.now()))
    sums = added_up(by_day)
    return Panel(
        "usage/admin_panel.html",
        {"days": USUAL, "used": sums.calls, "numbers": charts.numbers(sums), "chart": charts.calls(by_day)},
    )


@admin.register(DailyUsage)
class UsageAdmin(RecordAdmin[DailyUsage]):
    """A report in the place of a list: nobody looks at the sums row by row."""

    class Media:
        css = {"all": ("pages/charts.css", "usage/admin.css")}

    def get_urls(self) -> list[URLPattern]:
        return [
            path("", self.admin_site.admin_view(self.changelist_view), name="system_dailyusage_changelist"),
            path("csv/", self.admin_site.admin_view(self.sheet_view), name="system_dailyusage_csv"),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        self._check(request)
        form = ReportForm(request.GET)
        asked = asked_for(form.cleaned_data, at=timezone.now()) if form.is_valid() else usual(at=timezone.now())
        report = asked.report()
        context = {
            **self.admin_site.each_context(request),
            "title": _("Usage"),
            "subtitle": None,
            "opts": self.opts,
            "media": self.media,
            "form": form if form.errors else ReportForm(initial=_initial(asked)),
            "asked": asked,
            "presets": [(days, asked.query(days=days), days == asked.preset) for days in PRESETS],
            "everybody": asked.query(user=""),
            "every_agent": asked.query(agent=""),
            "sheet": f"{reverse('admin:system_dailyusage_csv')}?{asked.query(fixed=True)}",
            "used": report.sums.calls,
            "numbers": charts.numbers(report.sums, report.sessions),
            "charts": charts.both(report.by_day),
            "tables": charts.tables(
                report,
                of_agent=None if asked.agent_id else lambda line: f"?{asked.query(agent=line.name)}",
                of_user=None if asked.user_id else lambda line: f"?{asked.query(user=line.name)}",
                user_page=_page_of_user,
            ),
            **(extra_context or {}),
        }
        request.current_app = self.admin_site.name  # As Django's own pages do.
        return TemplateResponse(request, "usage/admin_page.html", context)

    def sheet_view(self, request: HttpRequest) -> HttpResponse:
        """What the page shows, or the page that says what is wrong with the days."""
        self._check(request)
        form = ReportForm(request.GET)
        if not form.is_valid():
            return HttpResponseRedirect(f"{reverse('admin:system_dailyusage_changelist')}?{request.GET.urlencode()}")
        asked = asked_for(form.cleaned_data, at=timezone.now())
        name = f"usage-{asked.days.first}-{asked.days.last}.csv"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return HttpResponse(sheet(asked.report()), content_type="text/csv; charset=utf-8", headers=headers)

    def _check(self, request: HttpRequest) -> None:
        if request.method not in {"GET", "HEAD"}:
            raise MethodNotAllowed(request.method or "")
        if not self.has_view_permission(request):
            raise PermissionDenied


def _initial(asked: Asked) -> dict[str, object]:
    user = asked.user.get_username() if asked.user else asked.user_id
    return {
        "start_date": asked.days.first,
        "end_date": asked.days.last,
        "user": user,
        "agent": asked.agent_id,
        "lines": asked.lines,
    }


def _page_of_user(line: Line) -> str:
    return reverse("admin:accounts_user_change", args=[line.name])


class NewestAlone(Paginator):  # type: ignore[type-arg]
    """Counts no further than it has pages: to count ten million rows takes seconds."""

    @cached_property
    def count(self) -> int:
        return cast("QuerySet[Any]", self.object_list)[:LISTED].count()


@admin.register(UsageEvent)
class UsageEventAdmin(RecordAdmin[UsageEvent]):
    list_display = ("event_id", "user_id", "caller", "agent_id", "action", "model", "count", "received_at")
    list_display_links = ("event_id",)
    list_select_related = ("caller",)
    search_fields = ("event_id",)
    search_help_text = _(
        "An event’s whole id; or a user’s id or name, or a client’s id, among the newest 100,000 events. Without a search the "
        "newest 10,000 are listed."
    )
    # By the order in which they came. For any other all of them would be read.
    ordering = ("-pk",)
    sortable_by = ()
    paginator = NewestAlone
    fields = (
        "event_id", "caller", "usage_of_user", "user_id", "agent_id", "session_id", "action", "request_source", "model", "count",
        "input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens", "occurred_at", "received_at",
    )  # fmt: skip
    readonly_fields = fields

    @admin.display(description=_("usage"))
    def usage_of_user(self, row: UsageEvent) -> SafeString:
        address = f"{reverse('admin:system_dailyusage_changelist')}?{usual(at=timezone.now()).query(user=row.user_id)}"
        return format_html('<a href="{}">{}</a>', address, _("What this user has used"))

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """By no column of the address: none but the id has an index."""
        return False

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[UsageEvent], search_term: str
    ) -> tuple[QuerySet[UsageEvent], bool]:
        if not search_term:
            return queryset, False
        return queryset.filter(pk__in=_found(search_term)), False


def _found(term: str) -> set[int]:
    """The newest of each kind: with this id, of this user, of this caller."""
    events = UsageEvent.objects.order_by("-pk").values_list("pk", flat=True)
    newest = UsageEvent.objects.aggregate(pk=Max("pk"))["pk"] or 0
    users = {term, *User.objects.named(term).values_list("pk", flat=True)}
    callers = UsageCaller.objects.filter(kind__in=UsageCaller.Kind.values, name__in=users).values_list("pk", flat=True)
    recent = events.filter(pk__gt=newest - LOOKED_AT)
    return {
        *events.filter(event_id=term)[:FOUND],
        *recent.filter(user_id__in=users)[:FOUND],
        *recent.filter(caller__in=list(callers))[:FOUND],
    }

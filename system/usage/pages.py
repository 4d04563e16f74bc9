"""The page on which people see what they have used themselves, and what their account page says of it."""

from typing import cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from sage_platform.accounts.requests import PageRequest
from sage_platform.api import seams
from sage_platform.pages.page import page
from system.usage import charts
from system.usage.days import PRESETS, USUAL, Days
from system.usage.report import Report, added_up, used_by_day


@page("GET", "HEAD", signed_in=True)
def mine(request: HttpRequest) -> HttpResponse:
    """Of the person who asks alone, whatever else the query names."""
    # `signed_in=True` has let nobody else in.
    user = cast(PageRequest, request).user
    chosen = next((days for days in PRESETS if str(days) == request.GET.get("days")), USUAL)
    report = Report.of(Days.until_today(chosen, at=timezone.now()), user_id=user.pk)
    context = {
        "choices": PRESETS,
        "chosen": chosen,
        "is_empty": not report.sums.calls,
        "numbers": charts.numbers(report.sums, report.sessions),
        "charts": charts.both(report.by_day),
        "tables": charts.tables(report, of_agent=charts.nowhere),
    }
    return render(request, "usage/mine.html", context)


def account_panel(request: HttpRequest) -> seams.Panel:
    """What a person has used of late, and the way to the page: one query."""
    sums = added_up(used_by_day(Days.until_today(USUAL, at=timezone.now()), user_id=cast(PageRequest, request).user.pk))
    return seams.Panel("usage/account_panel.html", {"calls": sums.calls, "tokens": sums.tokens, "days": USUAL})

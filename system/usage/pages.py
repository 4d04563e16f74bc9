"""The page on which people see what they have used themselves, and what their account page says of it."""

from datetime import timedelta
from typing import cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from sage_platform.accounts.requests import PageRequest
from sage_platform.api import seams
from sage_platform.pages.page import page
from system.usage import charts
from system.usage.events import today
from system.usage.report import Days, Report, added_up, used_by_day

# How many days may be looked at.
CHOICES = (7, 30, 90, 365)
USUAL = 30


def days_until_today(amount: int) -> Days:
    last = today(timezone.now())
    return Days(last - timedelta(days=amount - 1), last)


@page("GET", "HEAD", signed_in=True)
def mine(request: HttpRequest) -> HttpResponse:
    """Of the person who asks alone, whatever else the query names."""
    # `signed_in=True` has let nobody else in.
    user = cast(PageRequest, request).user
    chosen = next((days for days in CHOICES if str(days) == request.GET.get("days")), USUAL)
    report = Report.of(days_until_today(chosen), user_id=user.pk)
    context = {
        "choices": CHOICES,
        "chosen": chosen,
        "is_empty": not report.sums.calls,
        "numbers": charts.numbers(report.sums, report.sessions),
        "charts": charts.both(report.by_day),
        "tables": charts.tables(report, of_agent=charts.nowhere),
    }
    return render(request, "usage/mine.html", context)


def account_panel(request: HttpRequest) -> seams.Panel:
    """What a person has used of late, and the way to the page: one query."""
    sums = added_up(used_by_day(days_until_today(USUAL), user_id=cast(PageRequest, request).user.pk))
    return seams.Panel("usage/account_panel.html", {"calls": sums.calls, "tokens": sums.tokens, "days": USUAL})

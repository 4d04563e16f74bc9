"""Which days, whose and how much of it staff ask to see: the form above the report, which is also its address."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.utils.translation import gettext_lazy as _

from sage_platform.accounts.models import User
from system.usage.days import USUAL, Days
from system.usage.models import LONGEST_NAME
from system.usage.report import SHOWN, Report

# With a leap day.
MOST_DAYS = 366
LINES = (SHOWN, 100, 1000)


class Day(forms.DateInput):
    """The browser's own choice of a day, which wants this form of it in every language."""

    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


class ReportForm(forms.Form):
    """Two days, or the last `days` days with today; where nothing is given, the last 30."""

    days = forms.IntegerField(min_value=1, max_value=MOST_DAYS, required=False, widget=forms.HiddenInput)
    start_date = forms.DateField(label=_("From"), input_formats=["%Y-%m-%d"], required=False, widget=Day)
    end_date = forms.DateField(label=_("To"), input_formats=["%Y-%m-%d"], required=False, widget=Day)
    user = forms.CharField(label=_("User: name or id"), max_length=254, required=False)
    agent = forms.CharField(label=_("Agent"), max_length=LONGEST_NAME, strip=False, required=False)
    lines = forms.TypedChoiceField(
        label=_("Lines in each table"),
        choices=[(amount, str(amount)) for amount in LINES],
        coerce=int,
        required=False,
    )

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        first, last = given.get("start_date"), given.get("end_date")
        if self.errors:
            return given
        if (first is None) != (last is None):
            self.add_error("end_date" if first else "start_date", _("Give both days, or neither."))
        elif first and last and last < first:
            self.add_error("end_date", _("The end is before the start."))
        elif first and last and (last - first).days >= MOST_DAYS:
            self.add_error("end_date", _("At most %(days)d days can be shown at once.") % {"days": MOST_DAYS})
        return given


@dataclass(frozen=True)
class Asked:
    """`user` is None where `user_id` is nobody's (any more), and both are empty for everybody. `preset` is None for two days."""

    days: Days
    preset: int | None
    user_id: str
    user: User | None
    agent_id: str
    lines: int

    def report(self) -> Report:
        return Report.of(self.days, user_id=self.user_id, agent_id=self.agent_id, shown=self.lines)

    def query(self, *, fixed: bool = False, **changes: object) -> str:
        """The address of this report, changed in this. A fixed one names its days also where they were the last ones."""
        dates = {"start_date": self.days.first.isoformat(), "end_date": self.days.last.isoformat()}
        whole: dict[str, object] = {**dates} if fixed or self.preset is None else {"days": self.preset}
        if "days" in changes:
            whole = {}
        whole |= {"user": self.user_id, "agent": self.agent_id, "lines": self.lines if self.lines != SHOWN else ""}
        return urlencode({name: value for name, value in (whole | changes).items() if value})


def asked_for(given: Mapping[str, Any], *, at: datetime) -> Asked:
    """What a valid form asks for."""
    first: date | None = given["start_date"]
    preset = None if first else given["days"] or USUAL
    days = Days(first, given["end_date"]) if first else Days.until_today(preset or USUAL, at=at)
    user: User | None = User.objects.known_as(given["user"]) if given["user"] else None
    return Asked(days, preset, user.pk if user else given["user"], user, given["agent"], given["lines"] or SHOWN)


def usual(*, at: datetime) -> Asked:
    return Asked(Days.until_today(USUAL, at=at), USUAL, "", None, "", SHOWN)

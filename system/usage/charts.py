"""The plots and tables of a report: on a page of the administration, on its front page, and on a person's own page."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from sage_platform.pages.charts import Chart, Column
from sage_platform.pages.numbers import grouped
from system.usage.report import Line, Ranking, Report, Sums

# Where the name of a line leads to; nowhere without one.
Address = Callable[[Line], str]


def nowhere(line: Line) -> str:
    return ""


@dataclass(frozen=True)
class Share:
    """A line of a ranking. `share` is how much it is of the first line's."""

    name: str
    note: str
    address: str
    also: str
    calls: str
    tokens: str
    share: str


@dataclass(frozen=True)
class Table:
    """Of those that used most, by tokens or by calls."""

    title: str
    kind: str
    by_calls: bool
    lines: Sequence[Share]
    more: int


def calls(by_day: Sequence[Line]) -> Chart:
    return Chart(
        key="calls",
        title=_("Calls"),
        parts=[("solid", _("Model calls")), ("other", _("Other calls"))],
        days=[_column(line, [line.sums.model_calls, line.sums.calls - line.sums.model_calls]) for line in by_day],
        nothing=_("No calls in these days."),
    )


def tokens(by_day: Sequence[Line]) -> Chart:
    return Chart(
        key="tokens",
        title=pgettext("what models read and write", "Tokens"),
        parts=[("solid", _("Input, not cached")), ("striped", _("Input, cached")), ("other", _("Output"))],
        days=[_column(line, _tokens_of(line.sums)) for line in by_day],
        nothing=_("No tokens in these days."),
    )


def _tokens_of(sums: Sums) -> list[int]:
    """Nothing keeps a caller from reporting more cached tokens than input."""
    cached = min(sums.cached_tokens, sums.input_tokens)
    return [sums.input_tokens - cached, cached, sums.output_tokens]


def _column(line: Line, values: Sequence[int]) -> Column:
    day = date.fromisoformat(line.name)
    return Column(day, day, values)


def both(by_day: Sequence[Line]) -> list[Chart]:
    return [calls(by_day), tokens(by_day)]


def numbers(sums: Sums, sessions: int | None = None) -> list[tuple[str, str, str]]:
    """What it is, how much, and of it."""
    shown = [
        (_("Calls"), grouped(sums.calls), _("%(amount)s of models") % {"amount": grouped(sums.model_calls)}),
        (_("Input tokens"), grouped(sums.input_tokens), _("%(amount)s cached") % {"amount": grouped(sums.cached_tokens)}),
        (_("Output tokens"), grouped(sums.output_tokens), _("%(amount)s reasoning") % {"amount": grouped(sums.reasoning_tokens)}),
        (_("Tokens in all"), grouped(sums.tokens), ""),
    ]
    return shown if sessions is None else [*shown, (_("Sessions"), grouped(sessions), "")]


def tables(
    report: Report, *, of_agent: Address | None, of_user: Address | None = None, user_page: Address = nowhere
) -> list[Table]:
    """Without an address for agents or for users there is no table of them: they are of one alone."""
    found = []
    if of_agent is not None:
        found.append(_table(_("Agents"), _("Agent"), report.by_agent, of_agent))
    if of_user is not None:
        found.append(_table(_("Users"), _("User"), report.by_user, of_user, also=user_page))
    return [
        *found,
        _table(_("Actions"), _("Action"), report.by_action, nowhere, by_calls=True),
        _table(_("Models"), _("Model"), report.by_model, nowhere),
    ]


def _table(
    title: str, kind: str, ranking: Ranking, address: Address, *, by_calls: bool = False, also: Address = nowhere
) -> Table:
    def measure(line: Line) -> int:
        return line.sums.calls if by_calls else line.sums.tokens

    most = max((measure(line) for line in ranking.lines), default=0) or 1
    lines = [
        Share(
            name=line.shown,
            note="" if line.label or also is nowhere else _("no such user any more"),
            address=address(line),
            also=also(line) if line.label else "",
            calls=grouped(line.sums.calls),
            tokens=grouped(line.sums.tokens),
            share=f"{100 * measure(line) / most:.2f}%",
        )
        for line in ranking.lines
    ]
    return Table(title, kind, by_calls, lines, ranking.more)

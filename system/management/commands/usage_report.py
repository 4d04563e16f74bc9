"""Say what was used."""

import json
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterable
from datetime import date
from typing import Any

from django.core.management import BaseCommand, CommandError
from django.utils import timezone
from rich.table import Table

from sage_platform.accounts.models import User
from sage_platform.printed import plain, printed
from system.usage.days import USUAL, Days
from system.usage.models import DailyUsage
from system.usage.report import SHOWN, Line, Ranking, Report, Sums
from system.usage.sheet import sheet

# A longer range may be asked for in parts.
MOST_DAYS = 3660
# As many as a page of the administration shows.
MOST_LINES = 1000
NUMBERS = ("calls", "model calls", "input", "cached", "output", "reasoning", "tokens")


class Command(BaseCommand):
    help = (
        "Say what was used in a range of days (UTC, both ends included): calls and tokens by day, and who and what used most. As "
        "tables, or as CSV or JSON on standard output for other programs."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--days", type=number_to(MOST_DAYS), metavar="N", help=f"the last N days, today too ({USUAL})")
        parser.add_argument("--from", dest="first", type=day, metavar="DAY", help="the first day, such as 2026-01-31; with --to")
        parser.add_argument("--to", dest="last", type=day, metavar="DAY", help="the last day; with --from")
        parser.add_argument("--user", metavar="NAME", help="of this user alone: the id, also of a deleted user, or the username")
        parser.add_argument("--agent", metavar="ID", help="of this agent alone")
        help_of_top = f"so many agents, users, actions and models ({SHOWN})"
        parser.add_argument("--top", type=number_to(MOST_LINES), default=SHOWN, metavar="N", help=help_of_top)
        parser.add_argument("--format", choices=["table", "csv", "json"], default="table", help="how it is written (table)")

    def handle(self, *args: object, **options: Any) -> None:
        days = days_of(options)
        user_id = user_of(options["user"])
        report = Report.of(days, user_id=user_id, agent_id=options["agent"] or "", shown=options["top"])
        if options["format"] == "csv":
            self.stdout.write(sheet(report), ending="")
        elif options["format"] == "json":
            self.stdout.write(json.dumps(told(report, user_id or None, options["agent"] or None), ensure_ascii=False, indent=2))
        elif report.sums.calls:
            self.stdout.write(drawn(report), ending="")
        else:
            self.stdout.write(f"No usage from {days.first} to {days.last}.")


def number_to(most: int) -> Any:
    def number(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) <= len(str(most)) and 1 <= int(text) <= most):
            raise ArgumentTypeError(f"expected a whole number from 1 to {most}")
        return int(text)

    return number


def day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError("expected a day such as 2026-01-31") from None


def days_of(options: dict[str, Any]) -> Days:
    first, last = options["first"], options["last"]
    if (first is None) != (last is None):
        raise CommandError("Give both --from and --to, or --days.")
    if first is None or last is None:
        return Days.until_today(options["days"] or USUAL, at=timezone.now())
    if options["days"]:
        raise CommandError("Give --from and --to, or --days, not all of them.")
    if last < first:
        raise CommandError("--to is before --from.")
    if len(days := Days(first, last)) > MOST_DAYS:
        raise CommandError(f"From --from to --to are {len(days)} days; at most {MOST_DAYS}.")
    return days


def user_of(given: str | None) -> str:
    """The id. Of a deleted user there is nothing else, and usage alone tells that there was one."""
    if given is None:
        return ""
    named = User.objects.known_as(given)
    if named is not None:
        return str(named.pk)
    if given and DailyUsage.objects.filter(user_id=given).exists():
        return given
    raise CommandError(f"There is no user with the id or name {given}, and no usage of one.")


def told(report: Report, user_id: str | None, agent_id: str | None) -> dict[str, Any]:
    rankings = {
        "by_agent": (report.by_agent, "agent_id"),
        "by_user": (report.by_user, "user_id"),
        "by_action": (report.by_action, "action"),
        "by_model": (report.by_model, "model"),
    }
    return {
        "start_date": report.days.first.isoformat(),
        "end_date": report.days.last.isoformat(),
        "user_id": user_id,
        "agent_id": agent_id,
        "summary": {"session_count": report.sessions, **numbers(report.sums)},
        "by_day": [{"date": line.name, **numbers(line.sums)} for line in report.by_day],
        **{
            key: {"items": [item(line, name) for line in ranking.lines], "more": ranking.more}
            for key, (ranking, name) in rankings.items()
        },
    }


def item(line: Line, name: str) -> dict[str, Any]:
    """A deleted user has no name any more."""
    return {name: line.name, **({"username": line.label or None} if name == "user_id" else {}), **numbers(line.sums)}


def numbers(sums: Sums) -> dict[str, int]:
    return {
        "calls": sums.calls,
        "model_call_count": sums.model_calls,
        "input_tokens": sums.input_tokens,
        "cached_tokens": sums.cached_tokens,
        "output_tokens": sums.output_tokens,
        "reasoning_tokens": sums.reasoning_tokens,
        "total_tokens": sums.tokens,
    }


def drawn(report: Report) -> str:
    days = [line for line in report.by_day if line.sums.calls]
    tables = [
        table("day", Ranking(days, 0), total=report.sums),
        table("agent", report.by_agent),
        table("user", report.by_user),
        table("action", report.by_action),
        table("model", report.by_model),
    ]
    head = f"{report.days.first} to {report.days.last}, UTC. Sessions: {report.sessions:,}."
    return printed(head, *(each for each in tables if each.row_count))


def table(kind: str, ranking: Ranking, *, total: Sums | None = None) -> Table:
    drawn = Table(kind, show_footer=total is not None)
    drawn.columns[0].footer = "all"
    footer = cells(total) if total else [""] * len(NUMBERS)
    for name, sum_of_all in zip(NUMBERS, footer, strict=True):
        drawn.add_column(name, sum_of_all, justify="right")
    for line in ranking.lines:
        drawn.add_row(plain(line.shown), *cells(line.sums))
    if ranking.more:
        drawn.add_row(f"and {ranking.more:,} more")
    return drawn


def cells(sums: Sums) -> Iterable[str]:
    return [f"{number:,}" for number in numbers(sums).values()]

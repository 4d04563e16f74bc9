"""What was used in a range of days, for people: the administration, the account page, the CSV and `usage_report` show this."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from django.db.models import Count, F, Q, QuerySet, Window

from sage_platform.accounts.models import User
from sage_platform.turns import turns
from system.usage.days import Days
from system.usage.models import DailySession, DailyUsage
from system.usage.totals import SESSION, Total, bounded, total

# Of each list those that used most.
SHOWN = 10


@dataclass(frozen=True)
class Sums:
    """Cached tokens are a part of input, reasoning tokens of output."""

    calls: int = 0
    model_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0

    @property
    def tokens(self) -> int:
        return bounded(self.input_tokens + self.output_tokens)


@dataclass(frozen=True)
class Line:
    """What one agent, user, action, model or day used. Of a user `name` is the id, and `label` the username, if there is one."""

    name: str
    sums: Sums
    label: str = ""

    @property
    def shown(self) -> str:
        return self.label or self.name


@dataclass(frozen=True)
class Ranking:
    """The first lines, and how many more there are."""

    lines: Sequence[Line]
    more: int


@dataclass(frozen=True)
class Report:
    days: Days
    sums: Sums
    sessions: int
    by_day: Sequence[Line]
    by_agent: Ranking
    by_user: Ranking
    by_action: Ranking
    by_model: Ranking

    @classmethod
    @turns.lent()
    def of(cls, days: Days, *, user_id: str = "", agent_id: str = "", shown: int = SHOWN) -> Self:
        """Of everybody, or of one user or agent: seven queries, of one user six."""
        narrowed = _narrowed(days, user_id, agent_id)
        rows, sessions = DailyUsage.objects.filter(**narrowed), DailySession.objects.filter(**narrowed)
        by_day = used_by_day(days, user_id=user_id, agent_id=agent_id)
        sums = added_up(by_day)
        # Of one user all is theirs.
        theirs = Ranking([Line(user_id, sums)] if sums.calls else [], more=0)
        return cls(
            days=days,
            sums=sums,
            sessions=sessions.aggregate(amount=Count(SESSION, distinct=True))["amount"],
            by_day=by_day,
            by_agent=_ranking(rows, "agent_id", "-tokens", shown),
            by_user=_named(theirs if user_id else _ranking(rows, "user_id", "-tokens", shown)),
            by_action=_ranking(rows, "action", "-calls", shown),
            by_model=_ranking(rows.exclude(model=""), "model", "-tokens", shown),
        )


@turns.lent()
def used_by_day(days: Days, *, user_id: str = "", agent_id: str = "") -> list[Line]:
    """A line for each day, also for one without a call. One query."""
    rows = DailyUsage.objects.filter(**_narrowed(days, user_id, agent_id)).values("day").annotate(**_annotations()).order_by()
    sums = {row["day"]: _sums(row) for row in rows}
    return [Line(day.isoformat(), sums.get(day, Sums())) for day in days]


def added_up(lines: Sequence[Line]) -> Sums:
    return Sums(**{name: bounded(sum(getattr(line.sums, name) for line in lines)) for name in _annotations()})


def _narrowed(days: Days, user_id: str, agent_id: str) -> dict[str, Any]:
    named = {name: value for name, value in (("user_id", user_id), ("agent_id", agent_id)) if value}
    return {"day__range": (days.first, days.last), **named}


def _sums(row: Mapping[str, Any]) -> Sums:
    return Sums(**{name: bounded(row[name]) for name in _annotations()})


def _annotations() -> dict[str, Total]:
    names = ("calls", "input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens")
    return {"model_calls": total("calls", filter=~Q(model=""))} | {name: total(name) for name in names}


def _ranking(rows: QuerySet[DailyUsage], field: str, most: str, shown: int) -> Ranking:
    """One query: one row more than is shown would not say how many there are, so they are counted beside."""
    found = (
        rows.values(field)
        .annotate(tokens=total(F("input_tokens") + F("output_tokens")), amount=Window(Count("*")))
        .annotate(**_annotations())
        .order_by(most, "-calls", field)[:shown]
    )
    lines = [Line(row[field], _sums(row)) for row in found]
    return Ranking(lines, (found[0]["amount"] - len(lines)) if lines else 0)


def _named(ranking: Ranking) -> Ranking:
    """By their usernames; of a user who was deleted there is the id alone."""
    names = dict(User.objects.filter(pk__in=[line.name for line in ranking.lines]).values_list("pk", "username"))
    return replace(ranking, lines=[replace(line, label=names.get(line.name, "")) for line in ranking.lines])

"""What was used, read from the daily sums."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import Count, F, Max, Min, QuerySet, Sum, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Concat
from django.db.models.sql.compiler import SQLCompiler

from sage_platform.accounts.models import User
from sage_platform.turns import turns
from system.usage.days import Days
from system.usage.events import TokenQuestion, UsageQuestion
from system.usage.models import DailySession, DailyUsage

MOST_DAYS = 365
MOST_ITEMS = 1000
# A plain user may name 10,000 actions a day, and a client any number: an answer with a year of them would take the memory.
MOST_ACTIONS = 1000
# What a number of 64 bits holds. A sum beyond it is told as this.
LARGEST_TOLD = 2**63 - 1
# A session is the user's. No user's id has a colon.
SESSION = Concat("user_id", Value(":"), "session_id")
# By the dimension: the fields that make a row of its items, and the one of them that is told.
DIMENSIONS: Mapping[str, tuple[str, ...]] = {"agent": ("agent_id",), "user": ("user_id",), "session": ("session_id", "user_id")}

Payload = dict[str, Any]


class Total(Sum):
    """A sum that cannot overflow. SQLite's own `SUM` fails beyond 64 bits, and one caller's large numbers would then keep
    administrators from everybody's. PostgreSQL's is a decimal number.

    On SQLite it is exact up to 2⁵³ (https://www.sqlite.org/lang_aggfunc.html#sumunc).
    """

    def as_sqlite(self, compiler: SQLCompiler, connection: Any, **context: Any) -> Any:
        return super().as_sql(compiler, connection, function="TOTAL", **context)


def total(expression: str | Combinable, **options: Any) -> Total:
    return Total(expression, default=0, **options)


# While the database adds up what may be very many rows, others have the turn.
@turns.lent()
def usage_of(user: User, question: UsageQuestion, *, at: datetime) -> Payload:
    """The calls of this user alone, by action and by day."""
    days = Days.until_today(min(max(question.days, 1), MOST_DAYS), at=at)
    rows = DailyUsage.objects.filter(user_id=user.pk, day__range=(days.first, days.last))
    if question.agent_id:
        rows = rows.filter(agent_id=question.agent_id)
    by_day = dict(rows.values_list("day").annotate(total("calls")).order_by())
    by_action = rows.values_list("action").annotate(calls=total("calls")).order_by("-calls", "action")[:MOST_ACTIONS]
    return {
        "usage": {action: bounded(calls) for action, calls in by_action},
        "by_day": [{"date": day.isoformat(), "calls": bounded(by_day.get(day, 0))} for day in days],
    }


@turns.lent()
def tokens_seen_by(user: User, question: TokenQuestion) -> Payload:
    """An administrator sees all, anybody else only themselves whatever they name. Raises InvalidInput."""
    days = question.days()
    rows = DailySession.objects.all() if user.is_admin else DailySession.objects.filter(user_id=user.pk)
    filters = {name: value for name in ("agent_id", "session_id", "request_source") if (value := getattr(question, name))}
    if user.is_admin and question.user_id:
        filters["user_id"] = question.user_id
    if days:
        rows = rows.filter(day__range=days)
    rows = rows.filter(**filters)
    return {"summary": _summary(rows), "items": _items(rows, question.dimension)}


def _summary(rows: QuerySet[DailySession]) -> Payload:
    found = rows.aggregate(**_sums(), session_count=Count(SESSION, distinct=True))
    sessions = found["session_count"]
    return {
        "session_count": sessions,
        **_told(found),
        "average_tokens_per_session": found["total"] / sessions if sessions else 0.0,
    }


def _items(rows: QuerySet[DailySession], dimension: str) -> list[Payload]:
    told, *_others = key = DIMENSIONS[dimension]
    # An item of this dimension is one session. Counting them in each took as long as the rest.
    counted = {} if dimension == "session" else {"session_count": Count(SESSION, distinct=True)}
    found = (
        rows.values(*key)
        .annotate(**_sums(), **counted, started=Min("started_at"), finished=Max("finished_at"))
        .order_by("-total", *key)[:MOST_ITEMS]
    )
    return [
        {
            "agent_id": None,
            "user_id": None,
            "session_id": None,
            told: row[told],
            "session_count": row.get("session_count", 1),
            **_told(row),
            "started_at": row["started"],
            "finished_at": row["finished"],
        }
        for row in found
    ]


def _sums() -> dict[str, Total]:
    return {
        "input": total("input_tokens"),
        "output": total("output_tokens"),
        "total": total(F("input_tokens") + F("output_tokens")),
        "model_calls": total("model_calls"),
    }


def _told(row: Mapping[str, Any]) -> dict[str, int]:
    return {
        "input_tokens": bounded(row["input"]),
        "output_tokens": bounded(row["output"]),
        "total_tokens": bounded(row["total"]),
        "model_call_count": bounded(row["model_calls"]),
    }


def bounded(value: int) -> int:
    return min(value, LARGEST_TOLD)

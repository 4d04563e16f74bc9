"""Usage in bulk, made by the database itself: events, and the sums that reporting them would have made.

People, days, agents, actions and sessions are as many however many events there are. So there are as many rows of sums with ten
million events as with ten thousand, and a time that grows is the events' doing.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Model, Sum
from django.utils import timezone

from system.usage.ingest import SESSION_FIELDS, SESSION_KEY, USAGE_FIELDS, USAGE_KEY
from system.usage.models import DailySession, DailyUsage, UsageCaller, UsageEvent

# Each of the people did so many kinds of work on each day, each kind with a session, an agent, an action and a model.
PEOPLE, DAYS, KINDS = 5, 365, 5
# The first event came so many days ago, and each second one more.
BEGAN_DAYS = 300
# Events of one transaction.
PIECE = 500_000

# By the database: a moment as its column holds it, of so many seconds since 1970; and a moment's day.
MOMENT = {"sqlite": "datetime({}, 'unixepoch')", "postgresql": "to_timestamp({})"}
DAY = {"sqlite": "date(occurred_at)", "postgresql": "CAST(occurred_at AT TIME ZONE 'UTC' AS date)"}
ROUND = f"i / (%(days)s * {PEOPLE})"
KIND = f"({ROUND}) %% {KINDS}"
TOKENS = {name: f"SUM({name})" for name in ("input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens")}
NUMBERS = """WITH RECURSIVE numbers (i) AS (
    SELECT CAST(%(first)s AS bigint) UNION ALL SELECT i + 1 FROM numbers WHERE i + 1 < %(end)s
)"""


def usage_rows(end: int, sessions: int = 1, days: int = DAYS) -> int:
    """Have the events up to the number `end`, and the sums of all that are there; how many events were added.

    Events take turns: each next one is of another day, then of another person, then of another kind, then of another of the
    `sessions` that a person has for one kind of work on a day.
    """
    caller, _made = UsageCaller.objects.get_or_create(kind=UsageCaller.Kind.CLIENT, name="bulk")
    midnight = datetime.combine(timezone.now().astimezone(UTC).date(), time.min, UTC)
    given = {
        "caller": caller.pk,
        "sessions": sessions,
        "days": days,
        "today": int(midnight.timestamp()),
        "began": int((midnight - timedelta(days=BEGAN_DAYS)).timestamp()),
    }
    first = before = UsageEvent.objects.filter(caller=caller).count()
    _have_room()
    while first < end:
        until = min(first + PIECE, end)
        _insert(UsageEvent, _columns_of_event(), "numbers", given | {"first": first, "end": until}, before=NUMBERS)
        first = until
    sum_up()
    return end - before


def _have_room() -> None:
    """The ids are in no order, so that their index is written all over. Within the 2 MB of a request that would take hours."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute(f"PRAGMA cache_size = -{2 * 1024 * 1024}")


def _columns_of_event() -> dict[str, str]:
    """By the column: what it is of the event number i."""
    moment = MOMENT[connection.vendor]
    return {
        "caller_id": "%(caller)s",
        "event_id": "md5(CAST(i AS text))",
        "user_id": f"'person' || (i / %(days)s %% {PEOPLE})",
        "agent_id": f"'agent-' || ({KIND} %% 3)",
        "session_id": f"'session-' || ({ROUND} %% (%(sessions)s * {KINDS})) || '-' || (i %% %(days)s)",
        "action": f"'action-' || ({KIND})",
        "request_source": "'desktop'",
        "model": f"CASE {KIND} WHEN 0 THEN '' ELSE 'model-a' END",
        "count": "1 + i %% 3",
        "input_tokens": "1000 + i %% 997",
        "output_tokens": "i %% 211",
        "cached_tokens": "i %% 503",
        "reasoning_tokens": "i %% 101",
        # On the day of the number, and any time of it.
        "occurred_at": moment.format("%(today)s - i %% %(days)s * 86400 + i * 7919 %% 86400"),
        "received_at": moment.format("%(began)s + i"),
    }


def sum_up() -> None:
    """Make the sums anew of the events that are there."""
    day = {"day": DAY[connection.vendor]}
    usage = {name: name for name in USAGE_KEY} | day | {"calls": "SUM(count)"} | TOKENS
    session = {name: name for name in SESSION_KEY} | day | {name: TOKENS[name] for name in ("input_tokens", "output_tokens")}
    session |= {
        "model_calls": "SUM(CASE model WHEN '' THEN 0 ELSE count END)",
        "started_at": "MIN(occurred_at)",
        "finished_at": "MAX(occurred_at)",
    }
    sums: list[tuple[type[Model], Sequence[str], Sequence[str], dict[str, str]]] = [
        (DailyUsage, USAGE_FIELDS, USAGE_KEY, usage),
        (DailySession, SESSION_FIELDS, SESSION_KEY, session),
    ]
    for model, fields, key, columns in sums:
        keys = ", ".join(columns[name] for name in key)
        with transaction.atomic():
            model._base_manager.all().delete()
            source = f"{UsageEvent._meta.db_table} GROUP BY {keys} ORDER BY {keys}"
            _insert(model, {name: columns[name] for name in fields}, source, {})


def _insert(model: type[Model], columns: dict[str, str], source: str, given: dict[str, Any], *, before: str = "") -> None:
    names = ", ".join(connection.ops.quote_name(name) for name in columns)
    # Nothing of the text comes from outside this file.
    text = f"{before} INSERT INTO {model._meta.db_table} ({names}) SELECT {', '.join(columns.values())} FROM {source}"
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(text, given)


def usage_sums() -> dict[str, int]:
    """What is in the tables, added up."""
    usage = DailyUsage.objects.aggregate(calls=Sum("calls"), input=Sum("input_tokens"))
    sessions = DailySession.objects.aggregate(sessions_input=Sum("input_tokens"))
    rows = {"events": UsageEvent.objects.count(), "usage": DailyUsage.objects.count(), "sessions": DailySession.objects.count()}
    return {name: int(value or 0) for name, value in (rows | usage | sessions).items()}

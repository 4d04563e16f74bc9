"""What is stored of usage: all of it, and the sums beside a recount of the events."""

from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.db import connection

from system.usage.models import DailySession, DailyUsage, UsageCaller, UsageEvent, UsageName

# Asks a database in SQL, and gives what has the rows.
Execute = Callable[[str], Any]
Sums = dict[tuple[str, ...], tuple[Any, ...]]

EVENTS = """
SELECT user_id, occurred_at, agent_id, session_id, action, request_source, model,
       count, input_tokens, output_tokens, cached_tokens, reasoning_tokens
FROM system_usageevent
"""
USAGE = """
SELECT user_id, day, agent_id, action, model, calls, input_tokens, output_tokens, cached_tokens, reasoning_tokens
FROM system_dailyusage
"""
SESSIONS = """
SELECT user_id, day, session_id, agent_id, request_source, model_calls, input_tokens, output_tokens, started_at, finished_at
FROM system_dailysession
"""


def everything() -> list[Any]:
    """To be compared with what it was before a refusal."""
    return [sorted(model.objects.values_list()) for model in (UsageCaller, UsageName, UsageEvent, DailyUsage, DailySession)]


def here(statement: str) -> Any:
    """Of the test's own database."""
    cursor = connection.cursor()
    cursor.execute(statement)
    return cursor.fetchall()


def check_sums(execute: Execute = here) -> int:
    """The sums are those of the events that are stored, of which it answers how many. No sum is of nothing."""
    events = [_Event(*row) for row in execute(EVENTS)]
    found_usage: Sums = {(row[0], str(row[1]), *row[2:5]): tuple(row[5:]) for row in execute(USAGE)}
    found_sessions: Sums = {
        (row[0], str(row[1]), *row[2:5]): (*row[5:8], moment(row[8]), moment(row[9])) for row in execute(SESSIONS)
    }
    assert found_usage == usage_of(events)
    assert found_sessions == sessions_of(events)
    return len(events)


class _Event:
    def __init__(self, user: str, occurred: Any, *named_and_counted: Any):
        agent, session, action, source, model, *self.numbers = named_and_counted
        self.occurred = moment(occurred)
        day = self.occurred.date().isoformat()
        self.usage = (user, day, agent, action, model)
        self.session = (user, day, session, agent, source)
        self.model_calls = self.numbers[0] if model else 0


def usage_of(events: list[_Event]) -> Sums:
    groups = defaultdict(list)
    for event in events:
        groups[event.usage].append(event.numbers)
    return {key: tuple(map(sum, zip(*numbers, strict=True))) for key, numbers in groups.items()}


def sessions_of(events: list[_Event]) -> Sums:
    groups = defaultdict(list)
    for event in events:
        groups[event.session].append(event)
    return {
        key: (
            sum(one.model_calls for one in group),
            sum(one.numbers[1] for one in group),
            sum(one.numbers[2] for one in group),
            min(one.occurred for one in group),
            max(one.occurred for one in group),
        )
        for key, group in groups.items()
    }


def moment(value: str | datetime) -> datetime:
    """SQLite keeps a text without an offset."""
    found = datetime.fromisoformat(value) if isinstance(value, str) else value
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)

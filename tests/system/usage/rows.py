"""Sums that are made in bulk: what no test has the time to report."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any

from system.usage.models import DailySession, DailyUsage

DAY = date(2026, 11, 28)


def usage(**fields: Any) -> DailyUsage:
    return DailyUsage(**{"user_id": "alice", "day": DAY, "agent_id": "writer", "action": "search", "calls": 1} | fields)


def session(**fields: Any) -> DailySession:
    """A session that lasted no time, at 8 o'clock."""
    day = fields.get("day", DAY)
    at = datetime.combine(day, time(8), tzinfo=UTC)
    first: Mapping[str, Any] = {"user_id": "alice", "day": day, "session_id": "s1", "agent_id": "writer"}
    return DailySession(**{**first, "started_at": at, "finished_at": at} | fields)

"""What a database looks at for an answer about usage: an index. PostgreSQL has counted the rows, SQLite has not."""

import re
from datetime import timedelta
from typing import Literal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from sage_platform.accounts.models import User
from system.usage import totals
from system.usage.events import TokenQuestion, UsageQuestion
from system.usage.models import DailySession, DailyUsage
from tests.system.usage.rows import DAY, session, usage

USER_AND_DAYS = ("user_id", "day")


@pytest.fixture
def _rows(db: None) -> None:
    """Of fifty users in a hundred days. PostgreSQL would read a table of this size without its indexes.

    It is made to count the rows, since autovacuum does so whenever it likes: by statistics of another test's rows, all of one
    user, the index of days would do as well as that of users and days.
    """
    pairs = [(f"u{number % 50}", DAY - timedelta(days=number // 50)) for number in range(5000)]
    DailyUsage.objects.bulk_create(usage(user_id=user, day=day) for user, day in pairs)
    DailySession.objects.bulk_create(session(user_id=user, day=day, session_id=f"{user} {day}") for user, day in pairs)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {DailyUsage._meta.db_table}, {DailySession._meta.db_table}")
            cursor.execute("SET LOCAL enable_seqscan = off")


def looked_up(plan: str) -> set[tuple[str, ...]]:
    """The columns by which an index is searched, as both databases write them: `(user_id=? AND day>? AND day<?)`, or
    `Index Cond: (((user_id)::text = 'alice'::text) AND (day >= '2025-11-29'::date) AND …)`.
    """
    found = re.findall(r"USING (?:COVERING )?INDEX \w+ (\(.*\))|Index Cond: (\(.*\))", plan)
    columns = (re.findall(r"\b(user_id|day|session_id)\b", "".join(pair)) for pair in found)
    return {tuple(dict.fromkeys(names)) for names in columns}


def plans(who: User, question: UsageQuestion | TokenQuestion) -> list[set[tuple[str, ...]]]:
    with CaptureQueriesContext(connection) as queries:
        if isinstance(question, UsageQuestion):
            totals.usage_of(who, question, at=timezone.now())
        else:
            totals.tokens_seen_by(who, question)
    found = []
    for query in queries.captured_queries:
        with connection.cursor() as cursor:
            cursor.execute(("EXPLAIN QUERY PLAN " if connection.vendor == "sqlite" else "EXPLAIN ") + query["sql"])
            plan = "\n".join(str(row[-1]) for row in cursor.fetchall())
        assert "SCAN system" not in plan
        assert "Seq Scan" not in plan
        found.append(looked_up(plan))
    return found


def month(dimension: Literal["agent", "user", "session"], **filters: str) -> TokenQuestion:
    return TokenQuestion(dimension=dimension, start_date="2026-10-30", end_date="2026-11-28", **filters)


QUESTIONS: list[tuple[str, UsageQuestion | TokenQuestion, tuple[str, ...]]] = [
    ("alice", UsageQuestion(days=30), USER_AND_DAYS),
    ("alice", UsageQuestion(days=30, agent_id="writer"), USER_AND_DAYS),
    ("alice", month("agent"), USER_AND_DAYS),
    ("alice", month("user", user_id="bob"), USER_AND_DAYS),
    ("admin", month("agent", user_id="u7"), USER_AND_DAYS),
    ("admin", month("agent"), ("day",)),
    ("admin", month("user", agent_id="writer"), ("day",)),
    ("admin", month("session", request_source="web"), ("day",)),
    ("admin", TokenQuestion(dimension="session", session_id="s1"), ("session_id",)),
]


@pytest.mark.usefixtures("_rows", "noon")
def test_an_index_is_searched(alice: User, admin: User) -> None:
    """In both queries of each answer."""
    for name, question, columns in QUESTIONS:
        assert plans(alice if name == "alice" else admin, question) == [{columns}, {columns}], question
    # One's own session is found by its id, or by the user and then the session.
    for found in plans(alice, TokenQuestion(dimension="session", session_id="s1")):
        assert found in ({("session_id",)}, {("user_id", "session_id")})

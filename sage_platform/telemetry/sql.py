"""A span for each statement of SQL: its text without values, how long it took, and the kind of its error."""

import re
from collections.abc import Callable, Sized
from functools import lru_cache
from typing import Any, NamedTuple

from sage_platform.telemetry import tracing
from sage_platform.telemetry.tracing import Value

LONGEST = 4096
SYSTEMS = {"sqlite": "sqlite", "postgresql": "postgresql"}  # OpenTelemetry's names, db.system.name.
# The parts of SQL that are read as one: what stands in one of them is none of the others. Values come as parameters, and those
# few that the code, or Django, writes into a text are taken out here, whatever they are.
PARTS = re.compile(
    r"""
    (?P<name>"(?:[^"]|"")*")
    | (?P<comment>--[^\n]*|/\*.*?(?:\*/|\Z))
    | (?P<value>
        (?<![\w$])[eE]'(?:[^'\\]|''|\\.)*(?:'|\Z)   # With escapes, in PostgreSQL.
        | '(?:[^']|'')*(?:'|\Z)
        | (?<![\w$])\$(?P<tag>[A-Za-z_]*)\$.*?(?:\$(?P=tag)\$|\Z)
        | (?<![\w$])\d[\w.]*
      )
    """,
    re.VERBOSE | re.DOTALL,
)
MANY = re.compile(r"%s(?:, ?%s)+")
ROWS = re.compile(r"(\(%s, …\))(?:, ?\(%s, …\))+")
SAVEPOINT = re.compile(r"(SAVEPOINT|RELEASE SAVEPOINT|ROLLBACK TO SAVEPOINT) .*", re.DOTALL)
TABLE = re.compile(r'\b(?:FROM|INTO|UPDATE)\s+("?)(\w+)\1(?!["\w])', re.IGNORECASE)
INNERMOST = re.compile(r"\([^()]*\)")
OPERATION = re.compile(r"\s*([A-Za-z]+)")


class Statement(NamedTuple):
    name: str
    attributes: dict[str, Value]


def record(execute: Callable[..., Any], sql: object, params: object, many: bool, context: dict[str, Any]) -> Any:
    """Django calls it around each statement. The parameters go by unseen."""
    statement = described(text_of(sql), context["connection"].vendor)
    with tracing.span(statement.name, kind="client", **statement.attributes) as span:
        if many and isinstance(params, Sized):
            span.set("db.operation.batch.size", len(params))
        return execute(sql, params, many, context)


def text_of(sql: object) -> str:
    """Cut off before anything else: a batch of hundreds of rows is a text of many kilobytes."""
    return sql[:LONGEST] if isinstance(sql, str) else ""  # The driver's own objects may hold values.


@lru_cache(maxsize=1024)
def described(sql: str, vendor: str) -> Statement:
    """Worked out once for each statement, of which there are few: their values are not in them."""
    text = SAVEPOINT.sub(r"\1", without_values(sql))
    operation = found[1].upper() if (found := OPERATION.match(text)) else "SQL"
    table = found[2] if (found := TABLE.search(outermost(text))) else ""
    attributes: dict[str, Value] = {
        "db.system.name": SYSTEMS.get(vendor, "other_sql"),
        "db.operation.name": operation,
        "db.query.text": text,
    }
    return Statement(f"{operation} {table}".rstrip(), attributes)


def outermost(text: str) -> str:
    """Without what stands in parentheses, as other queries do."""
    while (shorter := INNERMOST.sub("", text)) != text:
        text = shorter
    return text


def without_values(sql: str) -> str:
    plain = PARTS.sub(lambda part: part[0] if part["name"] else "?" if part["value"] else " ", sql)
    return ROWS.sub(r"\1, …", MANY.sub("%s, …", plain))

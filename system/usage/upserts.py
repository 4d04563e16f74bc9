"""Two statements that Django's query sets cannot write: an insert that says what it has inserted, and one that adds to a row.

`bulk_create(ignore_conflicts=True)` returns nothing, and `update_conflicts` replaces and does not add. Both statements do the
same on SQLite and PostgreSQL.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import orjson
from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.db.models import Max, Model

from sage_platform.turns import turns

Rows = Sequence[Sequence[Any]]
# SQLite takes 32,766 in a statement. But while a driver puts them in, no other thread runs; with these few that is a millisecond.
MOST_PARAMETERS = 3_000
# Where a sum stops. Two of them are together no more than a column holds: beyond that PostgreSQL fails, and SQLite goes on with
# a number that is not whole.
LARGEST_STORED = 2**62 - 1


def insert_new(model: type[Model], fields: Sequence[str], rows: Rows, *, unique: Sequence[str], returning: str) -> set[Any]:
    """Insert the rows that are not there yet by the columns `unique`, and answer the values of one column of those."""
    found: set[Any] = set()
    tail = f"ON CONFLICT ({_columns(model, unique)}) DO NOTHING RETURNING {_columns(model, [returning])}"
    for some in _pieces(rows, len(fields)):
        with _executed(_insert(model, fields, some, tail)) as cursor:
            found.update(value for (value,) in cursor.fetchall())
    return found


def add_up(
    model: type[Model],
    fields: Sequence[str],
    rows: Rows,
    *,
    unique: Sequence[str],
    least: str = "",
    greatest: str = "",
    count_new: bool = False,
) -> int:
    """Insert the rows, or add their values, of which none is negative, to those that are there by the columns `unique`; of two
    values of the column `least` the smaller stays, of `greatest` the greater. If asked, it says how many were not there.

    The rows are sorted by `unique`: two transactions that lock the same rows in different orders would wait for each other.
    """
    table, quote = model._meta.db_table, connection.ops.quote_name
    changes = []
    for name in fields:
        old, new = f"{quote(table)}.{quote(_column(model, name))}", f"excluded.{quote(_column(model, name))}"
        if name in unique:
            continue
        if name in {least, greatest}:
            order = "<" if name == least else ">"
            changes.append(f"{quote(_column(model, name))} = CASE WHEN {new} {order} {old} THEN {new} ELSE {old} END")
        else:
            added = f"CASE WHEN {old} > {LARGEST_STORED} - {new} THEN {LARGEST_STORED} ELSE {old} + {new} END"
            changes.append(f"{quote(_column(model, name))} = {added}")
    tail = f"ON CONFLICT ({_columns(model, unique)}) DO UPDATE SET {', '.join(changes)}"
    # Keys only grow, so a row with a greater one than any before is new.
    newest: int = model._base_manager.aggregate(newest=Max("id", default=0))["newest"] if count_new else 0
    tail += f" RETURNING {_columns(model, ['id'])}" if count_new else ""
    amount = 0
    for some in _pieces(rows, len(fields)):
        with _executed(_insert(model, fields, some, tail)) as cursor:
            amount += sum(key > newest for (key,) in cursor.fetchall()) if count_new else 0
    return amount


@contextmanager
def _executed(statement: tuple[str, list[Any]]) -> Iterator[CursorWrapper]:
    """While the database writes, others have the turn. Hundreds of rows take longer than most requests."""
    with connection.cursor() as cursor:
        with turns.lent():
            cursor.execute(*statement)
        yield cursor


def _insert(model: type[Model], fields: Sequence[str], rows: Rows, tail: str) -> tuple[str, list[Any]]:
    """On PostgreSQL the rows are one parameter: to put thousands into a statement, the driver takes longer than the server does
    for all the rest.
    """
    table, columns = connection.ops.quote_name(model._meta.db_table), _columns(model, fields)
    if connection.vendor == "postgresql":
        source = f"SELECT {columns} FROM json_to_recordset(%s) AS given ({_typed(model, fields)})"  # noqa: S608
        names = [_column(model, name) for name in fields]
        parameters: list[Any] = [orjson.dumps([dict(zip(names, row, strict=True)) for row in rows]).decode()]
    else:
        row = f"({', '.join(['%s'] * len(fields))})"
        source = f"VALUES {', '.join([row] * len(rows))}"
        parameters = [value for row in rows for value in row]
    # No value is a part of the text: names come from the models alone.
    return f"INSERT INTO {table} ({columns}) {source} {tail}", parameters


def _pieces(rows: Rows, width: int) -> list[Rows]:
    size = MOST_PARAMETERS // width
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def _column(model: type[Model], name: str) -> str:
    return str(getattr(model._meta.get_field(name), "column"))  # noqa: B009  Of relations from elsewhere the checker knows none.


def _typed(model: type[Model], names: Sequence[str]) -> str:
    types = [model._meta.get_field(name).db_type(connection) for name in names]
    return ", ".join(f"{connection.ops.quote_name(_column(model, name))} {kind}" for name, kind in zip(names, types, strict=True))


def _columns(model: type[Model], names: Sequence[str]) -> str:
    return ", ".join(connection.ops.quote_name(_column(model, name)) for name in names)

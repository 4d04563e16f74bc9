"""Look-ups that every request makes, with their SQL written once: Django takes far longer to write a query than to run it."""

from collections.abc import Callable
from contextlib import closing
from functools import lru_cache
from threading import local
from typing import Any, Generic, TypeVar, cast

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import QuerySet

REMEMBERED = 512
Row = tuple[Any, ...]
T = TypeVar("T")


class PreparedLookup(Generic[T]):
    """The rows of a `values_list` that have a given value in the field `by`; each call is one query.

    `rows` makes the query set at the first call, when all models are loaded. Django writes its SQL and converts the database's
    types to Python's. Each thread keeps both, because they belong to its database connection.

    `form` makes what the caller wants of a row. The last few hundred results are remembered by the row as the database sends it,
    so that the same row is not converted again. Several callers get the same object, so nobody may change it.
    """

    def __init__(
        self, rows: Callable[[], QuerySet[Any, Any]], *, by: str, form: Callable[[Row], T] = lambda row: cast("T", row)
    ) -> None:
        self._rows = rows
        self._by = by
        self._form = form
        self._kept = local()
        self._formed = lru_cache(maxsize=REMEMBERED)(self._formed_anew)

    def __call__(self, value: object) -> list[T]:
        kept = self._kept
        if getattr(kept, "connection", None) is not connections["default"]:
            self._write(value)
        rows = _fetch(kept.connection, kept.sql, [*kept.given, kept.field.get_db_prep_value(value, kept.connection)])
        return [self._formed(row) for row in rows]

    def _formed_anew(self, row: Row) -> T:
        kept = self._kept
        [converted] = kept.compiler.apply_converters([row], kept.converters)
        return self._form(tuple(converted))

    def _write(self, value: object) -> None:
        rows: Any = self._rows()
        if rows.query.where:
            raise TypeError("A prepared look-up has no condition but the value.")
        query: Any = rows.filter(**{self._by: value}).query
        compiler = query.get_compiler(connection=connections["default"])
        sql, parameters = compiler.as_sql()
        field = query.get_meta().get_field(query.get_meta().pk.name if self._by == "pk" else self._by)
        kept = self._kept
        # The value of the condition is the last parameter. Those before it belong to the columns, and are the same at each call.
        kept.sql, kept.given, kept.compiler = sql, parameters[:-1], compiler
        kept.converters = compiler.get_converters([column for column, *_ in compiler.select])
        kept.field = field
        kept.connection = connections["default"]


def _fetch(database: BaseDatabaseWrapper, sql: str, parameters: list[Any]) -> list[Row]:
    """As `connection.cursor()` does, with its errors, but for the wrappers around each step, which take as long as the query."""
    if database.queries_logged or database.execute_wrappers:
        with database.cursor() as cursor:
            cursor.execute(sql, parameters)
            return list(cursor.fetchall())
    database.ensure_connection()
    database.validate_no_broken_transaction()
    with database.wrap_database_errors, closing(database.create_cursor()) as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())

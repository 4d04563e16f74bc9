"""The text of a statement as a collector gets it: no value in it, wherever the code had one."""

import pytest

from sage_platform.telemetry.sql import described, text_of

TEXTS = {
    'SELECT "a"."b" FROM "a" WHERE "a"."c" = %s LIMIT 21': ("SELECT a", 'SELECT "a"."b" FROM "a" WHERE "a"."c" = %s LIMIT ?'),
    "SELECT 1": ("SELECT", "SELECT ?"),
    "UPDATE \"t1\" SET \"x\" = 'it''s a secret' WHERE T4.id = 12.5e3": ("UPDATE t1", 'UPDATE "t1" SET "x" = ? WHERE T4.id = ?'),
    "INSERT INTO t (a) VALUES (E'a\\'secret'), ('b\\'), (X'00ff')": ("INSERT t", "INSERT INTO t (a) VALUES (?), (?), (X?)"),
    "SELECT $$a 'secret'$$, $tag$an $$other$$ secret$tag$ FROM t": ("SELECT t", "SELECT ?, ? FROM t"),
    "SELECT 'cut off in the secr": ("SELECT", "SELECT ?"),
    "SELECT \"it's\" FROM \"o'clock\" WHERE x = 'secret'": ("SELECT", 'SELECT "it\'s" FROM "o\'clock" WHERE x = ?'),
    "SELECT x -- it's a secret\nFROM t /* 'secret */ WHERE y = 'z'": ("SELECT t", "SELECT x  \nFROM t   WHERE y = ?"),
    'DELETE FROM "t" WHERE "id" IN (%s, %s, %s)': ("DELETE t", 'DELETE FROM "t" WHERE "id" IN (%s, …)'),
    'INSERT INTO "t" ("a", "b") VALUES (%s, %s), (%s, %s), (%s, %s)': (
        "INSERT t",
        'INSERT INTO "t" ("a", "b") VALUES (%s, …), …',
    ),
    'SAVEPOINT "s140_x12"': ("SAVEPOINT", "SAVEPOINT"),
    'RELEASE SAVEPOINT "s140_x12"': ("RELEASE", "RELEASE SAVEPOINT"),
    "BEGIN IMMEDIATE": ("BEGIN", "BEGIN IMMEDIATE"),
    "SELECT EXISTS(SELECT %s FROM inner_one WHERE (a = %s)) FROM outer_one": (
        "SELECT outer_one",
        "SELECT EXISTS(SELECT %s FROM inner_one WHERE (a = %s)) FROM outer_one",
    ),
    "": ("SQL", ""),
}


@pytest.mark.parametrize(("sql", "wanted"), TEXTS.items(), ids=[text[:30] for text in TEXTS])
def test_no_value_is_in_the_text(sql: str, wanted: tuple[str, str]) -> None:
    name, attributes = described(sql, "sqlite")
    assert (name, attributes["db.query.text"]) == wanted
    assert "secret" not in str(attributes)


def test_a_long_text_is_cut_off_before_it_is_read() -> None:
    text = text_of("SELECT '" + "secret " * 100_000)
    assert len(text) == 4096
    assert described(text, "postgresql").attributes == {
        "db.system.name": "postgresql",
        "db.operation.name": "SELECT",
        "db.query.text": "SELECT ?",
    }


def test_a_query_of_the_drivers_own_is_not_told() -> None:
    from psycopg import sql

    assert text_of(sql.SQL("SELECT {}").format(sql.Literal("secret"))) == ""

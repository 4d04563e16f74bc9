"""What an OperationalError stands for: the drivers raise it for a database that is away, and for a statement that is too much."""

import sqlite3

# SQLSTATE class 54: a program's limit is exceeded, such as the depth of an expression (PostgreSQL, appendix A).
POSTGRESQL_LIMITS = "54"


def is_outage(error: Exception) -> bool:
    """False where the database is well and refuses the statement itself: too deep, too long, too many variables.

    Such a statement is a fault of ours. Told as an outage it would be looked for in the wrong place, and tried again in vain.
    """
    driver = error.__cause__
    if isinstance(driver, sqlite3.OperationalError):
        return not _is_too_much(driver)
    state = getattr(driver, "sqlstate", None) or ""
    return not str(state).startswith(POSTGRESQL_LIMITS)


def _is_too_much(error: sqlite3.OperationalError) -> bool:
    """SQLite has one code for all that is wrong with a statement. A table or column that is missing is a migration that is."""
    code = getattr(error, "sqlite_errorcode", None)
    wrong_statement = code == sqlite3.SQLITE_ERROR and not str(error).startswith("no such ")
    return wrong_statement or code == sqlite3.SQLITE_TOOBIG

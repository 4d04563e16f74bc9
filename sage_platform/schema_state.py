"""Whether the database has the tables that this code expects."""

from functools import cache

from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder


@cache
def _known() -> frozenset[tuple[str, str]]:
    """App and name of each migration of this code. Finding them loads a hundred files, so it is done once."""
    return frozenset(MigrationLoader(None).graph.nodes)


def pending_migrations() -> list[tuple[str, str]]:
    """App and name of each that the database lacks; all where it has no tables. What a newer version has added does not count."""
    return sorted(_known() - MigrationRecorder(connection).applied_migrations().keys())

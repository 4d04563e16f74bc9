"""Copies of a PostgreSQL database, by its own programs, which Debian has in `postgresql-client`."""

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.postgresql.client import DatabaseClient

from sage_platform.databases.copies import CopyError, DatabaseCopies, no_whole_copy
from sage_platform.databases.postgresql.base import DatabaseWrapper

OUR_TABLE = re.compile(r" TABLE DATA \S+ accounts_user ")
# A table that a later version added is not in the copy, and what it refers to could not be dropped without it. The platform has
# nothing but tables, and what hangs on them; the schema, its privileges and extensions stay.
DROP_TABLES = """
DO $$
DECLARE doomed regclass;
BEGIN
    FOR doomed IN SELECT format('%I.%I', schemaname, tablename)::regclass FROM pg_tables WHERE schemaname = current_schema()
    LOOP
        EXECUTE format('DROP TABLE IF EXISTS %s CASCADE', doomed);
    END LOOP;
END
$$
"""
OTHERS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""


class PostgreSQLCopies(DatabaseCopies):
    file_name = "sage.dump"

    @property
    def wrapper(self) -> DatabaseWrapper:
        return cast("DatabaseWrapper", connections[DEFAULT_DB_ALIAS])

    def write(self, file: Path) -> None:
        self.run("pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={file}", connect=True)

    def check(self, file: Path) -> None:
        try:
            listed = self.run("pg_restore", "--list", str(file))
            self.run("pg_restore", "--file=/dev/null", str(file))  # Reads all of it.
        except CopyError as error:
            raise no_whole_copy(file) from error
        if not OUR_TABLE.search(listed):
            raise no_whole_copy(file)

    def put_back(self, file: Path) -> None:
        """In one transaction, so that a copy that fails half-way leaves what was there."""
        with tempfile.TemporaryDirectory(dir=settings.SAGE_DATA_DIR, prefix="restore-") as folder:
            script = Path(folder) / "script.sql"
            self.run("pg_restore", "--no-owner", "--no-privileges", f"--file={script}", str(file))
            steps = (f"--command={DROP_TABLES}", f"--file={script}")
            self.run("psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--single-transaction", *steps, connect=True)

    def in_the_way(self) -> str:
        there = self.wrapper.introspection.table_names()
        return f"the {len(there)} tables of the database {self.wrapper.settings_dict['NAME']}" if there else ""

    @contextmanager
    def unused(self) -> Iterator[None]:
        # Our own pool may have opened more than the one connection that asks.
        self.wrapper.close()
        self.wrapper.close_pool()
        with self.wrapper.without_pool() as own:
            (others,) = own.execute(OTHERS).fetchone() or (0,)
        if others:
            raise CopyError(f"{others} sessions are open on the database. Stop the platform on every machine first.")
        yield

    def run(self, program: str, *options: str, connect: bool = False) -> str:
        """What the program printed. Django's client leads it to the database, with the password in its environment."""
        place, secrets = DatabaseClient.settings_to_cmd_args_env(self.wrapper.settings_dict, [])
        for name, value in (secrets or {}).items():
            os.putenv(name, value)
        command = [program, *options, *(place[1:] if connect else ())]
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            raise CopyError(f"{program} is not installed (Debian: apt-get install postgresql-client)") from None
        if done.returncode:
            raise CopyError(" ".join(done.stderr.split()) or f"{program} ended with {done.returncode}")
        return done.stdout

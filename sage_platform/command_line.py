"""Runs a command of manage.py. What an operator can mend is told in one line, and the rest keeps its traceback."""

import gc
import logging
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, cast

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import BaseCommand, ManagementUtility, load_command_class
from django.db import (
    DEFAULT_DB_ALIAS,
    DatabaseError,
    InterfaceError,
    OperationalError,
    ProgrammingError,
    connection,
    connections,
)

from sage_platform import data_folder
from sage_platform.logs import log_what_python_prints
from sage_platform.schema_state import pending_migrations
from sage_platform.telemetry import tracing

if TYPE_CHECKING:
    from sage_platform.databases.postgresql.base import DatabaseWrapper as PostgreSQL  # With SQLite the driver is not loaded.

# Commands of Django and its toolkits that go past our own rules, or do nothing here, and what to use in their place.
INSTEAD = {
    "clearcimdapplications": "manage.py prune",
    "clearsessions": "manage.py prune",
    "cleartokens": "manage.py prune",
    "collectstatic": "nothing: static files come straight from the packages",
    "compilemessages": "make messages",
    "createapplication": "SAGE_OAUTH2_CLIENTS with manage.py sync_oauth2_clients, or the administration",
    "createsuperuser": "manage.py bootstrap, or manage.py bootstrap --promote NAME for a user that there is",
    "generateschema": "manage.py spectacular",
    "makemessages": "make messages",
    "test": "make test",
}
# Commands of Django that are ours as well. Django takes the one of the app that is listed first, which its own are.
OURS = {"changepassword": "sage_platform.accounts"}
# Commands that work for a while, mostly by themselves at night: each is a trace.
JOBS = frozenset(
    {
        "backup",
        "check_uploads",
        "create_release",
        "import_release",
        "move_uploads",
        "probe_providers",
        "prune",
        "rotate_encryption_keys",
    }
)
INTERRUPTED = 128 + signal.SIGINT  # As shells have it.
NOT_MIGRATED = "The database of DATABASE_URL is not migrated: run manage.py bootstrap."


class CommandLine(ManagementUtility):
    """Django's, without the commands that have another in their place, and with ours for those that need more."""

    def fetch_command(self, subcommand: str) -> BaseCommand:
        """The first step after Django and the applications are loaded, until which manage.py keeps the garbage collector off."""
        if not gc.isenabled():
            # Set aside: to look through all of it now and at the end of the process would take longer than was saved.
            gc.freeze()
            gc.enable()
        if subcommand in INSTEAD:
            sys.exit(f"{subcommand} is not for this platform. Use {INSTEAD[subcommand]}.")
        if subcommand in OURS:
            return load_command_class(OURS[subcommand], subcommand)
        command = super().fetch_command(subcommand)
        if subcommand in JOBS:
            setattr(command, "execute", recorded(subcommand, command.execute))  # noqa: B010  A method, to the type checker.
        return command

    def main_help_text(self, commands_only: bool = False) -> str:
        lines = [line for line in super().main_help_text(commands_only).splitlines() if line.strip() not in INSTEAD]
        # The heading of an app that has no command left, with the empty line before it.
        return re.sub(r"\n\n[^\n ]*\[\w+\][^\n ]*(?=\n\n|\Z)", "", "\n".join(lines))


def recorded(name: str, execute: Callable[..., object]) -> Callable[..., object]:
    def execute_as_job(*arguments: object, **options: object) -> object:
        tracing.start()
        try:
            with tracing.job(name):
                return execute(*arguments, **options)
        finally:
            tracing.flush()

    return execute_as_job


def run(arguments: list[str]) -> None:
    data_folder.close_new_files()
    # It repeats for each attempt what the command's last line says once. The server, which starts anew, keeps its warnings.
    logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)
    if not sys.stderr.isatty():
        # A timer's, whose standard error is a log. In a terminal a person reads the traceback.
        log_what_python_prints()
    try:
        CommandLine(arguments).execute()
    except ImproperlyConfigured as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted.\n")
        sys.exit(INTERRUPTED)
    except EOFError:
        sys.exit("It asks for something, and nobody is there to answer: run it in a terminal.")
    except (OperationalError, InterfaceError, ProgrammingError, OSError) as error:
        words = told_by_database(error) if isinstance(error, DatabaseError | InterfaceError) else told_by_folder(error)
        if words is None or "--traceback" in arguments:
            raise
        sys.exit(words)


def told_by_database(error: DatabaseError | InterfaceError) -> str | None:
    """None where the database is as it should be: then the command is at fault."""
    try:
        if pending_migrations():
            return NOT_MIGRATED
    except (DatabaseError, InterfaceError):
        pass  # It is away altogether, which the first error says.
    return None if isinstance(error, ProgrammingError) else cannot_be_used(error)


def cannot_be_used(error: DatabaseError | InterfaceError) -> str:
    """The driver's text may hold the address of the database, but never the password."""
    reason = str(error)
    if connection.vendor == "postgresql":
        # Of a server that is away the pool tells only that nobody got a connection in time.
        reason = cast("PostgreSQL", connections[DEFAULT_DB_ALIAS]).why_away() or reason
    return f"The database of DATABASE_URL cannot be used: {' '.join(reason.split())}"


def told_by_folder(error: OSError) -> str | None:
    if isinstance(error.filename, str | Path) and Path(error.filename).is_relative_to(settings.SAGE_DATA_DIR):
        return f"SAGE_DATA_DIR: expected a folder that can be read and written ({error.strerror}: {error.filename})."
    return None

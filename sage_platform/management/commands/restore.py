"""Put a backup of an SQLite database back."""

import sqlite3
from argparse import ArgumentParser
from pathlib import Path

from django.core.management import BaseCommand, CommandError
from django.db import connection, connections

from sage_platform import backups
from sage_platform.running import no_server


class Command(BaseCommand):
    help = (
        "Put back what backup has written: the SQLite database, and the keys where the backup has them. The server must be "
        "stopped. What is there is replaced with --force alone."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="the folder that backup has written")
        parser.add_argument("--force", action="store_true", help="replace the database and the keys that are there")
        parser.add_argument("--dry-run", action="store_true", help="only say whether it could be put back")

    def handle(self, *args: object, folder: Path, force: bool, dry_run: bool, **options: object) -> None:
        if connection.vendor != "sqlite":
            raise CommandError("This is for SQLite. For PostgreSQL use pg_restore.")
        database = Path(connection.settings_dict["NAME"])
        try:
            backups.check(folder / backups.DATABASE)
        except backups.UnusableBackupError as error:
            raise CommandError(f"{folder} cannot be put back. {error}") from None
        with no_server() as stopped:
            if not stopped:
                raise CommandError("A server runs on this data folder. Stop it first.")
            if not force:
                refuse_to_replace(folder, database)
            if dry_run:
                self.stdout.write(f"{folder} can be put back.")
                return
            connections.close_all()
            try:
                backups.put_back(folder, database)
            except (OSError, sqlite3.Error) as error:
                raise CommandError(f"{folder} cannot be put back: {error}") from None
        self.stdout.write(f"Put back from {folder}. Run manage.py bootstrap, then manage.py doctor.")


def refuse_to_replace(folder: Path, database: Path) -> None:
    there = [name for name in [str(database)] if database.exists()] + backups.other_keys(folder)
    if there:
        raise CommandError(f"This would replace {', '.join(there)}. Make a backup of it, and use --force.")

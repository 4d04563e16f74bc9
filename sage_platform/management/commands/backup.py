"""Copy an SQLite database while the platform runs."""

import sqlite3
from argparse import ArgumentParser
from pathlib import Path

from django.conf import settings
from django.core.management import BaseCommand, CommandError
from django.db import connection

from sage_platform import backups
from sage_platform.command_line import NOT_MIGRATED
from sage_platform.schema_state import pending_migrations


class Command(BaseCommand):
    help = (
        "Copy the SQLite database, as it is at one moment, into a new folder; the platform may run meanwhile. "
        "The keys that encrypt it are named, or copied with --with-keys. For PostgreSQL use pg_dump."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="a folder that does not exist yet")
        parser.add_argument("--with-keys", action="store_true", help="also copy the keys of the data folder")

    def handle(self, *args: object, folder: Path, with_keys: bool, **options: object) -> None:
        if connection.vendor != "sqlite":
            raise CommandError("This is for SQLite. For PostgreSQL use pg_dump --format=custom.")
        if folder.exists():
            raise CommandError(f"{folder} exists already; name a new folder.")
        if pending_migrations():
            raise CommandError(NOT_MIGRATED)
        try:
            written = backups.write(folder, Path(connection.settings_dict["NAME"]), with_keys=with_keys)
        except backups.UnusableBackupError as error:
            raise CommandError(str(error)) from None
        except (OSError, sqlite3.Error) as error:
            raise CommandError(f"{folder} cannot be written: {error}") from None
        self.stdout.write(f"Written to {folder}: {', '.join(path.name for path in written)}.")
        for line in not_in_it(with_keys=with_keys):
            self.stdout.write(f"Not in it, keep it as well: {line}")


def not_in_it(*, with_keys: bool) -> list[str]:
    kept = backups.kept_keys(settings.SAGE_DATA_DIR)
    names = {path.name for path in kept}
    lines = [str(path) for path in kept if not with_keys]
    if "secret_key" not in names:
        lines.append("SAGE_SECRET_KEY, which the settings hold")
    if "encryption_key" not in names:
        lines.append("SAGE_ENCRYPTION_KEYS, which the settings hold; without them no stored key can be read")
    if not settings.SAGE_S3_ENDPOINT and settings.SAGE_MEDIA_ROOT.is_dir():
        lines.append(f"{settings.SAGE_MEDIA_ROOT}, the files that people uploaded")
    return lines

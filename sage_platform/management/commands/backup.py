"""Copy the database while the platform runs."""

from argparse import ArgumentParser
from pathlib import Path

from django.conf import settings
from django.core.management import BaseCommand, CommandError
from django.db import connection

from sage_platform import backups, data_files
from sage_platform.command_line import NOT_MIGRATED
from sage_platform.databases.copies import CopyError


class Command(BaseCommand):
    help = (
        "Copy the database, as it is at one moment, into a new folder; the platform may run meanwhile. The keys that encrypt it "
        "are named, or copied with --with-keys. For PostgreSQL it runs pg_dump."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="a folder that does not exist yet")
        parser.add_argument("--with-keys", action="store_true", help="also copy the keys of the data folder")

    def handle(self, *args: object, folder: Path, with_keys: bool, **options: object) -> None:
        if folder.exists():
            raise CommandError(f"{folder} exists already; name a new folder.")
        # One of an older version is worth a backup, before it is migrated above all.
        if "accounts_user" not in connection.introspection.table_names():
            raise CommandError(NOT_MIGRATED)
        try:
            written = backups.write(folder, with_keys=with_keys)
        except (OSError, CopyError) as error:
            raise CommandError(f"{folder} cannot be written: {error}") from None
        self.stdout.write(f"Written to {folder}: {', '.join(path.name for path in written)}.")
        for line in not_in_it(with_keys=with_keys):
            self.stdout.write(f"Not in it, keep it as well: {line}")


def not_in_it(*, with_keys: bool) -> list[str]:
    kept = backups.kept_keys(settings.SAGE_DATA_DIR)
    names = {path.name for path in kept}
    lines = [str(path) for path in kept if not with_keys]
    if data_files.SECRET_KEY not in names:
        lines.append("SAGE_SECRET_KEY, which the settings hold")
    if data_files.ENCRYPTION_KEY not in names:
        lines.append("SAGE_ENCRYPTION_KEYS, which the settings hold; without them no stored key can be read")
    # While files are moved from one store to the other, they are in both.
    if settings.SAGE_S3_ENDPOINT:
        lines.append(f"the bucket {settings.OBJECT_STORES['s3']['OPTIONS']['bucket_name']}, the files that people uploaded")
    if settings.SAGE_MEDIA_ROOT.is_dir():
        lines.append(f"{settings.SAGE_MEDIA_ROOT}, the files that people uploaded")
    return lines

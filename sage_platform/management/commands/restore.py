"""Put a backup of the database back."""

from argparse import ArgumentParser
from pathlib import Path

from django.core.management import BaseCommand, CommandError

from sage_platform import backups
from sage_platform.databases.copies import CopyError


class Command(BaseCommand):
    help = (
        "Put back what backup has written: the database, and the keys where the backup has them. The platform must be stopped. "
        "What is there is replaced with --force alone, and then wholly or not at all."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="the folder that backup has written")
        parser.add_argument("--force", action="store_true", help="replace the database and the keys that are there")
        parser.add_argument("--dry-run", action="store_true", help="only say whether it could be put back")

    def handle(self, *args: object, folder: Path, force: bool, dry_run: bool, **options: object) -> None:
        try:
            backups.check(folder)
        except CopyError as error:
            raise CommandError(f"{folder} cannot be put back. {error}") from None
        try:
            with backups.copies().unused():
                if not force and (replaced := backups.would_replace(folder)):
                    raise CommandError(f"This would replace {', '.join(replaced)}. Make a backup of it, and use --force.")
                if dry_run:
                    self.stdout.write(f"{folder} can be put back.")
                    return
                backups.put_back(folder)
        except (OSError, CopyError) as error:
            raise CommandError(f"{folder} cannot be put back: {error}") from None
        self.stdout.write(f"Put back from {folder}. Run manage.py bootstrap, then manage.py doctor.")

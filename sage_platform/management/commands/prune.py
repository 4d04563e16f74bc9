"""Remove what has run out."""

from argparse import ArgumentParser

from django.core.management import BaseCommand
from django.db import connection
from django.utils import timezone

from sage_platform.accounts.services import pruning
from sage_platform.api import seams
from sage_platform.oauth2 import keys


class Command(BaseCommand):
    help = (
        "Remove expired sessions, tokens, codes, counted acts and sign-ins not seen for 90 days, and replace the key that signs "
        "id_tokens when it has served for 90 days. For a daily timer."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="say what would be removed, and remove nothing")

    def handle(self, *args: object, dry_run: bool, **options: object) -> None:
        if connection.vendor == "sqlite":
            # The indexes are of random digests, so that what is removed is spread over all their pages. Within the 2 MB that
            # requests have as a cache, each page would be read and written again and again.
            with connection.cursor() as cursor:
                cursor.execute(f"PRAGMA cache_size = -{64 * 1024}")
        now = timezone.now()
        for name, expired in seams.prunable.items():
            rows = expired(now)
            count = rows.count() if dry_run else pruning.remove(rows)
            self.stdout.write(f"{name}: {count} {'to remove' if dry_run else 'removed'}")
        if not dry_run and keys.rotate_if_due(now):
            self.stdout.write("The key that signs id_tokens was due: the next one signs now.")

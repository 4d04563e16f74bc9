"""Remove what has run out."""

from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand

from sage_platform.accounts.services import pruning
from sage_platform.oauth2 import keys
from sage_platform.oauth2 import pruning as oauth2_pruning


class Command(BaseCommand):
    help = (
        "Remove expired sessions, tokens, codes, counted acts and sign-ins not seen for 90 days, and replace the key that signs "
        "id_tokens when it has served for 90 days. For a daily timer."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="say what would be removed, and remove nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        for area in (pruning, oauth2_pruning):
            for name, rows in area.expired().items():
                count = rows.count() if options["dry_run"] else area.remove(rows)
                self.stdout.write(f"{name}: {count} {'to remove' if options['dry_run'] else 'removed'}")
        if not options["dry_run"] and keys.rotate_if_due():
            self.stdout.write("The key that signs id_tokens was due: the next one signs now.")

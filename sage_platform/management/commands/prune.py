"""Remove what has run out."""

from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand

from sage_platform.accounts.services import pruning


class Command(BaseCommand):
    help = "Remove expired sessions, tokens, codes, counted acts and sign-ins not seen for 90 days. For a daily timer."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="say what would be removed, and remove nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        for name, rows in pruning.expired().items():
            count = rows.count() if options["dry_run"] else pruning.remove(rows)
            self.stdout.write(f"{name}: {count} {'to remove' if options['dry_run'] else 'removed'}")

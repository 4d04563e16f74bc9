"""Make the OAuth2 clients of the environment what SAGE_OAUTH2_CLIENTS says."""

from argparse import ArgumentParser
from dataclasses import asdict

from django.conf import settings
from django.core.management import BaseCommand, CommandError

from sage_platform.oauth2 import clients


class Command(BaseCommand):
    help = (
        "Create and update the OAuth2 clients that SAGE_OAUTH2_CLIENTS declares, and disable those that it no longer does. "
        "Clients made in the admin are left alone. Running it again changes nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")

    def handle(self, *args: object, **options: object) -> None:
        try:
            done = clients.sync(settings.SAGE_OAUTH2_CLIENTS, dry_run=bool(options["dry_run"]))
        except clients.NameTakenError as error:
            raise CommandError(str(error)) from None
        for name, found in asdict(done).items():
            self.stdout.write(f"{name}: {len(found)}{' (' + ', '.join(found) + ')' if found else ''}")

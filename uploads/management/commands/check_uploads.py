"""Find and clear what killed processes left of uploads."""

from argparse import ArgumentParser
from collections import Counter
from datetime import timedelta

from django.core.management import BaseCommand, CommandError
from django.utils import timezone
from rich.console import Console
from rich.progress import Progress

from sage_platform.api.errors import Unavailable
from uploads.services.checking import CLEARED, GRACE, Found, check


class Command(BaseCommand):
    help = (
        "Clear what a kill left of uploads: drafts, uploads that were broken off, objects of nobody, unfinished parts. "
        "Safe while the platform runs: what is younger than an hour, or still being worked on, is left. "
        "Fails when a file's object is gone, which it tells and does not clear."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="say what would be cleared, and clear nothing")
        parser.add_argument("--now", action="store_true", help="of whatever age; only while no server and no other command runs")

    def handle(self, *args: object, dry_run: bool, now: bool, **options: object) -> None:
        found: Counter[str] = Counter()
        lost: list[Found] = []
        with Progress(console=Console(stderr=True), disable=dry_run) as progress:
            task = progress.add_task("Checking", total=None)
            try:
                for each in check(timezone.now(), grace=timedelta(0) if now else GRACE, dry_run=dry_run):
                    progress.advance(task)
                    self.stdout.write(f"{each.kind}: {each.what}")
                    found[each.kind] += 1
                    if each.kind not in CLEARED:
                        lost.append(each)
            except Unavailable as error:
                raise CommandError(f"A store does not answer ({error.cause}). Run it again when it does.") from error
        cleared = sum(found[kind] for kind in CLEARED)
        self.stdout.write(f"{cleared} {'to clear' if dry_run else 'cleared'}.")
        if lost:
            raise CommandError(f"Of {len(lost)} the object is gone or another one. Put the store back from a backup.")

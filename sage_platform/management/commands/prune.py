"""Remove what has run out, or what is kept of a user's id."""

from argparse import ArgumentParser
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.core.management import BaseCommand, CommandError
from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone
from rich.console import Console
from rich.progress import Progress

from sage_platform.accounts.models import User
from sage_platform.accounts.services import pruning
from sage_platform.api import seams
from sage_platform.oauth2 import keys

Kinds = Iterable[tuple[str, QuerySet[Any]]]
Remove = Callable[[QuerySet[Any]], Iterator[int]]


# From so many rows on it takes seconds, and progress is shown.
LONG = 10_000


class Command(BaseCommand):
    help = (
        "Remove expired sessions, tokens, codes, counted acts, sign-ins not seen for 90 days and events of usage older than "
        "SAGE_USAGE_KEEP_DAYS, whose sums stay, and replace the key that signs id_tokens when it has served for 90 days. For a "
        "daily timer. May be cut short at any moment and run again, beside a running platform too."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="say what would be removed, and remove nothing")
        parser.add_argument(
            "--user",
            metavar="ID",
            help="remove, in place of all that, what is kept about this user id and stays when its user is deleted: all of their "
            "usage. The user may still be there",
        )

    def handle(self, *args: object, dry_run: bool, user: str | None, **options: object) -> None:
        if connection.vendor == "sqlite":
            # The indexes are of random digests, so that what is removed is spread over all their pages. Within the 2 MB that
            # requests have as a cache, each page would be read and written again and again.
            with connection.cursor() as cursor:
                cursor.execute(f"PRAGMA cache_size = -{64 * 1024}")
        if user is not None:
            self.prune_user(user, dry_run=dry_run)
            return
        now = timezone.now()
        expired = [(name, rows(now)) for name, rows in seams.prunable.items()]
        self.prune(expired, pruning.remove, dry_run=dry_run)
        if not dry_run and keys.rotate_if_due(now):
            self.stdout.write("The key that signs id_tokens was due: the next one signs now.")

    def prune_user(self, user_id: str, *, dry_run: bool) -> None:
        if not user_id:
            raise CommandError("--user: expected the id of a user.")
        of_user = [(name, rows(user_id)) for name, rows in seams.rows_of_user.items()]
        if self.prune(of_user, pruning.remove_all, dry_run=dry_run):
            return
        self.stdout.write(f"Nothing is kept about the user id {user_id}.")
        named = User.objects.named(user_id).exclude(pk=user_id).first()
        if named is not None:
            self.stdout.write(f"There is a user with that name, whose id is {named.pk}.")

    def prune(self, kinds: Kinds, remove: Remove, *, dry_run: bool) -> int:
        """How many rows of all kinds."""
        everything = 0
        console = Console(stderr=True)
        # Where nobody watches, it would end with an empty line, which a timer mails.
        with Progress(console=console, disable=not console.is_terminal) as progress:
            for name, rows in kinds:
                total = rows.count()
                task = progress.add_task(name, total=total, visible=total > LONG and not dry_run)
                count = total if dry_run else 0
                for removed in [] if dry_run else remove(rows):
                    count += removed
                    progress.advance(task, removed)
                self.stdout.write(f"{name}: {count} {'to remove' if dry_run else 'removed'}")
                everything += count
        return everything

"""Encrypt what is stored under the newest key."""

from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand, CommandError
from django.db import connection, models, transaction
from rich.console import Console
from rich.progress import Progress

from sage_platform.encryption import SealedField, UndecryptableError, decrypt, encrypt, newest_key_id
from sage_platform.sealed_rows import sealed_columns, unreadable

BATCH = 500


class Command(BaseCommand):
    help = (
        "Encrypt every stored secret under the first key of SAGE_ENCRYPTION_KEYS. May be cut short at any moment and run again. "
        "When it ends without an error, the former keys can be taken out of the setting."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="count what is left to do, and change nothing")

    def handle(self, *args: object, dry_run: bool, **options: object) -> None:
        unread = behind = 0
        for column in sealed_columns():
            model, field = column
            name = column.name
            if dry_run:
                lost = unreadable(column)
                told = f", {lost} cannot be read by any key of SAGE_ENCRYPTION_KEYS" if lost else ""
                self.stdout.write(f"{name}: {waiting(model, field).count()} to encrypt anew{told}")
                continue
            done, failed = rotate(model, field, name)
            unread += failed
            # A process that was started before the change of the setting still writes under the former key.
            behind += max(0, waiting(model, field).count() - failed)
            self.stdout.write(f"{name}: {done} encrypted anew")
        if behind:
            raise CommandError(
                f"{behind} were written under a former key meanwhile. "
                "Restart every process with the new setting, and run this again."
            )
        if unread:
            raise CommandError(
                f"{unread} cannot be read: their key is not in SAGE_ENCRYPTION_KEYS. Add it at the end, and run this again."
            )


def waiting(model: type[models.Model], field: SealedField) -> models.QuerySet[Any]:
    """The rows that are not under the newest key, found by the id of the key, which the stored text begins with."""
    filled = model._base_manager.filter(**{f"{field.name}__isnull": False})
    return filled.exclude(**{f"{field.name}__startswith": f"{newest_key_id()}:"})


def rotate(model: type[models.Model], field: SealedField, name: str) -> tuple[int, int]:
    """How many were encrypted anew, and how many cannot be read. A batch is one transaction, so a kill loses one at most."""
    done = failed = 0
    last: Any = None
    with Progress(console=Console(stderr=True)) as progress:
        total = waiting(model, field).count()
        task = progress.add_task(name, total=total, visible=total > 0)
        while True:
            rows = waiting(model, field).order_by("pk").values_list("pk", field.name)
            batch = list((rows.filter(pk__gt=last) if last is not None else rows)[:BATCH])
            if not batch:
                return done, failed
            last = batch[-1][0]
            pairs = [(pk, sealed.stored, renewed(sealed.stored)) for pk, sealed in batch]
            replace(model, field, [pair for pair in pairs if pair[2] is not None])
            unread = sum(1 for pair in pairs if pair[2] is None)
            done, failed = done + len(pairs) - unread, failed + unread
            progress.update(task, advance=len(batch))


def renewed(stored: str) -> str | None:
    try:
        return encrypt(decrypt(stored))
    except UndecryptableError:
        return None


def replace(model: type[models.Model], field: SealedField, pairs: list[tuple[Any, str, str | None]]) -> None:
    """Store the new text only where the old one still stands, since a person may have changed the secret meanwhile."""
    quote = connection.ops.quote_name
    key = model._meta.pk
    table, column, pk_column = (quote(str(name)) for name in (model._meta.db_table, field.column, key.column))
    statement = f"UPDATE {table} SET {column} = %s WHERE {pk_column} = %s AND {column} = %s"  # noqa: S608  Our own names.
    rows = [(new, key.get_db_prep_value(pk, connection), old) for pk, old, new in pairs]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.executemany(statement, rows)

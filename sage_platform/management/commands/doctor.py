"""Look at everything that the platform needs, and say what is wrong."""

import os
import shutil
import smtplib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from django.conf import settings
from django.core import checks
from django.core.mail.backends.smtp import EmailBackend
from django.core.management import BaseCommand, CommandError
from django.db import DatabaseError, InterfaceError, connection
from django.utils.module_loading import import_string

from sage_platform.api import seams
from sage_platform.command_line import NOT_MIGRATED, cannot_be_used
from sage_platform.schema_state import pending_migrations
from sage_platform.sealed_rows import sealed_columns, unreadable

LEAST_FREE_BYTES = 256 * 1024 * 1024
MAIL_SECONDS = 5


class WrongError(Exception):
    """What is wrong, for the operator."""


class Command(BaseCommand):
    help = (
        "Look at the settings, the data folder, the database and its migrations, the stored keys, the mail server, the disk and "
        "what else /api/health watches, and say of each in one line whether it is well. The exit code is 1 when one is not."
    )
    requires_system_checks = []  # They are one of the lines.

    def handle(self, *args: object, **options: object) -> None:
        wrong = 0
        looks = LOOKS | dict(watched())
        for name, look in looks.items():
            try:
                self.stdout.write(f"well   {name}: {look()}")
            except WrongError as error:
                wrong += 1
                self.stdout.write(f"WRONG  {name}: {error}")
        if wrong:
            raise CommandError(f"{wrong} of {len(looks)} are wrong.")


def look_at_settings() -> str:
    found = [message for message in checks.run_checks() if not message.is_silenced()]
    if found:
        raise WrongError("; ".join(f"{message.msg} ({message.id})" for message in found))
    return f"{settings.SAGE_ENV}, nothing to complain of"


def look_at_folder() -> str:
    folder = settings.SAGE_DATA_DIR
    if not folder.is_dir():
        raise WrongError(f"{folder} is no folder yet: run manage.py bootstrap")
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK, effective_ids=True):
        raise WrongError(f"{folder} cannot be read and written by this user")
    return str(folder)


def look_at_database() -> str:
    try:
        pending = pending_migrations()
    except (DatabaseError, InterfaceError) as error:
        raise WrongError(cannot_be_used(error)) from None
    if pending:
        raise WrongError(f"{NOT_MIGRATED} {len(pending)} migrations are missing")
    return f"{connection.vendor}, migrated"


def look_at_keys() -> str:
    try:
        lost = {column.name: amount for column in sealed_columns() if (amount := unreadable(column))}
    except (DatabaseError, InterfaceError):
        raise WrongError("the database does not tell") from None
    if lost:
        told = ", ".join(f"{amount} of {name}" for name, amount in lost.items())
        raise WrongError(f"no key of SAGE_ENCRYPTION_KEYS opens {told}")
    return "every stored key can be read"


def look_at_mail() -> str:
    if not issubclass(import_string(settings.EMAIL_BACKEND), EmailBackend):
        return "no mail server is set"
    backend = EmailBackend(timeout=MAIL_SECONDS)
    place = f"{backend.host}:{backend.port}"
    try:
        backend.open()
        backend.close()
    except (OSError, smtplib.SMTPException) as error:
        # An answer may quote what was sent, so that the kind of the error has to do.
        raise WrongError(f"{place} does not take our mail ({type(error).__name__})") from None
    return place


def look_at_disk() -> str:
    folders = [settings.SAGE_DATA_DIR]
    if connection.vendor == "sqlite":
        folders.append(Path(connection.settings_dict["NAME"]).parent)
    found = [shutil.disk_usage(folder).free for folder in folders if folder.is_dir()]
    if not found:
        raise WrongError("there is no data folder yet")
    least = min(found)
    told = f"{least // 1024**2} MiB are free"
    if least < LEAST_FREE_BYTES:
        raise WrongError(f"only {told}")
    return told


def watched() -> Iterator[tuple[str, Callable[[], str]]]:
    """What health watches besides the database."""
    for name, check in seams.health_checks.items():
        if name != "database":
            yield name, partial(look_by, check)


def look_by(check: Callable[[], None]) -> str:
    try:
        check()
    except Exception as error:  # noqa: BLE001  Whatever it raises means that the check failed.
        raise WrongError(type(error).__name__) from None
    return "works"


LOOKS: dict[str, Callable[[], str]] = {
    "settings": look_at_settings,
    "data folder": look_at_folder,
    "database": look_at_database,
    "keys": look_at_keys,
    "mail": look_at_mail,
    "disk": look_at_disk,
}

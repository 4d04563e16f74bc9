"""Make a deployment ready: safe at every start, and by several machines at once."""

import os
import secrets
import sqlite3
from argparse import ArgumentParser
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import DatabaseError, InterfaceError, OperationalError

from providers.services.system import ensure_system_provider
from sage_platform import alone, data_files, data_folder
from sage_platform.accounts.fields import clean_username
from sage_platform.accounts.models import User
from sage_platform.accounts.services import users
from sage_platform.api.errors import Refusal
from sage_platform.command_line import cannot_be_used
from sage_platform.management.logged_checks import LoggedChecksCommand
from sage_platform.oauth2 import clients, keys
from system.services import ensure_settings

NO_PRIVILEGE = "42501"  # PostgreSQL's insufficient_privilege.


class Command(LoggedChecksCommand):
    help = "Migrate the database, make what every deployment has and the first administrator. Running it again changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--promote", metavar="NAME", help="make this existing user an administrator")

    def handle(self, *args: object, promote: str | None, **options: object) -> None:
        data_folder.close_to_others()
        try:
            with alone.only_one(alone.BOOTSTRAP, waits=True):
                self.prepare(promote)
        except (OperationalError, InterfaceError) as error:
            raise CommandError(cannot_be_used(error)) from error

    def prepare(self, promoted: str | None) -> None:
        migrate()
        ensure_settings()
        if outcome := ensure_system_provider():
            self.stdout.write(f"The system's model provider: {outcome}.")
        self.sync_clients()
        if keys.ensure_readable():
            self.stdout.write(
                "The key that signs id_tokens could not be opened with SAGE_ENCRYPTION_KEYS. Another one signs now."
            )
        if promoted is not None:
            self.promote(promoted)
        elif settings.SAGE_AUTH_MODE != "oauth":
            self.make_first_administrator()

    def sync_clients(self) -> None:
        try:
            done = clients.sync(settings.SAGE_OAUTH2_CLIENTS)
        except clients.NameTakenError as error:
            raise CommandError(str(error)) from None
        for word, names in (("Made", done.created), ("Changed", done.updated), ("Disabled", done.disabled)):
            if names:
                self.stdout.write(f"{word} OAuth2 clients: {', '.join(names)}.")

    def promote(self, name: str) -> None:
        user = User.objects.named(name).first()
        if user is None:
            raise CommandError(f"There is no user named {name}. Let the person sign in once, then promote them.")
        User.objects.filter(pk=user.pk).update(role=User.Role.ADMIN, is_active=True)
        self.stdout.write(f"{user.username} is an administrator.")

    def make_first_administrator(self) -> None:
        if User.objects.administrators().active().exists():
            return
        try:
            name = clean_username(settings.SAGE_BOOTSTRAP_ADMIN_USERNAME)
        except ValidationError as error:
            raise CommandError(f"SAGE_BOOTSTRAP_ADMIN_USERNAME: {' '.join(error.messages)}") from None
        if given := settings.SAGE_BOOTSTRAP_ADMIN_PASSWORD:
            create_administrator(name, given)
            self.stdout.write(f"Made the administrator {name} with the password from the environment.")
            return
        password, path = secrets.token_urlsafe(15), settings.SAGE_DATA_DIR / data_files.ADMIN_PASSWORD
        # Kept before the user is made: a crash between the two must not leave an administrator whose password nobody knows.
        keep_for_owner(path, password)
        try:
            create_administrator(name, password)
        except BaseException:
            path.unlink()
            raise
        if settings.PRODUCTION and not self.stdout.isatty():
            # What the service prints stays in the journal, and in a container's log, for more people than those who may know it.
            self.stdout.write(f"Made the administrator {name}. The password is in {path}. Change it after signing in.")
            return
        self.stdout.write(f"Made the administrator {name} with the password {password}")
        self.stdout.write(f"It is shown this once, and kept in {path}. Change it after signing in.")


def migrate() -> None:
    """Where the tables are not those that the list of applied migrations says, no migration can do its work."""
    try:
        call_command("migrate", verbosity=0, interactive=False)
    except DatabaseError as error:
        if isinstance(error, OperationalError) and not is_about_tables(error):
            raise
        said = " ".join(str(error).split())
        hint = (
            "Its user must own it."
            if getattr(error.__cause__, "sqlstate", None) == NO_PRIVILEGE
            else "Its tables are not those that its list of migrations says, as when a backup was put back beside newer tables. "
            "Put the backup back with manage.py restore."
        )
        raise CommandError(f"The database of DATABASE_URL cannot be migrated ({said}). {hint}") from None


def is_about_tables(error: OperationalError) -> bool:
    """SQLite has one kind of error for "no such table" and for "disk full"; the code tells them apart."""
    return getattr(error.__cause__, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR


def create_administrator(name: str, password: str) -> None:
    try:
        users.create_user(name, password=password, role=User.Role.ADMIN)
    except Refusal as refusal:
        raise CommandError(f"SAGE_BOOTSTRAP_ADMIN_USERNAME or …_PASSWORD: {refusal.detail}") from None


def keep_for_owner(path: Path, secret: str) -> None:
    """A new file that its owner alone may read, whatever was there before."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(secret + "\n")

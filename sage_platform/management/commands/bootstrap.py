"""Make a deployment ready: safe at every start, and by several machines at once."""

import fcntl
import os
import secrets
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError, call_command
from django.db import connection

from sage_platform.accounts.fields import clean_username
from sage_platform.accounts.models import User
from sage_platform.accounts.services import users
from sage_platform.api.errors import Refusal
from system.services import ensure_settings

# Any number will do, so long as nothing else in this database takes the same one.
ADVISORY_LOCK = 7_241_001


class Command(BaseCommand):
    help = "Migrate the database, write the settings' row and make the first administrator. Running it again changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--promote", metavar="NAME", help="make this existing user an administrator")

    def handle(self, *args: Any, **options: Any) -> None:
        with only_one():
            call_command("migrate", verbosity=0, interactive=False)
            ensure_settings()
            if options["promote"]:
                self.promote(options["promote"])
            elif settings.SAGE_AUTH_MODE != "oauth":
                self.make_first_administrator()

    def promote(self, name: str) -> None:
        user = User.objects.named(name).first()
        if user is None:
            raise CommandError(f"There is no user named {name}. Let the person sign in once, then promote them.")
        User.objects.filter(pk=user.pk).update(role=User.Role.ADMIN)
        self.stdout.write(f"{user.username} is an administrator.")

    def make_first_administrator(self) -> None:
        if User.objects.administrators().exists():
            return
        name = clean_username(settings.SAGE_BOOTSTRAP_ADMIN_USERNAME)
        given = settings.SAGE_BOOTSTRAP_ADMIN_PASSWORD
        password = given or secrets.token_urlsafe(15)
        try:
            user = users.create_user(name, password=password, role=User.Role.ADMIN)
        except Refusal as refusal:
            raise CommandError(f"SAGE_BOOTSTRAP_ADMIN_USERNAME or …_PASSWORD: {refusal.detail}") from None
        if given:
            self.stdout.write(f"Made the administrator {user.username} with the password from the environment.")
            return
        path = settings.SAGE_DATA_DIR / "admin_password"
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(password + "\n")
        self.stdout.write(f"Made the administrator {user.username} with the password {password}")
        self.stdout.write(f"It is shown this once, and kept in {path}. Change it after signing in.")


@contextmanager
def only_one() -> Iterator[None]:
    """One bootstrap at a time: on SQLite for this data folder, on PostgreSQL for this database."""
    settings.SAGE_DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [ADVISORY_LOCK])
            try:
                yield
            finally:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [ADVISORY_LOCK])
        return
    with (settings.SAGE_DATA_DIR / "bootstrap.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield

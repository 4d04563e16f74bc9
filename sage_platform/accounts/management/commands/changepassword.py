"""Django's command, which also ends a lock-out: who needs a new password has mostly tried the former one too often."""

import getpass

from django.contrib.auth.management.commands import changepassword

from sage_platform.accounts.models import User
from sage_platform.accounts.services import lock_outs


class Command(changepassword.Command):
    help = "Ask for a new password for a user. It ends every sign-in and token of theirs, and a lock-out."

    def handle(self, *args: object, **options: object) -> str | None:
        said: str | None = super().handle(*args, **options)
        lock_outs.unlock(User.objects.get_by_natural_key(str(options["username"] or getpass.getuser())))
        return said

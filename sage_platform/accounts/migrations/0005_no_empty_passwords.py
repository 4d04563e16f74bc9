"""Takes the password away from every account whose password is empty, so that staff see that there is none.

The administration's "Disable password-based authentication" stored the hash of an empty password. Our hashers no longer take an
empty one for right, whatever is stored, so that nobody comes in by it while this has not run yet.

To compare the hash of every account would take hours where there are many. That button alone could store an empty password, and
its entry in the history says that nothing was changed (`[]`), so only the accounts with such an entry are compared: a handful.
"""

import logging

from django.contrib.auth.hashers import Argon2PasswordHasher, make_password
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps
from django.db.models import F

log = logging.getLogger("sage.accounts")
CHANGE = 2
NOTHING_CHANGED = "[]"
ARGON2 = "argon2$"


def mend(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    User = apps.get_model("accounts", "User")
    entries = apps.get_model("admin", "LogEntry").objects.filter(
        content_type__app_label="accounts", content_type__model="user", action_flag=CHANGE, change_message=NOTHING_CHANGED
    )
    # Django's own hasher: ours says of an empty password that it is wrong.
    hasher = Argon2PasswordHasher()
    named = User.objects.filter(pk__in=entries.values("object_id"), password__startswith=ARGON2)
    for pk, password in named.order_by("pk").values_list("pk", "password"):
        if hasher.verify("", password):
            # As with any change of a password, a higher version ends the account's sign-ins and tokens.
            without = {"password": make_password(None), "credentials_version": F("credentials_version") + 1}
            User.objects.filter(pk=pk, password=password).update(**without)
            log.warning("an empty password was taken away", extra={"facts": {"user": pk}})


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0004_readable_history"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(mend, migrations.RunPython.noop, elidable=True)]

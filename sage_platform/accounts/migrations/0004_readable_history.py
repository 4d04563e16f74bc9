"""Makes the history's entries about deletions by the API readable again: Django's own page of the history failed at them."""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

DELETION = 3


def mend(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    entries = apps.get_model("admin", "LogEntry").objects.filter(action_flag=DELETION)
    entries.filter(change_message='[{"deleted": {}}]').update(change_message="")


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_hashed_session_keys"),
        ("admin", "0003_logentry_add_action_flag_choices"),
    ]

    operations = [migrations.RunPython(mend, migrations.RunPython.noop, elidable=True)]

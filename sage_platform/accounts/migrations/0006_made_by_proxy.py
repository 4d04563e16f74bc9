"""Marks the users whom the trusted identity proxy made, since it may name nobody else."""

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps
from django.db.models import F, Q

# An id that we make: `uuid.uuid4().hex`.
OURS = r"^[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}$"


def mark(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """By their ids: the proxy gave theirs, which was their name too until somebody renamed them."""
    users = apps.get_model("accounts", "User").objects
    users.filter(~Q(pk__regex=OURS) | Q(pk=F("username"))).update(made_by_proxy=True)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_no_empty_passwords"),
    ]

    operations = [
        migrations.AddField(
            model_name="user",
            name="made_by_proxy",
            field=models.BooleanField(db_default=False, default=False, editable=False, verbose_name="made by the identity proxy"),
        ),
        migrations.RunPython(mark, migrations.RunPython.noop, elidable=True),
    ]

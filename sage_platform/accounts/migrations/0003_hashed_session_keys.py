"""Moves sessions to a table of ours that holds digests of their keys and no keys. Whoever is signed in stays signed in."""

import hashlib
from collections.abc import Callable
from typing import Any
from uuid import UUID

import django.db.models.deletion
from django.core import signing
from django.db import migrations, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps
from django.utils import timezone

# Makes a Python value from the database's (`BaseDatabaseOperations.get_db_converters`).
Converter = Callable[[object, None, BaseDatabaseWrapper], object]
BATCH = 1000
SALT = "django.contrib.sessions.SessionStore"


def move(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    connection = schema_editor.connection
    with connection.cursor() as cursor:
        if "django_session" not in connection.introspection.table_names(cursor):
            return
        cursor.execute("SELECT session_key, session_data, expire_date FROM django_session")
        rows = cursor.fetchall()
    Session, SignIn = apps.get_model("accounts", "Session"), apps.get_model("accounts", "SignIn")
    expire_date = Session._meta.get_field("expire_date")
    converters = connection.ops.get_db_converters(expire_date.get_col("accounts_session")) if rows else []
    while rows:
        batch, rows = rows[:BATCH], rows[BATCH:]
        read = [(key, data, converted(expires, converters, connection), sign_in_of(data)) for key, data, expires in batch]
        known = set(SignIn.objects.filter(pk__in=[row[3] for row in read if row[3]]).values_list("pk", flat=True))
        Session.objects.bulk_create(
            Session(
                session_key=hashlib.sha256(key.encode()).hexdigest(), session_data=data, expire_date=expires, sign_in_id=sign_in
            )
            for key, data, expires, sign_in in read
            if sign_in in known and expires > timezone.now()
        )
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_session")


def converted(value: object, converters: list[Converter], connection: BaseDatabaseWrapper) -> Any:
    for converter in converters:
        value = converter(value, None, connection)
    return value


def sign_in_of(data: str) -> UUID | None:
    try:
        return UUID(str(signing.loads(data, salt=SALT)["sign_in"]))
    except (signing.BadSignature, ValueError, KeyError, TypeError):
        return None


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_verified_email"),
    ]

    operations = [
        migrations.CreateModel(
            name="Session",
            fields=[
                ("session_data", models.TextField(verbose_name="session data")),
                ("expire_date", models.DateTimeField(db_index=True, verbose_name="expire date")),
                ("session_key", models.CharField(max_length=64, primary_key=True, serialize=False, verbose_name="session key")),
                (
                    "sign_in",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="sessions",
                        to="accounts.signin",
                    ),
                ),
            ],
            options={
                "verbose_name": "session",
                "verbose_name_plural": "sessions",
                "abstract": False,
            },
        ),
        migrations.RunPython(move, migrations.RunPython.noop, elidable=True),
    ]

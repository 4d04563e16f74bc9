"""Who changed what. The log is the admin's own, and changes that do not come through the admin are written to it as well."""

from collections.abc import Iterable
from typing import Any

from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.db.models.fields.reverse_related import ForeignObjectRel
from django.utils.translation import override

from sage_platform.accounts.models import User


def has_history(user: User) -> bool:
    """Whether the log has entries of this user. Deleting the user would delete them."""
    return LogEntry.objects.filter(user=user).exists()


def words(entry: LogEntry) -> str:
    """What an entry says was changed. An entry that Django cannot read is told as it is stored, and hides no other."""
    try:
        return str(entry.get_change_message())
    except (KeyError, TypeError, AttributeError, IndexError):
        return str(entry.change_message)


def record(
    actor: User | None, subject: models.Model, *, added: bool = False, deleted: bool = False, fields: Iterable[str] = ()
) -> None:
    """Write one row of the log. Without an actor (somebody registers, a command runs) nothing is written.

    `fields` are names of fields, never their values.
    """
    if actor is None:
        return
    changed = {"changed": {"fields": [_label(subject, name) for name in fields]}}
    message: list[dict[str, Any]] | str = [{"added": {}} if added else changed]
    if deleted:
        message = ""  # As Django's own admin has it: a `deleted` in the message stands for a part of the row, with its name.
    LogEntry.objects.log_actions(
        user_id=actor.pk,
        queryset=[subject],
        action_flag=ADDITION if added else DELETION if deleted else CHANGE,
        change_message=message,
        single_object=True,
    )


def _label(subject: models.Model, name: str) -> str:
    """What staff read for a field, before translation: the log is translated when it is read."""
    try:
        field = subject._meta.get_field(name)
    except FieldDoesNotExist:
        return name
    named = field.related_model._meta.verbose_name_plural if isinstance(field, ForeignObjectRel) else field.verbose_name
    with override(None):
        return str(named)

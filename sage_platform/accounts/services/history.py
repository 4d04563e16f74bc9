"""Who changed what: the admin's own log, for changes that do not come through the admin too."""

from collections.abc import Iterable
from typing import Any

from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.db import models

from sage_platform.accounts.models import User


def has_history(user: User) -> bool:
    """Whether the user has changed anything: their rows would go with them."""
    return LogEntry.objects.filter(user=user).exists()


def record(
    actor: User | None, subject: models.Model, *, added: bool = False, deleted: bool = False, fields: Iterable[str] = ()
) -> None:
    """Write one row; without an actor (a person registering, a command) there is nobody to name and none is written.

    `fields` are names of fields, never their values.
    """
    if actor is None:
        return
    message: list[dict[str, Any]] = [
        {"added": {}} if added else {"deleted": {}} if deleted else {"changed": {"fields": list(fields)}}
    ]
    LogEntry.objects.log_actions(
        user_id=actor.pk,
        queryset=[subject],
        action_flag=ADDITION if added else DELETION if deleted else CHANGE,
        change_message=message,
        single_object=True,
    )

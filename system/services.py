"""Changing the deployment's settings."""

from django.db import transaction

from sage_platform.accounts.models import User
from sage_platform.accounts.services.history import record
from system.current import current_settings
from system.models import SystemSettings


def update_settings(*, allow_registration: bool, actor: User | None) -> SystemSettings:
    """Write the row, keep who did it, and tell every worker."""
    with transaction.atomic():
        row, _made = SystemSettings.objects.select_for_update().get_or_create(pk=1)
        if row.allow_registration != allow_registration:
            row.allow_registration = allow_registration
            row.save(update_fields=["allow_registration", "updated_at"])
            record(actor, row, fields=["allow_registration"])
        transaction.on_commit(current_settings.announce)
    return row


def ensure_settings() -> SystemSettings:
    """The row of a new deployment; safe when several start at once."""
    row, _made = SystemSettings.objects.get_or_create(pk=1)
    return row

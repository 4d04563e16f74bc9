"""Changing the deployment's settings."""

from django.db import transaction

from sage_platform.accounts.models import User
from sage_platform.accounts.services.history import record
from system.current import current_settings
from system.models import SystemSettings


def update_settings(*, actor: User | None, **flags: bool) -> SystemSettings:
    """Write the row, keep who did it, and tell every worker. A flag that is not given stays as it is."""
    if unknown := flags.keys() - set(SystemSettings.flag_names()):
        raise TypeError(f"no flags of the deployment: {', '.join(sorted(unknown))}")
    with transaction.atomic():
        row, _made = SystemSettings.objects.select_for_update().get_or_create(pk=1)
        changed = [name for name, value in flags.items() if row.flags()[name] != value]
        if changed:
            for name in changed:
                setattr(row, name, flags[name])
            row.save(update_fields=[*changed, "updated_at"])
            record(actor, row, fields=changed)
        transaction.on_commit(current_settings.announce)
    return row


def ensure_settings() -> SystemSettings:
    """The row, made if it is not there yet. Several processes may call it at once."""
    row, _made = SystemSettings.objects.get_or_create(pk=1)
    return row

"""Migrations run while workers of the version before still serve."""

from django.apps import apps
from django.db.migrations import AddField
from django.db.migrations.loader import MigrationLoader
from django.db.models import NOT_PROVIDED

# They are older than the rule.
OLDER = {
    "accounts.user.verified_email",
    "oauth2.accesstoken.return_address",
    "oauth2.grant.return_address",
    "oauth2.refreshtoken.return_address",
}


def test_older_workers_can_insert_beside_a_new_column() -> None:
    """They do not name it, so it may be empty or the database has a value for it."""
    ours = {config.label for config in apps.get_app_configs() if "site-packages" not in config.path}
    added = {
        f"{app}.{operation.model_name}.{operation.name}": operation.field
        for (app, _name), migration in MigrationLoader(None).disk_migrations.items()
        if app in ours
        for operation in migration.operations
        if isinstance(operation, AddField)
    }
    assert {name for name, field in added.items() if not field.null and field.db_default is NOT_PROVIDED} == OLDER

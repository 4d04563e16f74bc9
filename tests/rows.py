"""What the identity tables hold, to show that a refusal changed nothing."""

from typing import Any

from django.apps import apps
from django.db.models import Model

KEPT = ["accounts.User", "accounts.UserConfig", "accounts.SignIn", "accounts.AccessToken", "accounts.RefreshToken"]
ALSO = ["accounts.RegistrationCode", "accounts.Session", "admin.LogEntry"]


def rows(*labels: str) -> dict[str, list[dict[str, Any]]]:
    """All rows of the named models, by default of all that the identity routes write, but for the limits' own counts."""
    found = {}
    for label in labels or (*KEPT, *ALSO):
        model: type[Model] = apps.get_model(label)
        found[label] = list(model._default_manager.order_by("pk").values())
    return found

"""Everything in the database that is encrypted at rest: found by the type of the column, so that none can be forgotten."""

from typing import NamedTuple

from django.apps import apps
from django.db import models

from sage_platform.encryption import SealedField, UndecryptableError


class SealedColumn(NamedTuple):
    model: type[models.Model]
    field: SealedField

    @property
    def name(self) -> str:
        return f"{self.model._meta.label}.{self.field.name}"


def sealed_columns() -> list[SealedColumn]:
    return [
        SealedColumn(model, field)
        for model in apps.get_models()
        for field in model._meta.get_fields()
        if isinstance(field, SealedField) and field.model is model
    ]


def unreadable(column: SealedColumn) -> int:
    """How many no key of the ring opens. Each is opened, since a stored text may be damaged under the right key's name."""
    filled = column.model._base_manager.filter(**{f"{column.field.name}__isnull": False})
    failed = 0
    for sealed in filled.values_list(column.field.name, flat=True).iterator(chunk_size=500):
        try:
            sealed.reveal()
        except UndecryptableError:
            failed += 1
    return failed

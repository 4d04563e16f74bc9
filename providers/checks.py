"""Whether the rows of `providers/fields.py`, the model and the serializers agree, which Python does not see to."""

from collections.abc import Iterator

from django.core.checks import CheckMessage, Error, register
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import Field
from rest_framework import serializers

from providers.fields import FIELDS, Kind
from providers.models import Provider
from providers.serializers import ChangesInput, EndpointInput, ProviderOutput


@register()
def check_fields(app_configs: object, **options: object) -> list[CheckMessage]:
    return [*_columns(), *_inputs(), *_bounds(), *_output()]


def _columns() -> Iterator[CheckMessage]:
    """What a person may change has a row; the rest of the model (the sealed key, what a probe found) is `editable=False`."""
    columns = {name for field in Provider._meta.concrete_fields for name in (field.name, field.attname)}
    kept = {row.kept_in for row in FIELDS}
    for field in Provider._meta.concrete_fields:
        if field.editable and not kept & {field.name, field.attname}:
            yield Error(
                f"Provider.{field.name} is in no row of providers.fields.FIELDS: nobody could set or see it.",
                hint="Add a row, or make the field editable=False.",
                id="providers.E001",
            )
    for name in sorted(kept - columns):
        yield Error(
            f"providers.fields.FIELDS has a row for Provider.{name}, which does not exist.",
            hint="Add the field to the model, with a migration, or take the row away.",
            id="providers.E001",
        )


def _inputs() -> Iterator[CheckMessage]:
    taken = {row.name for row in FIELDS if row.kind is not Kind.OURS}
    for serializer in (EndpointInput, ChangesInput):
        for name in sorted(taken ^ serializer().fields.keys()):
            yield Error(
                f"{serializer.__name__} and providers.fields.FIELDS do not agree about {name}.",
                hint="A row that is not OURS needs a field of the serializer by the same name, and each such field its row.",
                id="providers.E002",
            )


def _bounds() -> Iterator[CheckMessage]:
    """A value that the column cannot hold would be a crash of the database instead of a 422."""
    model_fields = {field.name: field for field in Provider._meta.concrete_fields}
    settings = {row.name for row in FIELDS if row.kind is Kind.SETTING}
    for name, taken in EndpointInput().fields.items():
        kept = model_fields.get(name)
        # Of the endpoint's own fields null means "not said", and is never stored.
        takes_null = taken.allow_null and name in settings
        if kept and not (_holds(kept, taken) and (kept.null or not takes_null)):
            yield Error(
                f"EndpointInput takes values of {name} that Provider.{name} does not hold.",
                hint="Give both the same max_length, least and greatest value, and take null only where the column may be null.",
                id="providers.E003",
            )


def _holds(kept: "Field[object, object]", taken: serializers.Field[object, object, object, object]) -> bool:
    least = [validator.limit_value for validator in kept.validators if isinstance(validator, MinValueValidator)]
    most = [validator.limit_value for validator in kept.validators if isinstance(validator, MaxValueValidator)]
    if isinstance(taken, serializers.IntegerField | serializers.FloatField):
        return (taken.min_value, taken.max_value) == (max(least, default=None), min(most, default=None))
    if isinstance(taken, serializers.CharField):
        return kept.max_length is None or (taken.max_length or kept.max_length + 1) <= kept.max_length
    return True


def _output() -> Iterator[CheckMessage]:
    for name in sorted({row.name for row in FIELDS} ^ ProviderOutput().fields.keys()):
        yield Error(
            f"ProviderOutput and providers.fields.FIELDS do not agree about {name}.",
            hint="Settings describe themselves; any other row needs a field of ProviderOutput, and each such field its row.",
            id="providers.E004",
        )

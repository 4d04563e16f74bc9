"""The system checks that hold a provider's rows, model and serializers together: each id, and where it comes from."""

from collections.abc import Callable

import pytest
from django.core.checks import CheckMessage, run_checks
from django.core.validators import MaxValueValidator
from rest_framework import serializers

from providers import checks
from providers.fields import FIELDS, Kind, ProviderField
from providers.models import Provider
from providers.serializers import EndpointInput, ProviderOutput
from providers.services.given import Given


def found() -> list[tuple[str | None, str]]:
    messages: list[CheckMessage] = [message for message in run_checks() if str(message.id).startswith("providers.")]
    assert all(message.hint for message in messages)
    return [(message.id, str(message.msg)) for message in messages]


def without(name: str) -> tuple[ProviderField, ...]:
    return tuple(row for row in FIELDS if row.name != name)


def test_they_agree() -> None:
    assert found() == []


def test_a_field_of_the_model_without_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "FIELDS", without("top_p"))
    assert found() == [
        ("providers.E001", "Provider.top_p is in no row of providers.fields.FIELDS: nobody could set or see it."),
        ("providers.E002", "EndpointInput and providers.fields.FIELDS do not agree about top_p."),
        ("providers.E002", "ChangesInput and providers.fields.FIELDS do not agree about top_p."),
        ("providers.E004", "ProviderOutput and providers.fields.FIELDS do not agree about top_p."),
    ]


def test_a_row_without_a_field_of_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "FIELDS", (*FIELDS, ProviderField("user_id", Kind.OURS, column="nobody_id")))
    assert found() == [("providers.E001", "providers.fields.FIELDS has a row for Provider.nobody_id, which does not exist.")]


def test_a_row_that_no_serializer_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = (*without("probed_at"), ProviderField("probed_at", Kind.SETTING))
    monkeypatch.setattr(checks, "FIELDS", rows)
    assert found() == [
        ("providers.E002", "EndpointInput and providers.fields.FIELDS do not agree about probed_at."),
        ("providers.E002", "ChangesInput and providers.fields.FIELDS do not agree about probed_at."),
        ("providers.E004", "ProviderOutput and providers.fields.FIELDS do not agree about probed_at."),
    ]


def test_a_serializer_that_takes_what_has_no_row(monkeypatch: pytest.MonkeyPatch) -> None:
    declared = EndpointInput._declared_fields | {"organization": serializers.CharField()}
    monkeypatch.setattr(EndpointInput, "_declared_fields", declared)
    assert found() == [("providers.E002", "EndpointInput and providers.fields.FIELDS do not agree about organization.")]


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("model", lambda: serializers.CharField(max_length=256)),
        ("model", serializers.CharField),
        ("temperature", lambda: serializers.FloatField(min_value=0, max_value=3)),
        ("temperature", lambda: serializers.FloatField(min_value=0)),
        ("max_tokens", lambda: serializers.IntegerField(min_value=0, max_value=2**31 - 1)),
    ],
)
def test_a_serializer_that_takes_more_than_the_column_holds(
    name: str, field: Callable[[], serializers.CharField], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(EndpointInput, "_declared_fields", EndpointInput._declared_fields | {name: field()})
    assert found() == [("providers.E003", f"EndpointInput takes values of {name} that Provider.{name} does not hold.")]


def test_a_column_that_holds_less_than_a_serializer_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    top_p = Provider._meta.get_field("top_p")
    monkeypatch.setitem(vars(top_p), "validators", [*top_p.validators, MaxValueValidator(0.5)])
    assert found() == [("providers.E003", "EndpointInput takes values of top_p that Provider.top_p does not hold.")]


def test_a_serializer_that_takes_null_for_a_column_that_holds_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stored, it would be told as somebody else's change, for ever."""
    monkeypatch.setattr(Provider._meta.get_field("top_p"), "null", False)
    assert found() == [("providers.E003", "EndpointInput takes values of top_p that Provider.top_p does not hold.")]


def test_an_output_without_a_field_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    declared = {name: field for name, field in ProviderOutput._declared_fields.items() if name != "created_at"}
    monkeypatch.setattr(ProviderOutput, "_declared_fields", declared)
    assert found() == [("providers.E004", "ProviderOutput and providers.fields.FIELDS do not agree about created_at.")]


def test_what_nothing_handles_is_not_dropped() -> None:
    with pytest.raises(TypeError, match=r"\ANothing handles these fields of a provider: \['organization'\]\Z"):
        Given.of({"name": "Acme", "organization": "x"})

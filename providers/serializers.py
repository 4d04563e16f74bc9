"""What the provider routes take and give."""

from typing import Any
from urllib.parse import urlsplit

from django.db import models
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from providers.fields import SETTINGS, WIRE_NAMES
from providers.keys import ApiKey
from providers.models import MOST_TOKENS, Provider
from sage_platform.api.fields import Boolean, Text
from sage_platform.outbound import MalformedAddress, OutboundError, door

AnyField = serializers.Field[Any, Any, Any, Any]


@extend_schema_field(
    {"type": "string", "minLength": 1, "maxLength": 2048, "format": "uri", "pattern": "^[Hh][Tt][Tt][Pp][Ss]?://"}
)
class BaseURL(Text):
    """An absolute http or https address, without user info, query and fragment; it loses its trailing slashes."""

    default_error_messages = {"address": _("Enter an address such as https://api.example.com/v1.")}

    def __init__(self, *, required: bool = True) -> None:
        super().__init__(max_length=2048, required=required)

    def to_internal_value(self, data: str) -> str:
        address: str = super().to_internal_value(data).rstrip("/")
        try:
            door().check(address)
        except MalformedAddress:
            self.fail("address")
        except OutboundError:
            pass  # Well formed, but not allowed here. The probe refuses it, with a sentence for the person.
        parts = urlsplit(address)
        if parts.query or parts.fragment or "#" in address or "?" in address:
            self.fail("address")
        return address


@extend_schema_field(
    {
        "type": "array",
        "minItems": 1,
        "maxItems": 1,
        "items": {"type": "string", "minLength": 1, "maxLength": 4096, "pattern": "^ *[!-~]+ *$"},
    }
)
class Keys(serializers.Field[ApiKey, Any, Any, Any]):
    """A list of exactly one key."""

    default_error_messages = {
        "one": _("Send a list of exactly one key."),
        "empty": _("Enter the API key."),
        "line": _("The key must be a single line of printable ASCII characters without spaces."),
        "long": _("The key is too long."),
        "masked": _("This is the masked key. Enter the key itself."),
    }

    def __init__(self, *, required: bool = True, masked: bool = False) -> None:
        """`masked`: the masked key may come back, for "unchanged"."""
        self.may_be_masked = masked
        super().__init__(required=required)

    def to_internal_value(self, data: object) -> ApiKey:
        if not (isinstance(data, list) and len(data) == 1 and isinstance(data[0], str)):
            self.fail("one")
        if len(data[0]) > 4096:
            self.fail("long")
        key = ApiKey(data[0].strip(" "))
        if not key:
            self.fail("empty")
        if not key.is_one_word:
            self.fail("line")
        if key.masked and not self.may_be_masked:
            self.fail("masked")
        return key


class Number(serializers.FloatField):
    """A JSON number within bounds, or null."""

    def __init__(self, least: float, most: float) -> None:
        super().__init__(min_value=least, max_value=most, required=False, allow_null=True)

    def to_internal_value(self, data: object) -> float:
        # The stock field would take texts and booleans for numbers. NaN cannot come: our JSON parser refuses it.
        if isinstance(data, bool) or not isinstance(data, int | float):
            self.fail("invalid")
        return super().to_internal_value(data)


@extend_schema_field(
    {
        "anyOf": [{"type": "integer", "minimum": 0, "maximum": MOST_TOKENS}, {"type": "string", "const": ""}, {"type": "null"}],
        "description": "0 and the empty text mean null.",
    }
)
class TokenCount(serializers.IntegerField):
    """A number of tokens. The web application sends 0 or "" for "not set"."""

    def __init__(self) -> None:
        super().__init__(min_value=1, max_value=MOST_TOKENS, required=False, allow_null=True)

    def run_validation(self, data: object = serializers.empty) -> int | None:
        if isinstance(data, float) and data.is_integer():
            data = int(data)  # In JSON 4096.0 and 4096 are the same number.
        if data is not serializers.empty and data is not None and (isinstance(data, bool) or not isinstance(data, int | str)):
            self.fail("invalid")
        if isinstance(data, str) and data:
            self.fail("invalid")
        count: int | None = super().run_validation(None if data in (0, "") else data)
        return count


class SettingsInput(serializers.Serializer[Any]):
    """What is kept beside the endpoint."""

    max_tokens = TokenCount()
    max_model_len = TokenCount()
    temperature = Number(0, 2)
    top_p = Number(0, 1)
    presence_penalty = Number(-2, 2)
    supports_multimodal = Boolean(required=False)
    supports_structured_output = Boolean(required=False)
    is_default = Boolean(required=False)


class EndpointInput(SettingsInput):
    """A provider's fields, to be tried."""

    name = Text(required=False, allow_blank=True, allow_null=True)
    base_url = BaseURL()
    api_keys = Keys()
    model = Text()


class ModelsInput(EndpointInput):
    """A provider's fields; the model is not known yet."""

    model = Text(required=False, allow_blank=True, allow_null=True)


class ChangesInput(SettingsInput):
    """Any of a provider's fields; the masked key means the stored one."""

    name = Text(required=False)
    base_url = BaseURL(required=False)
    api_keys = Keys(required=False, masked=True)
    model = Text(required=False)


class ProviderIdQuery(serializers.Serializer[Any]):
    provider_id = Text(max_length=64)


class ProviderIdOutput(serializers.Serializer[Any]):
    provider_id = serializers.CharField()


OUTPUT_OF_A_SETTING: dict[type, type[AnyField]] = {
    models.PositiveIntegerField: serializers.IntegerField,
    models.FloatField: serializers.FloatField,
    models.BooleanField: serializers.BooleanField,
    models.CharField: serializers.CharField,
}


class ProviderOutput(serializers.Serializer[Any]):
    """One row of the list. The settings among its fields follow from the model's."""

    id = serializers.CharField()
    name = serializers.CharField()
    base_url = serializers.CharField()
    api_keys = serializers.ListField(child=serializers.CharField(), help_text="Masked: `sk-1***cdef`.")
    model = serializers.CharField()
    user_id = serializers.CharField(help_text="Empty for the system's.")
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()

    def get_fields(self) -> dict[str, AnyField]:
        fields = super().get_fields()
        for name in SETTINGS:
            column = Provider._meta.get_field(name)
            fields[name] = OUTPUT_OF_A_SETTING[type(column)](allow_null=column.null)
        # In the order of the rows. A field without a row comes last, and check E004 tells of it.
        return {name: fields.pop(name) for name in WIRE_NAMES if name in fields} | fields


class ConnectionOutput(serializers.Serializer[Any]):
    supported = serializers.BooleanField()
    response = serializers.CharField()


class MultimodalOutput(serializers.Serializer[Any]):
    supported = serializers.BooleanField()
    recognized = serializers.BooleanField(required=False)
    response = serializers.CharField(required=False)
    error = serializers.CharField(required=False)


class StructuredOutput(serializers.Serializer[Any]):
    supported = serializers.BooleanField()
    response = serializers.CharField(required=False)
    parsed = serializers.JSONField(required=False)
    error = serializers.CharField(required=False)


class CapabilitiesOutput(serializers.Serializer[Any]):
    connection = ConnectionOutput()
    supports_multimodal = serializers.BooleanField()
    supports_structured_output = serializers.BooleanField()
    multimodal = MultimodalOutput()
    structured_output = StructuredOutput()
    model = serializers.CharField()
    base_url = serializers.CharField()


class ImageOutput(serializers.Serializer[Any]):
    supports_multimodal = serializers.BooleanField()
    recognized = serializers.BooleanField(required=False)
    response = serializers.CharField(required=False)
    error = serializers.CharField(required=False)


@extend_schema_field(
    {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"], "additionalProperties": True}
)
class ModelField(serializers.JSONField):
    """One model as its vendor describes it."""


class ModelsOutput(serializers.Serializer[Any]):
    models = serializers.ListField(child=ModelField())

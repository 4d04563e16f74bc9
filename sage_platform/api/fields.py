"""Serializer fields that take exactly the JSON type they name, and never repeat what was sent."""

from typing import Any, TypedDict, Unpack

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from sage_platform.api.bodies import check_storable
from sage_platform.api.errors import Message, RefusedForm

# The patterns of texts in the OpenAPI document (ECMA 262, where `$` is the very end). No text has a NUL, which no database
# stores. Where white space around a text is dropped, something else has to be left. White space is spelt out, since `\s` does
# not mean the same in all programming languages.
WHITE = r"\u0009-\u000d\u001c-\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
ANY_TEXT = r"^[^\u0000]*$"
NOT_BLANK = rf"^[^\u0000]*[^\u0000{WHITE}][^\u0000]*$"
# Characters of a password or token, here and in forms.
LONGEST_SECRET = 1024


def trimmed(pattern: str) -> str:
    """The pattern of a text that matches `pattern` once the white space around it is dropped."""
    return f"^[{WHITE}]*(?:{pattern})[{WHITE}]*$"


class TextOptions(TypedDict, total=False):
    """Those of the REST framework's options that fields of ours are made with."""

    required: bool
    default: str
    allow_null: bool
    allow_blank: bool
    trim_whitespace: bool
    max_length: int | None
    min_length: int | None
    help_text: Message
    label: Message
    source: str
    write_only: bool


class Text(serializers.CharField):
    """A JSON string of at most 255 characters as it is sent, unless `max_length` says otherwise.

    Numbers and booleans are not turned into text.
    """

    def __init__(self, **options: Unpack[TextOptions]) -> None:
        options.setdefault("max_length", 255)
        super().__init__(**options)
        self.pattern = NOT_BLANK if self.trim_whitespace and not self.allow_blank else ANY_TEXT

    def run_validation(self, data: object = serializers.empty) -> Any:
        if data is not serializers.empty and data is not None and not isinstance(data, str):
            self.fail("invalid")
        # Checked before white space is dropped, since the OpenAPI document states the length of the text as it is sent.
        if isinstance(data, str) and self.max_length is not None and len(data) > self.max_length:
            self.fail("max_length", max_length=self.max_length)
        return super().run_validation(data)


class Secret(Text):
    """A password or token. White space around it is kept."""

    def __init__(self, **options: Unpack[TextOptions]) -> None:
        options.setdefault("max_length", LONGEST_SECRET)
        options.setdefault("trim_whitespace", False)
        super().__init__(**options)


class Form(serializers.Serializer[Any]):
    """What a person types in: a text that is not allowed is refused with a sentence for the person (`RefusedForm`).

    A field that is missing or of another type is the program's mistake and stays a 422, and then so do the others beside it.
    """

    def is_valid(self, *, raise_exception: bool = False) -> bool:
        good: bool = super().is_valid(raise_exception=False)
        if not good and raise_exception:
            if all(
                isinstance(self.fields.get(name), Text) and isinstance(self.initial_data.get(name), str) for name in self.errors
            ):
                raise RefusedForm([(name, str(message)) for name, messages in self.errors.items() for message in messages])
            raise serializers.ValidationError(self.errors)
        return good


class Boolean(serializers.BooleanField):
    """A JSON true or false; no number or text stands for one."""

    default_error_messages = {"invalid": _("Must be true or false.")}

    def to_internal_value(self, data: object) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid")
        return bool(data)


class Choice(serializers.ChoiceField):
    """One of a few strings. The message is ours, since the REST framework's would repeat the value that was sent."""

    default_error_messages = {"invalid_choice": _("Must be one of: {choices}.")}

    def to_internal_value(self, data: object) -> str:
        if not isinstance(data, str) or data not in self.choices:
            self.fail("invalid_choice", choices=", ".join(self.choices))
        return data


class QueryInteger(serializers.IntegerField):
    """A whole number in a query string: ASCII digits, perhaps a minus."""

    def to_internal_value(self, data: object) -> int:
        if not (isinstance(data, str) and data.isascii() and data.removeprefix("-").isdigit() and len(data) < 20):
            self.fail("invalid")
        return int(data)


class QueryBoolean(Boolean):
    """`true` or `false` in a query string, in any case, since programs write their own language's `True`. Nothing else is one:
    whoever writes 1 or yes is told, and does not get the opposite of what they meant.
    """

    def to_internal_value(self, data: object) -> bool:
        return super().to_internal_value({"true": True, "false": False}.get(data.lower()) if isinstance(data, str) else data)


@extend_schema_field(
    {"type": "object", "propertyNames": {"pattern": ANY_TEXT}, "additionalProperties": {"$ref": "#/components/schemas/JSONValue"}}
)
class JSONObject(serializers.DictField):
    """A JSON object with anything in it that a database can keep."""

    def run_validation(self, data: object = serializers.empty) -> Any:
        if data is not serializers.empty and not isinstance(data, dict):
            raise serializers.ValidationError(_("Send a JSON object."))
        value = super().run_validation(data)
        check_storable(value, self.field_name or "body")
        return value

    def to_internal_value(self, data: dict[str, object]) -> dict[str, object]:
        return data


class NoInput(serializers.Serializer[Any]):
    """A route that takes nothing; what is sent is ignored."""


class Nothing(serializers.Serializer[Any]):
    """The answer `{}`."""

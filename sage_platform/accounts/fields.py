"""The fields that a user's data comes in by, the same for the API and the forms."""

import re
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator, RegexValidator
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from sage_platform.accounts.names import is_username, normalize_username
from sage_platform.api.fields import Text

PHONE = RegexValidator(
    re.compile(r"^\+?[0-9][0-9 ()./-]{2,30}\Z"), _("Enter a phone number: digits, and + ( ) - . / between them.")
)
USERNAME_RULE = _("1 to 64 letters, digits and . _ - without spaces.")
PASSWORD_MAX_LENGTH = 1024


def clean_username(value: str) -> str:
    """The name as it is kept. Raises Django's ValidationError."""
    name = normalize_username(value)
    if not is_username(name):
        raise ValidationError(USERNAME_RULE)
    return name


class Username(Text):
    def to_internal_value(self, data: Any) -> str:
        try:
            return clean_username(super().to_internal_value(data))
        except ValidationError as error:
            raise serializers.ValidationError(error.messages) from None


class Email(Text):
    def __init__(self, **options: Any) -> None:
        super().__init__(**{"max_length": 254} | options)
        self.validators.append(EmailValidator(_("Enter a valid email address.")))


class Phone(Text):
    def __init__(self, **options: Any) -> None:
        super().__init__(**{"max_length": 32, "required": False, "allow_blank": True, "default": ""} | options)
        self.validators.append(PHONE)

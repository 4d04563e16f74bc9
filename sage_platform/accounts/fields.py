"""The fields and rules for a user's data, the same for the API and the forms."""

import re
from typing import Unpack

from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator, RegexValidator
from django.utils.encoding import punycode
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from sage_platform.accounts.names import is_username, normalize_username
from sage_platform.api.fields import LONGEST_SECRET, Secret, Text, TextOptions, trimmed

PHONE_RULE = _("Enter a phone number: digits, and + ( ) - . / between them.")
PHONE = RegexValidator(re.compile(r"^\+?[0-9][0-9 ()./-]{1,29}[0-9()./-]\Z"), PHONE_RULE)
# The pattern of a username in the OpenAPI document: of the ASCII characters it takes letters, digits and . _ - alone. It takes
# all others, since a pattern that every programming language reads alike cannot tell which of them are letters.
NAME = trimmed(r"[^\u0000-\u002c\u002f\u003a-\u0040\u005b-\u005e\u0060\u007b-\u007f]{1,64}")
# The pattern of an address in the OpenAPI document: Django's EmailValidator, without quoted names and bare IP addresses.
ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-]+"
LABEL = r"[A-Za-z0-9\u00a1-\uffff](?:[A-Za-z0-9\u00a1-\uffff\-]{0,61}[A-Za-z0-9\u00a1-\uffff])?"
TOP_LEVEL = r"[A-Za-z\u00a1-\uffff][A-Za-z\u00a1-\uffff\-]{0,61}[A-Za-z\u00a1-\uffff]|xn--[A-Za-z0-9]{1,59}"
ADDRESS = trimmed(rf"{ATOM}(?:\.{ATOM})*@(?:{LABEL}\.)+(?:{TOP_LEVEL})")
USERNAME_RULE = _("A username is 1 to 64 letters, digits and . _ - without spaces.")
ADDRESS_RULE = _("Enter a valid email address.")
CODE_RULE = _("Enter the code from the mail.")
PASSWORD_MAX_LENGTH = LONGEST_SECRET


def clean_username(value: str) -> str:
    """The name in the form in which it is stored. Raises Django's ValidationError."""
    name = normalize_username(value)
    if not is_username(name):
        raise ValidationError(USERNAME_RULE)
    return name


class Username(Text):
    default_error_messages = {"blank": USERNAME_RULE, "max_length": USERNAME_RULE}

    def __init__(self, **options: Unpack[TextOptions]) -> None:
        super().__init__(**options)
        self.pattern = NAME

    def to_internal_value(self, data: str) -> str:
        try:
            return clean_username(super().to_internal_value(data))
        except ValidationError as error:
            raise serializers.ValidationError(error.messages) from None


class AddressValidator(EmailValidator):
    """Also refuses domains that have no form in ASCII (RFC 5890): Django takes them, and then sending a mail there raises."""

    def validate_domain_part(self, domain_part: str) -> bool:
        try:
            punycode(domain_part)
        except UnicodeError:
            return False
        return super().validate_domain_part(domain_part)


class Email(Text):
    default_error_messages = {"blank": ADDRESS_RULE, "max_length": ADDRESS_RULE}

    def __init__(self, **options: Unpack[TextOptions]) -> None:
        options.setdefault("max_length", 254)
        super().__init__(**options)
        self.pattern = ADDRESS
        self.validators.append(AddressValidator(ADDRESS_RULE))


class NewPassword(Secret):
    default_error_messages = {
        "blank": _("Enter a password."),
        "max_length": _("A password has at most {max_length} characters."),
    }


class Code(Text):
    """The digits of a mailed code; any other text is a wrong code, which is for the service to count."""

    default_error_messages = {"blank": CODE_RULE, "max_length": CODE_RULE}

    def __init__(self, **options: Unpack[TextOptions]) -> None:
        options.setdefault("max_length", 32)
        super().__init__(**options)


class Phone(Text):
    default_error_messages = {"max_length": PHONE_RULE}

    def __init__(self, **options: Unpack[TextOptions]) -> None:
        options.setdefault("max_length", 32)
        options.setdefault("required", False)
        options.setdefault("allow_blank", True)
        options.setdefault("default", "")
        super().__init__(**options)
        self.validators.append(PHONE)

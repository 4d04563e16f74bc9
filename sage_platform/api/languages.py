"""Which language an answer is in: X-Sage-Locale, then X-Accept-Language, then Accept-Language, then the deployment's."""

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import get_supported_language_variant
from django.utils.translation.trans_real import parse_accept_lang_header

HEADERS = ("X-Sage-Locale", "X-Accept-Language", "Accept-Language")
WIRE_NAMES = {"en": "en", "zh-hans": "zh-CN"}


def language_of(request: HttpRequest) -> str:
    """The code of a supported language; a header that names none is passed over."""
    for header in HEADERS:
        value = request.headers.get(header, "").replace("_", "-")
        for code, quality in parse_accept_lang_header(value.lower()):
            if code == "*" or not quality:
                continue
            try:
                return get_supported_language_variant(code)
            except LookupError:
                continue
    return str(settings.LANGUAGE_CODE)

"""What a page says of its language, and the switch to the others."""

from django import template
from django.conf import settings
from django.utils.translation import get_language

from sage_platform.languages import LANGUAGES, Language

register = template.Library()


@register.simple_tag
def current_language() -> Language:
    """The language that the page is in."""
    code = get_language() or settings.LANGUAGE_CODE
    return next(language for language in LANGUAGES if language.code == code)


@register.simple_tag
def all_languages() -> tuple[Language, ...]:
    return LANGUAGES

"""Which language an answer is in: X-Sage-Locale, then X-Accept-Language, then Accept-Language, then the deployment's.

On a page the cookie of the language switch counts before Accept-Language. Answers of the API do not depend on the cookie, so that
a cache needs to compare the three headers alone.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import get_supported_language_variant
from django.utils.translation.trans_real import parse_accept_lang_header

from sage_platform import paths
from sage_platform.languages import LANGUAGES

HEADERS = ("X-Sage-Locale", "X-Accept-Language", "Accept-Language")
META_KEYS = [f"HTTP_{name.upper().replace('-', '_')}" for name in HEADERS]  # Reading these is cheaper than `request.headers`.
# By a language's code: its tag, as `Content-Language` and the cookie have it.
TAGS = {language.code: language.tag for language in LANGUAGES}
COOKIE = "sage_language"


def language_of(request: HttpRequest, *, page: bool | None = None) -> str:
    """The code of the language to answer in. A header that names no language of ours is ignored.

    What is asked outside /api is a page; a page that is under it says so itself.
    """
    asked = [request.META.get(key, "") for key in META_KEYS]
    if page if page is not None else not request.path.startswith(f"/{paths.API}/"):
        asked.insert(HEADERS.index("Accept-Language"), request.COOKIES.get(COOKIE, ""))
    return _first_of_ours(asked)


def language_of_call(meta: Mapping[str, Any]) -> str:
    """As `language_of`, of what is asked under /api; `meta` is Django's, or the environment of WSGI."""
    return _first_of_ours([meta.get(key, "") for key in META_KEYS])


def _first_of_ours(asked: Sequence[str]) -> str:
    for value in asked:
        if value and (code := supported_language(value)):
            return code
    return str(settings.LANGUAGE_CODE)


def supported_language(value: str) -> str | None:
    """The supported language that a header's value prefers; the value may be a single name such as `zh-CN`."""
    for code, quality in parse_accept_lang_header(value.replace("_", "-").lower()):
        if code == "*" or not quality:
            continue
        try:
            return get_supported_language_variant(code)
        except LookupError:
            continue
    return None

"""The language switch of every page, the admin's too."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from sage_platform.api import languages

YEAR_SECONDS = 365 * 24 * 3600


def switch_language(request: HttpRequest) -> HttpResponse | None:
    """Follow a link of the language switch: remember the choice, and show the same page at its own address again."""
    chosen = languages.supported_language(request.GET.get("lang", "")) if request.method == "GET" else None
    if chosen is None:
        return None
    rest = request.GET.copy()
    del rest["lang"]
    response = HttpResponseRedirect(f"{request.path}?{rest.urlencode()}" if rest else request.path)
    response.set_cookie(
        languages.COOKIE,
        languages.TAGS[chosen],
        max_age=YEAR_SECONDS,
        secure=settings.SECURE_COOKIES,
        httponly=True,
        samesite="Lax",
    )
    return response

"""Errors as a page, for people."""

from collections.abc import Mapping

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.utils.http import escape_leading_slashes
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import PermissionDenied

from sage_platform.api import handlers
from sage_platform.api.errors import NoPasswordSignIn
from sage_platform.api.next_target import safe_next
from sage_platform.api.seams import ErrorParts
from sage_platform.pages.headers import PAGE_HEADERS

# What may be over when the person tries again.
MAY_PASS = {429, 500, 503}
# What a person reads in place of what a program is told.
HEADINGS = {405: _("This address does not do that."), 500: _("Something went wrong here.")}


def error_page(request: HttpRequest, parts: ErrorParts, headers: Mapping[str, str]) -> HttpResponse:
    """A page that says what is wrong and what to do next, with the request's id. It never shows an exception."""
    status = parts.code if parts.status == 200 else parts.status  # A business refusal: a page has no envelope for its code.
    context = {
        "status": status,
        "message": parts.message,
        "no_password": parts.message == str(NoPasswordSignIn.default_detail),
        "heading": HEADINGS.get(status, parts.message),
        "request_id": getattr(request, "request_id", ""),
        "again": _asked_address(request) if _may_open_again(request, status) else "",
    }
    page = render(request, "pages/error.html", context, status=status)
    patch_vary_headers(page, ["Cookie"])  # A cookie chooses the language of a page.
    return handlers.with_headers(page, PAGE_HEADERS | dict(headers))


def _asked_address(request: HttpRequest) -> str:
    """What the browser shows as the page's address: a proxy that lets us answer for another address says for which."""
    original = safe_next(request.META.get("HTTP_X_ORIGINAL_URI", ""))
    return original if original != "/" else escape_leading_slashes(request.get_full_path())


def _may_open_again(request: HttpRequest, status: int) -> bool:
    """Whether the same address, opened anew, may show something better: after a form without its token, the form."""
    if request.method in {"GET", "HEAD"}:
        return status in MAY_PASS
    return status == 403 and getattr(request.resolver_match and request.resolver_match.func, "can_be_opened", False)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Django's CSRF_FAILURE_VIEW, for a form without the token of our own page. It says how to go on, and not the reason."""
    return handlers.answer(request, PermissionDenied(gettext("This form has expired. Go back, reload the page and try again.")))

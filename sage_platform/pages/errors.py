"""Errors as a page, for people."""

from collections.abc import Mapping

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from rest_framework.exceptions import PermissionDenied

from sage_platform.api import handlers
from sage_platform.api.seams import ErrorParts
from sage_platform.pages.headers import PAGE_HEADERS


def error_page(request: HttpRequest, parts: ErrorParts, headers: Mapping[str, str]) -> HttpResponse:
    """A page that says what is wrong and what to do next, with the request's id. It never shows an exception."""
    context = {
        "status": parts.status,
        "message": parts.message,
        "request_id": getattr(request, "request_id", ""),
        "base_path": settings.SAGE_WEB_BASE_PATH,
    }
    page = render(request, "pages/error.html", context, status=parts.status)
    patch_vary_headers(page, ["Cookie"])  # A cookie chooses the language of a page.
    return handlers.with_headers(page, PAGE_HEADERS | dict(headers))


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Django's CSRF_FAILURE_VIEW, for a form without the token of our own page. It says how to go on, and not the reason."""
    return handlers.answer(request, PermissionDenied(_("This form has expired. Go back, reload the page and try again.")))

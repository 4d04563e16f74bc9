"""The cross-site rule (docs/security.md#other-sites-pages): a browser's own headers tell whether another site made it ask."""

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import PermissionDenied

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


def check_same_site(request: HttpRequest) -> None:
    """Raise PermissionDenied for an unsafe request that another site's page caused.

    `Sec-Fetch-Site` (W3C Fetch Metadata) decides if it is there, else `Origin` (RFC 6454 §7). A client that sends neither is not
    a browser, and so no page made it send somebody's cookie.
    """
    if request.method in SAFE_METHODS:
        return
    site = request.headers.get("Sec-Fetch-Site", "").strip().lower()
    origin = request.headers.get("Origin", "").strip()
    if site in {"same-origin", "none"}:
        return
    own = not site and (not origin or origin in _own_origins(request))
    if not own and not _allowed(origin):
        raise PermissionDenied(_("Permission denied"))


def _allowed(origin: str) -> bool:
    """Whether the origin is in the list. `*` there lets every site read without credentials, but lets none act with a cookie."""
    return origin not in {"", "null", "*"} and origin in settings.SAGE_CORS_ALLOWED_ORIGINS


def _own_origins(request: HttpRequest) -> set[str]:
    return {f"{request.scheme}://{request.get_host()}", settings.SAGE_PUBLIC_URL}

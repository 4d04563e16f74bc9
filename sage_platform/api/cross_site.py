"""The cross-site rule (docs/api.md#other-sites-pages): a browser's own headers tell whether another site made it ask."""

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import PermissionDenied

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


def check_same_site(request: HttpRequest, *, method: str | None = None) -> None:
    """Raise PermissionDenied for an unsafe request that another site's page caused; `method` is the one to judge by, where it is
    not the request's own.

    `Sec-Fetch-Site` (W3C Fetch Metadata) decides where a browser sends it, else `Origin` (RFC 6454 §7). A client that sends
    neither is no browser, so nobody's cookie was borrowed.
    """
    if (request.method if method is None else method) in SAFE_METHODS:
        return
    site = request.headers.get("Sec-Fetch-Site", "").strip().lower()
    origin = request.headers.get("Origin", "").strip()
    if site in {"same-origin", "none"}:
        return
    own = not site and (not origin or origin in _own_origins(request))
    if not own and not _allowed(origin):
        raise PermissionDenied(_("Permission denied"))


def _allowed(origin: str) -> bool:
    """A listed origin. The wildcard is for reading without credentials and allows no cookie to act."""
    return origin not in {"", "null", "*"} and origin in settings.SAGE_CORS_ALLOWED_ORIGINS


def _own_origins(request: HttpRequest) -> set[str]:
    return {f"{request.scheme}://{request.get_host()}", settings.SAGE_PUBLIC_URL}

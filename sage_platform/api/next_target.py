"""Where a browser may be sent after signing in: never off this origin."""

import re
from urllib.parse import quote

from django.conf import settings

from sage_platform import paths

# One slash, and no second one after it, which would begin a host. No backslash, which browsers read as a slash, and no control
# characters.
LOCAL_PATH = re.compile(r"/(?!/)[^\x00-\x20\x7f\\]*\Z")
# In a redirect, percent-encoded, it is three times as long at most: what the shipped nginx and Django's redirects (16384) take.
LONGEST = 4096
NO_PAGES = tuple(f"/{name}" for name in paths.NO_PAGES)


def safe_next(target: str) -> str:
    """The target if it is a path of this origin, else `/`."""
    return target if LOCAL_PATH.match(target) and target.isprintable() and len(target) <= LONGEST else "/"


def landing(target: str) -> str:
    """The address to send the browser to: a page of the web application gets the base path before it.

    `/agent/chat` is one; `/admin/` and everything else that the platform itself answers is not.
    """
    target = safe_next(target)
    base = settings.SAGE_WEB_BASE_PATH
    # Jaeger's own, or of another origin, which no path begins with.
    jaeger = settings.SAGE_TRACE_JAEGER_PUBLIC_URL
    path = re.split(r"[?#]", target, maxsplit=1)[0]
    if any(path == prefix or path.startswith(f"{prefix}/") for prefix in (*NO_PAGES, jaeger, base)):
        return target
    return base + target


def login_address(target: str) -> str:
    """The login page's address, with the target percent-encoded whole, so that its own `&` survives."""
    return f"{settings.SAGE_WEB_BASE_PATH}/login?next={quote(safe_next(target), safe='')}"

"""Where the gate in front of Jaeger sends people (docs/api.md#observability)."""

import posixpath
import re
from urllib.parse import quote, unquote

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.encoding import iri_to_uri

from sage_platform import paths
from sage_platform.api.next_target import LONGEST, landing, login_address

ROOM = "observability"
GATE = f"/{paths.API}/{ROOM}/{paths.JAEGER}"
# nginx writes an address (`$request_uri`) as it was sent, with its `?` and `&`: then all that follows belongs to it.
AS_SENT = re.compile(r"(?:[^?]*&)?next=(/[^?&]*\?.*)\Z")
# How often an address may be percent-encoded.
LAYERS = 8
# What a path has as it is (RFC 3986 §3.3), besides letters and digits.
IN_PATHS = "/!$&'()*+,:;=@~"
PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))


def asked_target(request: HttpRequest) -> str:
    """Where the person wanted to go: `next`, else what the proxy says was asked for, as it was sent; empty where neither is."""
    if as_sent := AS_SENT.match(request.META.get("QUERY_STRING", "")):
        return _as_ascii(as_sent[1])
    return request.GET.get("next") or _as_ascii(request.META.get("HTTP_X_ORIGINAL_URI", ""))


def way_on(target: str) -> str:
    """Where somebody goes who may pass: to what they asked for, by default to Jaeger, and never to the gate again."""
    return landing(target) if _is_kept(target) else f"{settings.SAGE_TRACE_JAEGER_PUBLIC_URL}/"


def login_page(target: str) -> str:
    """The login page's address, from which the person comes back to what they asked for. It offers the password alone."""
    return _login_page(target if _is_kept(target) else _as_next())


def login_page_for(path: str, query: str) -> str:
    """The same, for somebody who wanted to go to a path behind the gate."""
    target = _as_next(path, query)
    return _login_page(target if len(target) <= LONGEST else _as_next())


def ui_address(path: str, query: str) -> str:
    """The address in Jaeger's pages for a path behind the gate. It never leads out of them."""
    return settings.SAGE_TRACE_JAEGER_PUBLIC_URL + _below(path, query)


def redirect(address: str, status: int = 302) -> HttpResponse:
    """Kept by no cache: it is another one once somebody has signed in."""
    return HttpResponse(status=status, headers={"Location": iri_to_uri(address), "Cache-Control": "no-store"})


def _login_page(target: str) -> str:
    return f"{login_address(target)}&local_only=1"


def _as_next(path: str = "", query: str = "") -> str:
    """The address in Jaeger's pages as a `next`, which is of this origin: where Jaeger is on another, the gate leads there."""
    public: str = settings.SAGE_TRACE_JAEGER_PUBLIC_URL
    return (public if public.startswith("/") else GATE) + _below(path, query)


def _below(path: str, query: str) -> str:
    """One slash, the path as it is to be written in an address, and the query as it was sent."""
    path = path.lstrip("/")
    if {".", ".."} & set(re.split(r"[/\\]", path)):
        # Browsers take these out of an address, and would leave Jaeger's.
        raise Http404
    return "/" + quote(path, safe=IN_PATHS) + (f"?{_as_ascii(query)}" if query else "")


def _is_kept(target: str) -> bool:
    return bool(target) and len(target) <= LONGEST and not _is_gate(target)


def _is_gate(target: str) -> bool:
    """Whether the address is the gate's, however it is written."""
    path = re.split(r"[?#]", target, maxsplit=1)[0]
    for _layer in range(LAYERS):
        path, before = unquote(path), path
        if path == before:
            break
    else:
        return True  # Nobody who means well writes it so.
    path = posixpath.normpath("/" + path.replace("\\", "/").lstrip("/")).lower()
    while path.startswith(f"/{paths.PROXIED}/"):
        path = path.removeprefix(f"/{paths.PROXIED}")
    return f"{path}/".startswith(f"{GATE}/")


def _as_ascii(value: str) -> str:
    """What WSGI gives of a header or a query (PEP 3333): bytes beyond ASCII, which Jaeger's addresses need not have encoded."""
    return quote(value, safe=PRINTABLE, encoding="latin-1")

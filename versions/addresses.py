"""Addresses of installers and updates. The updater reads them by Rust's `url`, which follows the WHATWG URL standard."""

from posixpath import normpath
from urllib.parse import unquote, urlsplit

import idna
from django.conf import settings
from django.http.request import validate_host

from sage_platform import paths
from sage_platform.outbound import MalformedAddress
from sage_platform.outbound.target import Target, parse


def read(address: str) -> Target:
    """Raises MalformedAddress for what the updater could not read, and for what programs could read in different ways."""
    target = parse(address)
    try:
        for label in target.host.split("."):
            if label.startswith("xn--"):
                idna.ulabel(label)
    except idna.IDNAError:
        raise MalformedAddress from None
    return target


def is_download_of_ours(target: Target) -> bool:
    """Whether a client that follows the address asks this platform for a file, however the path is written."""
    return target.origin == parse(settings.SAGE_PUBLIC_URL).origin and _is_download(target)


def is_past_us(target: Target) -> bool:
    """Whether the address leads to what may be a file of ours, and is not the one by which we know the file.

    Such as the bucket's own, to which a download is redirected, or another name of this platform. The file of such a release can
    be replaced, moved or deleted.
    """
    bucket = settings.SAGE_OBJECT_ORIGIN
    if bucket and target.origin == parse(bucket).origin:
        return True
    return not is_download_of_ours(target) and _is_download(target) and validate_host(target.host, settings.ALLOWED_HOSTS)


def _is_download(target: Target) -> bool:
    # Of two slashes at the beginning `normpath` keeps both.
    path = normpath("/" + unquote(urlsplit(target.url).path).lstrip("/")).removeprefix(f"/{paths.PROXIED}")
    return path.startswith(f"/{paths.FILES}/")


def last_part(address: str) -> str:
    """The name under which a browser would save the file."""
    path = address.partition("#")[0].partition("?")[0]
    return unquote(path.rpartition("/")[2])

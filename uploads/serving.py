"""`/files/{id}/{name}`: a file for whoever has its address (docs/api.md#downloads)."""

from collections.abc import Mapping
from http import HTTPStatus
from io import SEEK_END
from logging import getLogger
from typing import BinaryIO, Protocol, cast
from urllib.parse import quote

from django.conf import settings
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.utils.cache import get_conditional_response
from django.views.decorators.csrf import csrf_exempt
from rest_framework.exceptions import APIException
from whitenoise.responders import SlicedFile

from sage_platform.api import handlers
from sage_platform.api.client import client_key
from sage_platform.api.errors import NoPlace
from sage_platform.api.gate import Places
from sage_platform.api.middleware import when_closed
from sage_platform.api.waiting import lend_connection
from uploads.content_types import PLAIN_TEXT
from uploads.models import Store, Upload
from uploads.ranges import asked_range
from uploads.stores import store_named

log = getLogger("sage.uploads")
PIECE_BYTES = 256 * 1024
# What is longer does not fit the buffers of a connection, so that its client decides how long a thread is held.
LARGE_BYTES = 4 * 1024 * 1024
places = Places(settings.SAGE_UPLOAD_CONCURRENCY)

# A file that is opened as a document may load nothing, run nothing and act in nobody's name: the sandbox gives it an origin of
# its own. Browsers show pictures, sounds and videos by a document that they make themselves, with styles in it and the file.
# Pages of this origin may frame it, to show it to people.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; media-src 'self'; sandbox; frame-ancestors 'self'"
GUARDS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    # For browsers that do not know `frame-ancestors`.
    "X-Frame-Options": "SAMEORIGIN",
    # Whoever has the address can read the file, so a link in it must not tell.
    "Referrer-Policy": "no-referrer",
    # A document in a sandbox can have no other one (HTML, §7.4.2.2), and the site's own is `same-origin`.
    "Cross-Origin-Opener-Policy": "unsafe-none",
}


class WithAddresses(Protocol):
    """A store from which browsers get objects themselves."""

    def address(self, key: str, *, method: str) -> str: ...


@csrf_exempt
def file(request: HttpRequest, public_id: str, filename: str) -> HttpResponseBase:
    """The id alone finds the file. The name is for people, and whatever a client writes in its place leads to the same one."""
    if request.method not in {"GET", "HEAD"}:
        return handlers.refuse_method(request, "GET, HEAD")
    row = Upload.objects.known_as(public_id)
    if row is None:
        raise Http404
    # Sending may take long, and the pool has few connections.
    lend_connection()
    try:
        return from_object_store(request, row) if row.store == Store.S3 else from_disk(request, row)
    except APIException as error:
        return handlers.answer(request, error)


def from_object_store(request: HttpRequest, row: Upload) -> HttpResponse:
    """A browser goes on to an address that is good for a short time, so no cache may keep the answer."""
    address = cast(WithAddresses, store_named(row.store)).address(row.key, method=request.method or "")
    return HttpResponseRedirect(address, headers={"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})


def from_disk(request: HttpRequest, row: Upload) -> HttpResponseBase:
    headers = headers_of(row)
    if (without_file := get_conditional_response(request, etag=headers["ETag"])) is not None:
        kept = {name: headers[name] for name in ("ETag", "Cache-Control")}
        return handlers.with_headers(without_file, GUARDS | kept)
    # nginx does not know our ETag when it judges If-Match, and would refuse whoever has the right one.
    if settings.SAGE_X_ACCEL_REDIRECT and "HTTP_IF_MATCH" not in request.META:
        del headers["Accept-Ranges"]  # nginx adds its own, and both would be sent.
        return HttpResponse(headers=headers | {"X-Accel-Redirect": settings.SAGE_X_ACCEL_REDIRECT + quote(row.key)})
    with_range = request.method == "GET" and request.headers.get("If-Range", headers["ETag"]) == headers["ETag"]
    part = asked_range(request.headers.get("Range", ""), row.size) if with_range else None
    if part is None:
        return sent(request, row, range(row.size), headers, HTTPStatus.OK)
    if not part:
        refused = {"Content-Range": f"bytes */{row.size}", "Content-Type": PLAIN_TEXT, "Cache-Control": "no-store"}
        return HttpResponse(status=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers=refused)
    told = {"Content-Range": f"bytes {part.start}-{part.stop - 1}/{row.size}"}
    return sent(request, row, part, headers | told, HTTPStatus.PARTIAL_CONTENT)


def headers_of(row: Upload) -> dict[str, str]:
    return {
        "Content-Type": row.media_type,
        "Content-Disposition": row.disposition,
        "ETag": f'"{row.sha256}"',
        "Accept-Ranges": "bytes",
        # A cache asks each time, so that a deleted file is gone. The ETag makes it cheap.
        "Cache-Control": "private, no-cache",
        **GUARDS,
    }


def sent(request: HttpRequest, row: Upload, part: range, headers: Mapping[str, str], status: HTTPStatus) -> HttpResponseBase:
    """The bytes of a part, or of the whole; to HEAD all but them."""
    file = opened(row)
    headers = {**headers, "Content-Length": str(len(part))}
    if request.method == "HEAD" or len(part) <= PIECE_BYTES:
        with file:
            file.seek(part.start)
            content = b"" if request.method == "HEAD" else file.read(len(part))
        return HttpResponse(content, status=status, headers=headers)
    leave = None
    if len(part) > LARGE_BYTES:
        try:
            leave = places.take(client_key(request), cause="every place for large downloads is taken")
        except NoPlace:
            file.close()
            raise
    response = Download(
        SlicedFile(file, part.start, part.stop - 1), status=status, content_type=headers.pop("Content-Type"), headers=headers
    )
    if leave is not None:
        when_closed(response, leave)
    return response


class Download(FileResponse):
    """Django's own sends 4 KiB at a time, at a quarter of the speed."""

    block_size = PIECE_BYTES


def opened(row: Upload) -> BinaryIO:
    """Raises Http404 where the object is gone, or is not what the record says: half a file is worse than none."""
    try:
        file = store_named(row.store).open_object(row.key)
    except FileNotFoundError:
        log.warning("the object of upload %s is gone", row.pk)
        raise Http404 from None
    if (size := file.seek(0, SEEK_END)) != row.size:
        file.close()
        log.warning("the object of upload %s has %s bytes and not %s", row.pk, size, row.size)
        raise Http404
    return file

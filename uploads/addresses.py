"""From an address of ours to the file."""

from functools import partial

from django.conf import settings

from sage_platform import paths
from sage_platform.api.seams import StoredFile
from sage_platform.outbound import MalformedAddress
from sage_platform.outbound.target import parse
from uploads.models import Upload
from uploads.stores import store_named


def stored_file(address: str) -> StoredFile | None:
    """The file that an absolute address leads to; None where it is not of this origin, or no file is there."""
    try:
        target = parse(address)
        ours = target.origin == parse(settings.SAGE_PUBLIC_URL).origin
    except MalformedAddress:
        return None
    segments = target.path.partition("?")[0].split("/")
    row = Upload.objects.known_as(segments[2]) if ours and len(segments) == 4 and segments[:2] == ["", paths.FILES] else None
    if row is None:
        return None
    return StoredFile(row.key, row.name, row.size, row.sha256, partial(store_named(row.store).open_object, row.key))

"""From an address of ours to the file."""

from collections.abc import Iterable
from functools import partial

from django.conf import settings

from sage_platform import paths
from sage_platform.api.seams import StoredFile
from sage_platform.outbound import MalformedAddress
from sage_platform.outbound.target import parse
from uploads import names
from uploads.models import Upload
from uploads.services import at_work
from uploads.stores import store_named


def stored_file(address: str) -> StoredFile | None:
    """The file that an absolute address leads to; None where it is not of this origin, or no file is there."""
    row = Upload.objects.known_as(id_in(address))
    return None if row is None else as_file(row)


def held_files(addresses: Iterable[str]) -> dict[str, StoredFile]:
    """By the address, those of these files that stay as they are until the caller's transaction ends (`services.at_work`)."""
    ids = {address: public_id for address in addresses if (public_id := id_in(address))}
    rows = at_work.hold(ids.values())
    return {address: as_file(rows[public_id]) for address, public_id in ids.items() if public_id in rows}


def id_in(address: str) -> str:
    """The id in an address that could be a file's of ours; empty where it could be none."""
    try:
        target = parse(address)
        is_ours = target.origin == parse(settings.SAGE_PUBLIC_URL).origin
    except MalformedAddress:
        return ""
    segments = target.path.partition("?")[0].removeprefix(f"/{paths.PROXIED}").split("/")
    if not is_ours or len(segments) != 4 or segments[:2] != ["", paths.FILES]:
        return ""
    return segments[2] if names.PUBLIC_ID.fullmatch(segments[2]) else ""


def as_file(row: Upload) -> StoredFile:
    return StoredFile(row.key, row.name, row.size, row.sha256, partial(store_named(row.store).open_object, row.key))

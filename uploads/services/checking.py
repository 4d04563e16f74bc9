"""Finding and clearing what a killed process left: drafts, rows under way, objects of nobody.

It is safe beside a running platform: a draft is locked by its writer, a row under way has a lease, and an object has its row
before it exists. So only what is old enough counts, unless the platform is stopped (`grace` zero).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice

from uploads import drafts, names, stores
from uploads.models import State, Store, Upload
from uploads.services import at_work
from uploads.stores import ObjectInfo, ObjectStore

GRACE = timedelta(hours=1)
BATCH = 500


class Kind(StrEnum):
    DRAFT = "draft of nobody"
    ROW = "upload that was broken off"
    OBJECT = "object of nobody"
    PARTS = "unfinished parts of nobody"
    # These are told and left: no kill makes them, and what is gone cannot be brought back by deleting more.
    MISSING = "upload whose object is gone"
    DIFFERENT = "upload whose object has another size"


CLEARED = frozenset({Kind.DRAFT, Kind.ROW, Kind.OBJECT, Kind.PARTS})


@dataclass(frozen=True)
class Found:
    kind: Kind
    # The row's number, or where the object is. Never a row's address, by which anybody could read the file.
    what: str


def check(now: datetime, *, grace: timedelta = GRACE, dry_run: bool = False) -> Iterator[Found]:
    """Clear and tell, one after the other. Raises Unavailable where a store does not answer; what was told is cleared by then."""
    yield from _drafts(grace, dry_run=dry_run)
    yield from _rows(now, grace, dry_run=dry_run)
    for name in stores.all_names():
        yield from _objects(name, now, grace, dry_run=dry_run)


def _drafts(grace: timedelta, *, dry_run: bool) -> Iterator[Found]:
    for path in drafts.abandoned(older_than=grace):
        if not dry_run:
            path.unlink(missing_ok=True)
        yield Found(Kind.DRAFT, path.name)


def _rows(now: datetime, grace: timedelta, *, dry_run: bool) -> Iterator[Found]:
    under_way = Upload.objects.exclude(state=State.STORED)
    left = under_way if not grace else Upload.objects.left_over(now)
    for row in left.order_by("pk"):
        if dry_run or at_work.clear(row, now):
            yield Found(Kind.ROW, f"upload {row.pk}")


def _objects(name: Store, now: datetime, grace: timedelta, *, dry_run: bool) -> Iterator[Found]:
    store = stores.store_named(name)
    last = Upload.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    seen: set[int] = set()
    found = store.objects()
    while batch := list(islice(found, BATCH)):
        sizes = {each.key: each for each in batch}
        owned = list(Upload.objects.filter(key__in=sizes).exclude(state=State.RECEIVING))
        here = {row.key: row for row in owned if row.store == name}
        # What a file has in this store while its row names the other one is left to `move_uploads`: that deletes it when nobody
        # comes for it any more, and never the last object of a file.
        somebody_s = {row.key for row in owned}
        seen |= {row.pk for row in here.values()}
        for key, row in here.items():
            if row.state == State.STORED and row.size != sizes[key].size:
                yield Found(Kind.DIFFERENT, f"upload {row.pk}")
        nobody_s = [each for key, each in sizes.items() if key not in somebody_s and _is_old(each, now, grace)]
        yield from _clear_objects(store, nobody_s, dry_run=dry_run)
    for row in Upload.objects.stored().filter(store=name, pk__lte=last).order_by("pk").iterator(BATCH):
        if row.pk not in seen and store.info(row.key) is None and _is_still_there(row):
            yield Found(Kind.MISSING, f"upload {row.pk}")
    for parts in store.unfinished():
        # A file that is coming in parts has its row, which is stored where a killed `move_uploads` was at it.
        coming = Upload.objects.filter(key=parts.key).exclude(state=State.STORED).exists()
        if parts.begun <= now - grace and names.is_own(parts.key) and not coming:
            if not dry_run:
                store.abort(parts)
            yield Found(Kind.PARTS, f"{name}: {parts.key}")


def _clear_objects(store: ObjectStore, nobody_s: Iterable[ObjectInfo], *, dry_run: bool) -> Iterator[Found]:
    for each in nobody_s:
        # What the platform itself has put there. Anything else in the media root or the bucket is somebody else's and is left.
        if not names.is_own(each.key):
            continue
        if not dry_run:
            store.delete_object(each.key)
        yield Found(Kind.OBJECT, each.key)


def _is_old(each: ObjectInfo, now: datetime, grace: timedelta) -> bool:
    return each.modified <= now - grace


def _is_still_there(row: Upload) -> bool:
    """It may have been deleted, or moved to the other store, while the objects were being listed."""
    return Upload.objects.stored().filter(pk=row.pk, store=row.store).exists()

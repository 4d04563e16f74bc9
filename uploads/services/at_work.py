"""One at a time at an object's key: who stores, replaces or deletes it has marked a row, and the database lets one alone do so.

A person's file has its key for itself. A release bundle's key is what an administrator chose, so the object there is replaced by
the next who chooses it, unless a release names it. How a release holds on to a file:

1. It registers whether it names the object under a key (`seams.object_references`). That is asked within the transaction that
   marks the key, after the mark.
2. In the transaction in which it writes down that it names files, before it does so, it calls `seams.held_files` with their
   addresses. A file that is not in the answer is gone, or is being replaced or deleted: the release refuses.

Both lock the row of the file that is there. So one waits until the other's transaction has ended, and then sees what it did:
either the release has the file, and who would change it is refused, or the other way round. On SQLite transactions do not overlap
at all.

A mark has a lease. What a killed process has left is cleared by `checking`, or by the next who comes for the key. A process that
is stopped for longer than its lease and goes on within `store.keep` still puts its object there: no store asks us first. Its
row is not completed, and `checking` tells of the object where its size differs.
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from logging import getLogger

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from sage_platform.api import seams
from sage_platform.api.errors import Code, Refusal, Unavailable
from sage_platform.api.waiting import waiting
from uploads import names, stores
from uploads.models import State, Upload

log = getLogger("sage.uploads")
# A process that is alive renews it while bytes come, so it need only be longer than a client is silent.
LEASE = timedelta(minutes=10)
# What a store takes at least; its lease is as long as a file of this size needs.
SLOWEST_BYTES_PER_SECOND = 256 * 1024


class KeyIsTaken(Refusal):
    def __init__(self) -> None:
        super().__init__(Code.BAD_REQUEST, _("Another upload to this path is under way. Try again when it has ended."))


def lease_for(size: int) -> timedelta:
    """For a file of so many bytes that is on its way into a store, or out of it."""
    return LEASE + timedelta(seconds=size / SLOWEST_BYTES_PER_SECOND)


# -- Beginning --------------------------------------------------------------------------------------------------------------


def begin(key: str, mark: Callable[[], None]) -> None:
    """Have `mark` mark a row of this key in a transaction. Raises KeyIsTaken while somebody else is at work on it.

    Clearing what a kill left there may read its object: raises Unavailable where the store does not answer.
    """
    try:
        with transaction.atomic():
            mark()
    except IntegrityError:
        left = Upload.objects.left_over(timezone.now()).filter(key=key).first()
        if left is None or not clear(left, timezone.now()):
            raise KeyIsTaken from None
        try:
            with transaction.atomic():
                mark()
        except IntegrityError:
            raise KeyIsTaken from None


def begin_changing(key: str, mark: Callable[[], None]) -> None:
    """As `begin`, for who will replace or delete the object that is there. Raises Refusal where an area needs it."""

    def mark_unless_needed() -> None:
        mark()
        # From here on nobody else changes what is there. Who holds it just now (`hold`) is waited for, and then seen.
        list(Upload.objects.stored().filter(key=key).select_for_update())
        if any(needs(key) for needs in seams.object_references.values()):
            raise Refusal(Code.BAD_REQUEST, _("A release uses this file, so it can be neither replaced nor deleted."))

    begin(key, mark_unless_needed)


def hold(public_ids: Iterable[str]) -> dict[str, Upload]:
    """Those of these files that are there, and that nobody is about to change before the caller's transaction has ended."""
    if not transaction.get_connection().in_atomic_block:
        raise transaction.TransactionManagementError("files are held for a transaction, and there is none")
    rows = Upload.objects.stored().filter(public_id__in=public_ids).order_by("pk").select_for_update()
    there = {row.public_id: row for row in rows}
    # Asked once the rows are locked: whoever has marked one of the keys meanwhile has committed it.
    keys = [row.key for row in there.values()]
    changing = set(Upload.objects.changing().filter(key__in=keys).values_list("key", flat=True))
    return {public_id: row for public_id, row in there.items() if row.key not in changing}


# -- Ending -----------------------------------------------------------------------------------------------------------------


def complete(row: Upload) -> Upload:
    """Show people a row whose object is there. An administrator's bundle takes the place of the one that had its key."""
    with transaction.atomic():
        former = Upload.objects.stored().filter(key=row.key).first()
        if former is not None:
            former.delete()
        # Whoever clears what a process has left takes over its lease: that process stores nothing any more when it wakes.
        mine = Upload.objects.filter(pk=row.pk, state=State.PENDING, lease_until=row.lease_until)
        if not mine.update(state=State.STORED, lease_until=None):
            raise too_late()
    if former is not None and former.store != row.store:
        with waiting():
            stores.store_named(former.store).delete_object(former.key)
    row.state, row.lease_until = State.STORED, None
    return row


def finish_deleting(row: Upload) -> None:
    """Delete the object of a row that is marked, and then the row. Raises Unavailable."""
    with waiting():
        stores.store_named(row.store).delete_object(row.key)
    Upload.objects.filter(pk=row.pk, state=State.DELETING).delete()


def give_up(row: Upload) -> None:
    """Leave nothing of a file that was not stored, and touch nothing of anybody else's."""
    if row.key and not names.is_own(row.key):
        _give_up_bundle(row)
        return
    if row.key and not Upload.objects.filter(pk=row.pk, state__in=[State.STORED, State.DELETING]).exists():
        try:
            with waiting():
                stores.store_named(row.store).delete_object(row.key)
        except Unavailable:
            # Without a row the object, if it came to be, is found as one that belongs to nobody.
            log.warning("an object was left in the store", extra={"facts": {"upload": row.pk}})
    Upload.objects.filter(pk=row.pk, state__in=[State.RECEIVING, State.PENDING]).delete()


def _give_up_bundle(row: Upload) -> None:
    if Upload.objects.stored().filter(key=row.key).exists():
        # It was about to be replaced. Nobody can tell here whose object it is by now, so the row stays, and `clear` compares the
        # object with both.
        return
    # The mark is ours until the lease ends. Where it has ended, the object may be another's by now.
    mine = Upload.objects.filter(pk=row.pk, state=State.PENDING, lease_until=row.lease_until)
    if not mine.update(state=State.DELETING, lease_until=timezone.now() + LEASE):
        return
    try:
        finish_deleting(row)
    except Unavailable:
        log.warning("an object was left in the store", extra={"facts": {"upload": row.pk}})


def clear(row: Upload, now: datetime) -> bool:
    """End what a process left. Whether the row was still as it was found, and is gone now, or complete. Raises Unavailable."""
    mine = Upload.objects.filter(pk=row.pk, state=row.state, lease_until=row.lease_until)
    if row.state == State.RECEIVING:
        return bool(mine.delete()[0])
    store, until = stores.store_named(row.store), now + lease_for(row.size)
    replaces = row.state == State.PENDING and Upload.objects.stored().filter(key=row.key).exists()
    if not mine.update(state=State.PENDING if replaces else State.DELETING, lease_until=until):
        return False
    row.lease_until = until
    with waiting():
        for parts in store.unfinished(row.key):
            store.abort(parts)
        has_arrived = replaces and stores.sha256_of(store, row.key) == row.sha256
    if not replaces:
        finish_deleting(row)
    elif has_arrived:
        # A bundle was being replaced, and the new object is there: so the former one is gone, and the new one is whole.
        complete(row)
    else:
        Upload.objects.filter(pk=row.pk, state=State.PENDING).delete()
    return True


def too_late() -> Refusal:
    return Refusal(Code.BAD_REQUEST, _("The file took too long to arrive. Please send it again."))

"""Taking a file: room for it, its bytes, its row, its object, in the order that a crash at any point leaves nothing half-made.

The row is made first (`reserve`), completed before there is an object, and shown to people once the object is there. What a
killed process leaves has a lease, and `checking` clears it when the lease has run out.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from logging import getLogger

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Count, Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from sage_platform.accounts.models import User
from sage_platform.api import seams
from sage_platform.api.bodies import UnreadForm
from sage_platform.api.errors import Code, NoPlace, Refusal, Unavailable
from sage_platform.api.gate import Places
from sage_platform.api.waiting import lend_connection, waiting
from sage_platform.metrics import operation
from uploads import drafts, forms, names, stores
from uploads.drafts import Draft
from uploads.models import State, Upload

log = getLogger("sage.uploads")
# A process that is alive renews it while bytes come, so it need only be longer than a client is silent.
LEASE = timedelta(minutes=10)
RENEW_SECONDS = 60.0
# What a store takes at least; its lease is as long as a file of this size needs.
SLOWEST_BYTES_PER_SECOND = 256 * 1024
# The form around the file: boundaries, headers, eight text fields.
FORM_BYTES = 64 * 1024
MOST_EACH = 10_000

places = Places(settings.SAGE_UPLOAD_CONCURRENCY)


def most_body_bytes() -> int:
    return int(settings.SAGE_UPLOAD_MAX_BYTES) + FORM_BYTES


@contextmanager
def place(client: str) -> Iterator[None]:
    """One of the process's places for uploads, with a share for each address. Raises NoPlace at once."""
    if not places.enter(client):
        raise NoPlace(cause="every place for uploads is taken")
    try:
        yield
    finally:
        places.leave(client)


@operation("uploads", "upload")
def upload(owner: User, form: UnreadForm, *, client: str) -> Upload:
    """Store the file of a form. Raises InvalidInput, BodyTooLarge, Refusal or Unavailable; then nothing is left of it."""
    with place(client), reserved(owner, form.length, source=Upload.Source.UPLOAD, came_from=client) as row:
        lend_connection()
        with drafts.begin(most_bytes=settings.SAGE_UPLOAD_MAX_BYTES) as draft:
            received = forms.receive(replace(form, read=renewing(row, form.read)), draft)
            path = received.fields.get("path", "")
            return keep(row, draft, name=received.filename, key=key_for(row, owner, path))


def key_for(row: Upload, owner: User, path: str) -> str:
    """An administrator may name a release bundle's own key. Everybody else's path is a folder below their prefix."""
    if owner.is_admin and names.is_bundle(path):
        return names.bundle_key(path)
    folder = names.folder_of(path)
    return "/".join(part for part in (names.prefix_of(str(owner.pk)), folder, row.public_id) if part)


@contextmanager
def reserved(owner: User, size: int, *, source: Upload.Source, came_from: str) -> Iterator[Upload]:
    """A row for a file that is about to come, with room for it. It is gone after the block unless the file was stored."""
    row = reserve(owner, size, source=source, came_from=came_from)
    try:
        yield row
    except BaseException:
        give_up(row)
        raise


def reserve(owner: User, size: int, *, source: Upload.Source, came_from: str) -> Upload:
    """Raises Refusal where the owner has too many files, or not enough room is left for them."""
    now = timezone.now()
    with transaction.atomic():
        if not owner.is_admin:
            # Calls at the same time wait for each other here, so that together they cannot pass the limit.
            User.objects.select_for_update(no_key=True).filter(pk=owner.pk).first()
            _leave_room(owner, size)
        return Upload.objects.create(
            owner=owner,
            size=size,
            store=stores.current(),
            source=source,
            came_from=came_from[:255],
            created_at=now,
            lease_until=now + LEASE,
        )


def _leave_room(owner: User, size: int) -> None:
    there = Upload.objects.for_user(owner).counting(timezone.now()).aggregate(files=Count("pk"), bytes=Sum("size"))
    if there["files"] >= MOST_EACH:
        raise Refusal(Code.BAD_REQUEST, _("You have too many files. Delete some that you no longer need."))
    quota = settings.SAGE_UPLOAD_QUOTA_BYTES
    if quota and (there["bytes"] or 0) + size > quota:
        raise Refusal(Code.BAD_REQUEST, _("There is no room left for this file. Delete some that you no longer need."))


def renewing(row: Upload, read: Callable[[int], bytes]) -> Callable[[int], bytes]:
    """Reads on, and renews the row's lease each minute while bytes come."""
    renewed = time.monotonic()

    def read_on(size: int) -> bytes:
        nonlocal renewed
        piece = read(size)
        if time.monotonic() - renewed >= RENEW_SECONDS:
            renewed = time.monotonic()
            if not Upload.objects.filter(pk=row.pk, state=State.RECEIVING).update(lease_until=timezone.now() + LEASE):
                raise too_late()
            lend_connection()
        return piece

    return read_on


def too_late() -> Refusal:
    return Refusal(Code.BAD_REQUEST, _("The file took too long to arrive. Please send it again."))


def keep(row: Upload, draft: Draft, *, name: str, key: str) -> Upload:
    """Make the draft the row's object. Raises Refusal, Unavailable."""
    if is_needed(key):
        raise in_use()
    facts = {
        "name": name,
        "size": draft.size,
        "content_type": draft.content_type,
        "sha256": draft.sha256,
        "key": key,
        "state": State.PENDING,
        "lease_until": timezone.now() + lease_for(draft.size),
    }
    try:
        with transaction.atomic():
            if not Upload.objects.filter(pk=row.pk, state=State.RECEIVING).update(**facts):
                raise too_late()
    except IntegrityError:
        raise under_way() from None
    row.refresh_from_db()
    with waiting():
        stores.store_named(row.store).keep(draft.path, key, content_type=row.media_type, disposition=row.disposition)
    return complete(row)


def lease_for(size: int) -> timedelta:
    """For a file of so many bytes that is on its way into a store."""
    return LEASE + timedelta(seconds=size / SLOWEST_BYTES_PER_SECOND)


def complete(row: Upload) -> Upload:
    """Show people a row whose object is there. An administrator's bundle takes the place of the one that had its key."""
    with transaction.atomic():
        former = Upload.objects.stored().filter(key=row.key).first()
        if former is not None:
            former.delete()
        if not Upload.objects.filter(pk=row.pk, state=State.PENDING).update(state=State.STORED, lease_until=None):
            raise too_late()
    if former is not None and former.store != row.store:
        with waiting():
            stores.store_named(former.store).delete_object(former.key)
    row.state, row.lease_until = State.STORED, None
    return row


def give_up(row: Upload) -> None:
    """Leave nothing of a file that was not stored."""
    now = Upload.objects.filter(pk=row.pk).first()
    if now is not None and now.state in {State.STORED, State.DELETING}:
        return
    if row.key and Upload.objects.stored().filter(key=row.key).exists():
        # A bundle that was about to be replaced. Nobody can tell here whose object it is by now, so the row stays, and `checking`
        # compares the object with both.
        return
    if row.key:
        try:
            with waiting():
                stores.store_named(row.store).delete_object(row.key)
        except Unavailable:
            # Without a row the object, if it came to be, is found as one that belongs to nobody.
            log.warning("an object was left in the store", extra={"facts": {"upload": row.pk}})
    if now is not None:
        now.delete()


def is_needed(key: str) -> bool:
    """Whether an area still needs the object: then it is neither replaced nor deleted."""
    return any(needs(key) for needs in seams.object_references.values())


def under_way() -> Refusal:
    return Refusal(Code.BAD_REQUEST, _("Another upload to this path is under way. Try again when it has ended."))


def in_use() -> Refusal:
    return Refusal(Code.BAD_REQUEST, _("A release uses this file, so it can be neither replaced nor deleted."))

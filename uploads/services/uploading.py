"""Taking a file: room for it, its bytes, its row, its object, in the order that a crash at any point leaves nothing half-made.

The row is made first (`reserve`), completed before there is an object, and shown to people once the object is there. What a
killed process leaves has a lease: when that has run out, `checking` clears it, or the next who comes for its key.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Sum
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.exceptions import NotAuthenticated

from sage_platform.accounts.models import User
from sage_platform.api.bodies import UnreadForm
from sage_platform.api.errors import Code, Refusal
from sage_platform.api.gate import Places
from sage_platform.api.waiting import lend_connection, waiting
from sage_platform.telemetry.operations import Operation
from uploads import drafts, forms, stores
from uploads.drafts import Draft
from uploads.models import State, Upload
from uploads.services import at_work
from uploads.services.uploaders import Uploader

RENEW_SECONDS = 60.0
# The form around the file: boundaries, headers, eight text fields.
FORM_BYTES = 64 * 1024
MOST_EACH = 10_000

places = Places(settings.SAGE_UPLOAD_CONCURRENCY)


def most_body_bytes() -> int:
    return int(settings.SAGE_UPLOAD_MAX_BYTES) + FORM_BYTES


def upload(uploader: Uploader, form: UnreadForm, *, client: str) -> Upload:
    """Store the file of a form. Raises InvalidInput, BodyTooLarge, Refusal or Unavailable; then nothing is left of it."""
    # Whoever finds no place is turned away at the door, like any request that finds none. It is no upload that failed.
    leave = places.take(client, cause="every place for uploads is taken")
    try:
        return _upload(uploader, form, client)
    finally:
        leave()


@Operation("uploads", "upload")
def _upload(uploader: Uploader, form: UnreadForm, client: str) -> Upload:
    with reserved(uploader, form.length, source=Upload.Source.UPLOAD, came_from=client) as row:
        lend_connection()
        with drafts.begin(most_bytes=settings.SAGE_UPLOAD_MAX_BYTES) as draft:
            received = forms.receive(replace(form, read=renewing(row, form.read)), draft)
            return keep(row, draft, uploader, name=received.filename, path=received.fields.get("path", ""))


@contextmanager
def reserved(uploader: Uploader, size: int, *, source: Upload.Source, came_from: str) -> Iterator[Upload]:
    """A row for a file that is about to come, with room for it. It is gone after the block unless the file was stored."""
    row = reserve(uploader, size, source=source, came_from=came_from)
    try:
        yield row
    except BaseException:
        at_work.give_up(row)
        raise


def reserve(uploader: Uploader, size: int, *, source: Upload.Source, came_from: str) -> Upload:
    """Raises NotAuthenticated where the owner is gone, Refusal where they have too many files or not enough room is left."""
    now = timezone.now()
    with transaction.atomic():
        # Calls at the same time wait for each other here, so that together they cannot pass the limit. Whoever deletes the owner
        # waits as well, and then finds the row.
        owner = uploader.user
        if owner is not None and not User.objects.select_for_update(no_key=True).filter(pk=owner.pk).exists():
            raise NotAuthenticated
        if owner is not None and not uploader.is_trusted:
            _leave_room(owner, size)
        return Upload.objects.create(
            owner=owner,
            size=size,
            store=stores.current(),
            source=source,
            came_from=uploader.came_from(came_from)[:255],
            created_at=now,
            lease_until=now + at_work.LEASE,
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
            if not Upload.objects.filter(pk=row.pk, state=State.RECEIVING).update(lease_until=timezone.now() + at_work.LEASE):
                raise at_work.too_late()
            lend_connection()
        return piece

    return read_on


def keep(row: Upload, draft: Draft, uploader: Uploader, *, name: str, path: str = "") -> Upload:
    """Make the draft the row's object. Raises InvalidInput, Refusal, Unavailable, and what `Uploader.now` raises."""
    key = uploader.now().key_for(path, row.public_id)
    facts = {
        "name": name,
        "size": draft.size,
        "content_type": draft.content_type,
        "sha256": draft.sha256,
        "key": key,
        "state": State.PENDING,
    }

    def mark() -> None:
        lease = timezone.now() + at_work.lease_for(draft.size)
        if not Upload.objects.filter(pk=row.pk, state=State.RECEIVING).update(**facts, lease_until=lease):
            raise at_work.too_late()

    at_work.begin_changing(key, mark)
    row.refresh_from_db()
    with waiting():
        stores.store_named(row.store).keep(draft.path, key, content_type=row.media_type, disposition=row.disposition)
    return at_work.complete(row)

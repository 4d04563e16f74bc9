"""Deleting a file: its row is marked, its object goes, then the row. What a kill leaves in between, `checking` finishes."""

from logging import getLogger

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from sage_platform.accounts.models import User
from sage_platform.accounts.services.history import record
from sage_platform.api.errors import Code, Refusal, Unavailable
from sage_platform.api.waiting import waiting
from sage_platform.metrics import operation
from uploads import stores
from uploads.models import State, Upload
from uploads.services.uploading import LEASE, in_use, is_needed, under_way

log = getLogger("sage.uploads")


@operation("uploads", "delete")
def delete(row: Upload, *, actor: User | None) -> None:
    """Nobody can open the file any more when this returns. Raises Refusal where a release needs it, or it is gone.

    Where the store does not answer, the object goes when `check_uploads` finds the row.
    """
    if is_needed(row.key):
        raise in_use()
    try:
        with transaction.atomic():
            marked = {"state": State.DELETING, "lease_until": timezone.now() + LEASE}
            if not Upload.objects.stored().filter(pk=row.pk).update(**marked):
                raise Refusal(Code.NOT_FOUND, _("This file is gone."))
            record(actor, row, deleted=True)
    except IntegrityError:
        raise under_way() from None
    try:
        finish(Upload.objects.get(pk=row.pk))
    except Unavailable as error:
        log.warning("an object waits to be deleted", extra={"facts": {"upload": row.pk, "cause": error.cause}})


def finish(row: Upload) -> None:
    """Delete the object of a row that is marked, and then the row. Raises Unavailable."""
    with waiting():
        stores.store_named(row.store).delete_object(row.key)
    Upload.objects.filter(pk=row.pk, state=State.DELETING).delete()

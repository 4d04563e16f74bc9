"""Deleting a file: its row is marked, its object goes, then the row. What a kill leaves in between, `checking` finishes."""

from logging import getLogger

from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.exceptions import NotAuthenticated

from sage_platform.accounts.models import User
from sage_platform.accounts.services.history import record
from sage_platform.api.errors import Code, Refusal, Unavailable
from sage_platform.telemetry.operations import Operation
from uploads.models import State, Upload
from uploads.services import at_work

log = getLogger("sage.uploads")


@Operation("uploads", "delete")
def delete(row: Upload, *, actor: User | None) -> None:
    """Nobody can open the file any more when this returns. Raises Refusal where a release needs it, or it is gone, and
    NotAuthenticated where the actor is.

    Where the store does not answer, the object goes when `check_uploads` finds the row.
    """

    def mark() -> None:
        # The history will ask for the person. Who deletes them locks them first and then their files, so here it is the same.
        if actor is not None and not User.objects.select_for_update(no_key=True).filter(pk=actor.pk).exists():
            raise NotAuthenticated
        lease = timezone.now() + at_work.LEASE
        if not Upload.objects.stored().filter(pk=row.pk).update(state=State.DELETING, lease_until=lease):
            raise gone()
        record(actor, row, deleted=True)

    at_work.begin_changing(row.key, mark)
    try:
        at_work.finish_deleting(row)
    except Unavailable as error:
        log.warning("an object waits to be deleted", extra={"facts": {"upload": row.pk, "cause": error.cause}})


def gone() -> Refusal:
    return Refusal(Code.NOT_FOUND, _("This file is gone."))

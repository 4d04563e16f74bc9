"""Who is locked out of signing in, until when, and how staff end that.

Lock-outs are not stored: they are read from the rows that the limits count, so that the two never disagree.
"""

from datetime import datetime
from typing import cast

from django.db.models import OuterRef, Q, QuerySet, Subquery, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from sage_platform.accounts.models import LimitedAct, LockOut, User
from sage_platform.accounts.services import limits
from sage_platform.accounts.services.history import record
from sage_platform.accounts.services.passwords import PER_ACCOUNT, PER_ACCOUNT_AND_CLIENT, PER_CLIENT, WINDOW, subject_of

# What the history says was changed.
FIELD = "lock-out"


def current() -> QuerySet[LockOut]:
    """One row for each lock-out: of the failures that a limit counts, the one that makes them as many as it allows.

    Annotated are `username`, None where nobody has the name that was typed, and `everywhere`: whether an account is locked for
    all addresses and not for its `client_key` alone.
    """
    of_client = Q(limit=PER_CLIENT.name, of_subject=PER_CLIENT.amount)
    of_account = Q(limit=PER_ACCOUNT.name, of_subject=PER_ACCOUNT.amount)
    of_both = Q(limit=PER_ACCOUNT_AND_CLIENT.name, of_detail=PER_ACCOUNT_AND_CLIENT.amount)
    # In a query of its own: filters that come later, such as the rows that staff choose, would come before the counting.
    reached = _counted().filter(of_client | of_account | of_both).values("pk")
    rows = LockOut.objects.filter(pk__in=Subquery(reached)).annotate(
        username=Subquery(User.objects.filter(pk=OuterRef("account")).values("username")),
        everywhere=Q(pk__in=Subquery(_counted().filter(of_account).values("pk"))),
    )
    return cast("QuerySet[LockOut]", rows)


def _counted() -> QuerySet[LimitedAct]:
    """The failures within the window, each with its place, counted from the newest, among those that a limit counts together."""
    failures = LimitedAct.objects.filter(limit__in=(PER_ACCOUNT.name, PER_CLIENT.name)).since(timezone.now() - WINDOW)
    newest_first = ("-at", "-pk")
    return failures.annotate(
        of_subject=Window(RowNumber(), partition_by=["limit", "subject"], order_by=newest_first),
        of_detail=Window(RowNumber(), partition_by=["limit", "subject", "detail"], order_by=newest_first),
    )


def of_address(row: LockOut) -> bool:
    """Whether an address is locked for all accounts."""
    return row.limit == PER_CLIENT.name


def ends_at(row: LockOut) -> datetime:
    """When this failure leaves the window there is room for one more attempt."""
    return row.at + WINDOW


def has_failures(user: User) -> bool:
    """Whether there is something to forget: a limit that is not reached yet, too, lets in one attempt less for each."""
    return bool(limits.acts_of(PER_ACCOUNT, subject_of(user)).exists())


def unlock(user: User, *, actor: User | None = None) -> bool:
    """Forget a user's failed sign-ins, as a right one does. False where there were none. The history has it with an actor."""
    found = limits.forget(PER_ACCOUNT, subject_of(user))
    if found:
        record(actor, user, fields=[FIELD])
    return found


def end(row: LockOut, *, actor: User) -> None:
    """Forget all failures that count with this one. The history has it at the user, or at the address where there is none."""
    LimitedAct.objects.filter(limit=row.limit, subject=row.subject).delete()
    user = None if of_address(row) else User.objects.filter(pk=row.account).first()
    record(actor, user or row, fields=[FIELD])

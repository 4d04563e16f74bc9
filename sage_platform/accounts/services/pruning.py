"""Which rows of accounts have run out, so that no request will ask for them again; and how rows of any room are deleted."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import BooleanField, F, Func, Model, Q, QuerySet, Subquery

from sage_platform.accounts.models import AccessToken, LimitedAct, RefreshToken, RegistrationCode, Session, SignIn

BATCH = 20_000
# SQLite has one write lock and no queue for it. Without a pause between batches, other writers would always find it taken.
PAUSE_SECONDS = 0.01
# Longer than a refresh token or an idle session lives. For this long the admin shows a sign-in.
SIGN_INS_KEPT = timedelta(days=90)
# As long as the longest window of a limit: SAGE_PROBE_RATE may be by the day. What is deleted earlier no longer counts.
ACTS_KEPT = timedelta(days=1)

# By the name of the kind: the rows that had run out at a moment. A used refresh token is kept until it expires, so that a second
# use is noticed.
PRUNABLE: dict[str, Callable[[datetime], QuerySet[Any]]] = {
    "sessions": lambda at: Session.objects.filter(expire_date__lt=at),
    "access tokens": lambda at: AccessToken.objects.filter(expires_at__lt=at),
    "refresh tokens": lambda at: RefreshToken.objects.filter(expires_at__lt=at),
    "registration codes": lambda at: RegistrationCode.objects.filter(expires_at__lt=at),
    "counted acts": lambda at: LimitedAct.objects.filter(at__lt=at - ACTS_KEPT),
    "sign-ins": lambda at: SignIn.objects.filter(seen_at__lt=at - SIGN_INS_KEPT),
}


def remove(rows: QuerySet[Any]) -> int:
    """Delete in batches, each in a transaction of its own, so that no write of a user waits for long. Says how many were deleted.

    With sign-ins their tokens and sessions are deleted as well; they are not counted.
    """
    model: type[Model] = rows.model
    removed = 0
    while True:
        with transaction.atomic(savepoint=False):
            count = model._base_manager.filter(_in_batch(rows)).delete()[1].get(model._meta.label, 0)
        removed += count
        if count < BATCH:
            return removed
        time.sleep(PAUSE_SECONDS)


def _in_batch(rows: QuerySet[Any]) -> Q:
    """The condition for one batch: the first BATCH of these rows, without those that a request holds a lock on.

    Those are left for the next run, so that neither waits for the other. PostgreSQL may run the subquery of an IN again for
    every row that it looks at, each time with other results, and then the limit would bound nothing. The subquery of an array
    it runs once (PostgreSQL 15, 9.20.1 and 4.2.12).
    """
    some = rows.order_by().select_for_update(skip_locked=True).values("pk")[:BATCH]
    if connection.vendor != "postgresql":
        return Q(pk__in=some)
    return Q(Func(F("pk"), Subquery(some), arg_joiner=" = ANY (ARRAY", template="%(expressions)s)", output_field=BooleanField()))

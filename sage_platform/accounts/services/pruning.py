"""Removing what has run out: rows that no request will ask for again."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import BooleanField, F, Func, Model, Q, QuerySet, Subquery

from sage_platform.accounts.models import AccessToken, LimitedAct, RefreshToken, RegistrationCode, Session, SignIn

BATCH = 20_000
# SQLite has no queue for its one lock: without a gap those who wait would only find it taken, all the while.
PAUSE_SECONDS = 0.01
# Longer than a refresh token lives and a session idles; until then a sign-in stays to be seen in the admin.
SIGN_INS_KEPT = timedelta(days=90)


# By what they are called: the rows that nothing asks for any more at a moment. A used refresh token stays until it expires, so
# that reuse is noticed.
PRUNABLE: dict[str, Callable[[datetime], QuerySet[Any]]] = {
    "sessions": lambda at: Session.objects.filter(expire_date__lt=at),
    "access tokens": lambda at: AccessToken.objects.filter(expires_at__lt=at),
    "refresh tokens": lambda at: RefreshToken.objects.filter(expires_at__lt=at),
    "registration codes": lambda at: RegistrationCode.objects.filter(expires_at__lt=at),
    "counted acts": lambda at: LimitedAct.objects.filter(at__lt=at - timedelta(days=1)),
    "sign-ins": lambda at: SignIn.objects.filter(seen_at__lt=at - SIGN_INS_KEPT),
}


def remove(rows: QuerySet[Any]) -> int:
    """Delete in batches, each one transaction, so that no write of a user waits for long.

    Nothing else is read or written but where rows of another kind hang from these: from sign-ins, whose tokens go along.
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
    """The condition of being among the first of these rows, for one statement.

    A row that a request holds at this moment is left for another day, so that neither waits for the other. PostgreSQL may
    run a subquery of IN again for every row that it looks at, each time for other rows, so that its limit would bound
    nothing. That of an array it runs once (PostgreSQL 15, 9.20.1 and 4.2.12).
    """
    some = rows.order_by().select_for_update(skip_locked=True).values("pk")[:BATCH]
    if connection.vendor != "postgresql":
        return Q(pk__in=some)
    return Q(Func(F("pk"), Subquery(some), arg_joiner=" = ANY (ARRAY", template="%(expressions)s)", output_field=BooleanField()))

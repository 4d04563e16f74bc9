"""Removing what has run out: rows that no request will ask for again."""

import time
from datetime import timedelta
from typing import Any

from django.contrib.sessions.models import Session
from django.db import connection, transaction
from django.db.models import BooleanField, F, Func, Model, Q, QuerySet, Subquery
from django.utils import timezone

from sage_platform.accounts.models import AccessToken, LimitedAct, RefreshToken, RegistrationCode, SignIn

BATCH = 20_000
# SQLite has no queue for its one lock: without a gap those who wait would only find it taken, all the while.
PAUSE_SECONDS = 0.01
# Longer than a refresh token lives and a session idles; until then a sign-in stays to be seen in the admin.
SIGN_INS_KEPT = timedelta(days=90)


def expired() -> dict[str, QuerySet[Any]]:
    """The rows to remove, by what they are called. A used refresh token stays until it expires, so that reuse is noticed."""
    now = timezone.now()
    return {
        "sessions": Session.objects.filter(expire_date__lt=now),
        "access tokens": AccessToken.objects.filter(expires_at__lt=now),
        "refresh tokens": RefreshToken.objects.filter(expires_at__lt=now),
        "registration codes": RegistrationCode.objects.filter(expires_at__lt=now),
        "counted acts": LimitedAct.objects.filter(at__lt=now - timedelta(days=1)),
        "sign-ins": SignIn.objects.filter(seen_at__lt=now - SIGN_INS_KEPT),
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

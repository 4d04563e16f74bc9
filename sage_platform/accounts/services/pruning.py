"""Which rows of accounts have run out, so that no request will ask for them again; and how rows of any room are deleted."""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import BooleanField, F, Func, Model, Q, QuerySet, Subquery

from sage_platform.accounts.models import AccessToken, LimitedAct, RefreshToken, RegistrationCode, Session, SignIn

# SQLite has one lock of writers. For so many events of usage, the widest rows, it is held for a tenth of a second.
BATCH = 2_000
# SQLite has no queue for that lock: whoever waits looks again after a while, and the longer they have waited the longer it is, up
# to a half of it. Without such a pause after each batch they would always find it taken.
PAUSE_SHARE = 0.5
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


def remove(rows: QuerySet[Any]) -> Iterator[int]:
    """Delete in batches, each in a transaction of its own, so that no write of a user waits for long. Says of each how many.

    Rows that a request holds a lock on are left for the next run, so that neither waits for the other. With sign-ins their tokens
    and sessions are deleted as well; they are not counted.
    """
    while True:
        began = time.monotonic()
        with transaction.atomic(savepoint=False):
            count = _delete(rows.model, _in_batch(rows))
        yield count
        if count < BATCH:
            return
        _pause(began)


def remove_all(rows: QuerySet[Any]) -> Iterator[int]:
    """As `remove`, also what a request holds, and where no index leads to these rows: they are looked for outside of any lock.

    The batches leave out what is held. Each of those rows then gets a transaction of its own, which waits for it: whoever holds
    but one lock makes nobody wait in a circle.
    """
    model, held = rows.model, list[Any]()
    for keys in _keys(rows):
        began = time.monotonic()
        some = model._base_manager.filter(pk__in=keys)
        with transaction.atomic(savepoint=False):
            count = _delete(model, _in_batch(some))
        yield count
        if count < len(keys):
            held += some.values_list("pk", flat=True)
        _pause(began)
    for key in held:
        one = model._base_manager.filter(pk=key)
        with transaction.atomic(savepoint=False):
            # Of a row that others point to, Django would delete those before it locks the row.
            list(one.select_for_update().values_list("pk"))
            yield _delete(model, Q(pk=key))


def _keys(rows: QuerySet[Any]) -> Iterator[Sequence[Any]]:
    """Those of each batch, in their order, so that no row is looked at twice."""
    ordered = rows.order_by("pk").values_list("pk", flat=True)
    keys = list(ordered[:BATCH])
    while keys:
        yield keys
        keys = list(ordered.filter(pk__gt=keys[-1])[:BATCH])


def _delete(model: type[Model], which: Q) -> int:
    return model._base_manager.filter(which).delete()[1].get(model._meta.label, 0)


def _pause(began: float) -> None:
    if connection.vendor == "sqlite":
        time.sleep((time.monotonic() - began) * PAUSE_SHARE)


def _in_batch(rows: QuerySet[Any]) -> Q:
    """The condition for one batch: the first BATCH of these rows, without those that a request holds a lock on.

    PostgreSQL may run the subquery of an IN again for every row that it looks at, each time with other results, and then the
    limit would bound nothing. The subquery of an array it runs once (PostgreSQL 15, 9.20.1 and 4.2.12).
    """
    some = rows.order_by().select_for_update(skip_locked=True).values("pk")[:BATCH]
    if connection.vendor != "postgresql":
        return Q(pk__in=some)
    return Q(Func(F("pk"), Subquery(some), arg_joiner=" = ANY (ARRAY", template="%(expressions)s)", output_field=BooleanField()))

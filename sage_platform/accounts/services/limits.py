"""Counting acts within a sliding window, the same on every worker and machine.

An act is written down first and counted afterwards. So of many callers at the same moment no more pass than the limit allows, and
no lock is needed on either database.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.conf import settings
from django.utils import timezone
from prometheus_client import Counter

from sage_platform.accounts.models import LimitedAct, LimitedActQuerySet
from sage_platform.api.errors import TooManyRequests

LOCKOUTS = Counter("sage_server_lockouts_total", "Tries refused unseen, since too many wrong ones came before.", ["kind"])


class LockOut(StrEnum):
    """What was tried too often."""

    SIGN_IN = "sign_in"
    CLIENT = "client"


for each in LockOut:
    LOCKOUTS.labels(each)  # So that it is there, as 0, before the first.


@contextmanager
def locking_out(kind: LockOut) -> Iterator[None]:
    """The refusals of the limits in here are counted as lock-outs."""
    try:
        yield
    except TooManyRequests:
        LOCKOUTS.labels(kind).inc()
        raise


@dataclass(frozen=True)
class Limit:
    """At most `amount` acts within `window` for one subject."""

    name: str
    amount: int
    window: timedelta


def keyed_digest(*parts: str) -> str:
    """What is stored of a short or guessable text, such as a name, an address or a mailed code.

    Whoever has a copy of the database, and not SECRET_KEY, cannot find the text by trying all that it could be.
    """
    return hashlib.blake2b("\0".join(parts).encode(), key=settings.SECRET_KEY.encode()[:64], digest_size=32).hexdigest()


def check(limit: Limit, subject: str, *, at: datetime, detail: str | None = None) -> None:
    """Raise TooManyRequests when the limit is reached at this moment."""
    _refuse_beyond(limit, subject, detail, at=at, room=1)


@dataclass(frozen=True)
class Act:
    """An act that is about to be done, and its limit. With `by_detail` it is counted with acts of the same `detail` alone.

    `account` and `client_key` are stored as they are, for staff to see.
    """

    limit: Limit
    subject: str
    detail: str = ""
    by_detail: bool = False
    account: str = ""
    client_key: str = ""


def take(*acts: Act, judged_too: Sequence[Act] = ()) -> list[int]:
    """Write the acts down, and answer their row ids. `judged_too` are further limits that the same rows count under.

    Raises TooManyRequests, and forgets them all, when one of them is one too many.
    """
    now = timezone.now()
    rows = [
        LimitedAct.objects.create(
            limit=act.limit.name,
            subject=keyed_digest(act.subject),
            detail=keyed_digest(act.detail) if act.detail else "",
            account=act.account,
            client_key=act.client_key,
            at=now,
        )
        for act in acts
    ]
    kept = [row.pk for row in rows]
    try:
        for act in [*acts, *judged_too]:
            _refuse_beyond(act.limit, act.subject, act.detail if act.by_detail else None, at=now, room=0)
    except TooManyRequests:
        take_back(kept)
        raise
    return kept


def take_back(acts: list[int]) -> None:
    for act in acts:
        # One row is one statement. Around several, Django would open a transaction.
        LimitedAct(pk=act).delete()


def acts_of(limit: Limit, subject: str) -> LimitedActQuerySet:
    return LimitedAct.objects.filter(limit=limit.name, subject=keyed_digest(subject))


def forget(limit: Limit, subject: str) -> bool:
    """False where there was nothing to forget."""
    return bool(acts_of(limit, subject).delete()[0])


def _refuse_beyond(limit: Limit, subject: str, detail: str | None, *, at: datetime, room: int) -> None:
    """`room` is how many acts there must still be room for: 1 before an act is written down, 0 afterwards."""
    acts = acts_of(limit, subject).since(at - limit.window)
    if detail is not None:
        acts = acts.filter(detail=keyed_digest(detail))
    moments = list(acts.order_by("-at").values_list("at", flat=True)[: limit.amount + 1 - room])
    if len(moments) + room > limit.amount:
        # `moments` begins with the newest. When the act at this place has left the window, there is room for one more.
        oldest = moments[limit.amount - room]
        raise TooManyRequests(max(1.0, (oldest + limit.window - at).total_seconds()))

"""Which rows of usage have run out, and which stay of a user who is deleted."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import QuerySet

from system.usage.days import today
from system.usage.models import DailySession, DailyUsage, UsageCaller, UsageEvent, UsageName


def _kept() -> timedelta:
    return timedelta(days=settings.SAGE_USAGE_KEEP_DAYS)


def _callers(user_id: str) -> QuerySet[UsageCaller]:
    """The one of the user themselves. Of clients that report for them nothing is theirs but the events."""
    rows: QuerySet[UsageCaller] = UsageCaller.objects.filter(kind=UsageCaller.Kind.USER, name=user_id)
    return rows


# By the name of the kind: the rows that had run out at a moment. Events go by when they came: an id must not count again for the
# whole time, however old its event was. Sums stay.
PRUNABLE: dict[str, Callable[[datetime], QuerySet[Any]]] = {
    "usage events": lambda at: UsageEvent.objects.filter(received_at__lt=at - _kept()),
    "usage names": lambda at: UsageName.objects.filter(first_day__lt=today(at) - _kept()),
}

# By the name of the kind: the rows about a user's id. The caller goes before the events: once its row is gone no event comes to
# it, so that none is left of a caller that is not there.
OF_USER: dict[str, Callable[[str], QuerySet[Any]]] = {
    "usage names": lambda user_id: UsageName.objects.filter(caller__in=_callers(user_id).values("pk")),
    "usage callers": _callers,
    "usage events": lambda user_id: UsageEvent.objects.filter(user_id=user_id),
    "usage by day": lambda user_id: DailyUsage.objects.filter(user_id=user_id),
    "sessions by day": lambda user_id: DailySession.objects.filter(user_id=user_id),
}

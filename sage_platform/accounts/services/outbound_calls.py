"""Limits the calls that we make to addresses which users give us: how often for each user, and how many at once.

Nobody waits for a slot, and there are few: so calls to a slow vendor cannot take up the threads that answer everybody else.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from threading import BoundedSemaphore

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from sage_platform.accounts.models import User
from sage_platform.accounts.services.limits import Act, Limit, take
from sage_platform.api.errors import TooManyRequests
from sage_platform.api.waiting import waiting

slots = BoundedSemaphore(settings.SAGE_PROBE_CONCURRENCY)
BUSY_SECONDS = 5


def rate_limit() -> Limit:
    amount, window = settings.SAGE_PROBE_RATE
    return Limit("outbound-call", amount, window)


@contextmanager
def outbound_call(user: User) -> Iterator[None]:
    """Hold a slot for one call of one route, and count it for this user. Raises TooManyRequests at once.

    The slot comes first, since it costs nothing to ask for; who is refused one has not used up their rate.
    """
    with slot():
        take(Act(rate_limit(), str(user.pk)))
        with waiting():  # Once more: the count has taken a database connection again.
            yield


@contextmanager
def slot() -> Iterator[None]:
    """One of SAGE_PROBE_CONCURRENCY slots of this process; raises TooManyRequests at once when none is free."""
    if not slots.acquire(blocking=False):
        raise TooManyRequests(BUSY_SECONDS, _("Too many checks are running at the moment. Please try again in a few seconds."))
    try:
        with waiting():
            yield
    finally:
        slots.release()


@contextmanager
def free_slots(most: int) -> Iterator[int]:
    """Hold the slots that are free, `most` of them at most, and say how many; raises TooManyRequests when there is none."""
    with ExitStack() as held:
        held.enter_context(slot())
        amount = 1
        with suppress(TooManyRequests):
            while amount < most:
                held.enter_context(slot())
                amount += 1
        yield amount

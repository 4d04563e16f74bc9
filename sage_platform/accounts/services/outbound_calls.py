"""Limits the calls that we make to addresses which users give us: how often for each user, and how many at once.

Nobody waits for a slot, and there are few: so calls to a slow vendor cannot take up the threads that answer everybody else. One
user holds a quarter of them at most: so a vendor that hangs stops the checks of its own user and of nobody else.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from sage_platform.accounts.models import User
from sage_platform.accounts.services.limits import Act, Limit, take
from sage_platform.accounts.services.slots import Slots
from sage_platform.api.errors import TooManyRequests
from sage_platform.api.waiting import waiting

BUSY = _("Too many requests to other servers are running at the moment. Please try again in a few seconds.")
SHARE_TAKEN = _("Your other requests to servers are still running. Please wait until one of them has ended.")


slots = Slots(settings.SAGE_PROBE_CONCURRENCY, busy=BUSY, share_taken=SHARE_TAKEN)


def rate_limit() -> Limit:
    amount, window = settings.SAGE_PROBE_RATE
    return Limit("outbound-call", amount, window)


@contextmanager
def outbound_call(user: User) -> Iterator[None]:
    """Hold a slot for one call of one route, and count it for this user. Raises TooManyRequests at once.

    The slot comes first, since it costs nothing to ask for; who is refused one has not used up their rate.
    """
    with slot(user):
        take(Act(rate_limit(), str(user.pk)))
        with waiting():  # Once more: the count has taken a database connection again.
            yield


@contextmanager
def slot(user: User) -> Iterator[None]:
    """One of SAGE_PROBE_CONCURRENCY slots of this process; raises TooManyRequests at once when there is none for this user."""
    with slots.held(user.pk), waiting():
        yield


@contextmanager
def free_slots(user: User, *, most: int) -> Iterator[int]:
    """Hold the slots that this user may have, `most` of them at most, and say how many; raises TooManyRequests without one."""
    with ExitStack() as held:
        held.enter_context(slot(user))
        amount = 1
        with suppress(TooManyRequests):
            while amount < most:
                held.enter_context(slot(user))
                amount += 1
        yield amount

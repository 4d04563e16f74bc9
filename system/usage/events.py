"""What callers send of usage, and what of it is refused."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Literal

from django.conf import settings
from django.utils.translation import gettext as _
from msgspec import Meta, Struct

from sage_platform.api.errors import InvalidInput
from sage_platform.api.structs import text
from system.usage.models import LONGEST_NAME

MOST_EVENTS = 1000
AHEAD = timedelta(days=1)

Name = Annotated[str, text(1, LONGEST_NAME)]
OptionalName = Annotated[str, text(0, LONGEST_NAME)]
UserId = Annotated[str, text(1, 64)]
OptionalUserId = Annotated[str, text(0, 64)]
Tokens = Annotated[int, Meta(ge=0, le=10**12)]


class Event(Struct, kw_only=True, frozen=True):
    """`cached_tokens` are a part of input, `reasoning_tokens` of output. Null is as good as left out."""

    event_id: Annotated[Name, Meta(description="Unique for the caller: the same id counts once.")]
    agent_id: Name
    session_id: Name
    action: Name
    user_id: Annotated[UserId, Meta(description="Whoever used it; without one, whoever reports.")] | None = None
    count: Annotated[int, Meta(ge=1, le=10**6)] | None = None
    request_source: OptionalName | None = None
    input_tokens: Tokens | None = None
    output_tokens: Tokens | None = None
    cached_tokens: Tokens | None = None
    reasoning_tokens: Tokens | None = None
    model: Annotated[OptionalName, Meta(description="A call of a model names it.")] | None = None
    occurred_at: Annotated[datetime, Meta(tz=True, description="Without one, now.")] | None = None


class Batch(Struct, frozen=True):
    events: Annotated[list[Event], Meta(min_length=1, max_length=MOST_EVENTS)]


class UsageQuestion(Struct, frozen=True):
    """`usage-stats`. `days` below 1 acts as 1, above 365 as 365."""

    days: int
    agent_id: OptionalName | None = None


class TokenQuestion(Struct, frozen=True, kw_only=True):
    """`token-usage/stats`. Days are inclusive, UTC. Null and the empty text are as good as left out."""

    dimension: Literal["agent", "user", "session"]
    user_id: OptionalUserId | None = None
    agent_id: OptionalName | None = None
    session_id: OptionalName | None = None
    request_source: OptionalName | None = None
    start_date: date | None = None
    end_date: date | None = None

    def check(self) -> None:
        """Both dates or neither, and neither only of one session. Raises InvalidInput."""
        if (self.start_date is None) != (self.end_date is None):
            raise InvalidInput([("end_date" if self.start_date else "start_date", _("Send both dates, or neither."))])
        if self.start_date is None and not (self.dimension == "session" and self.session_id):
            raise InvalidInput(
                [("start_date", _("Send both dates. They may be left out with the dimension session and a session_id."))]
            )
        if self.start_date and self.end_date and self.end_date < self.start_date:
            raise InvalidInput([("end_date", _("The end is before the start."))])


def check_times(events: Sequence[Event], *, at: datetime) -> None:
    """Raises InvalidInput for the first that is too old to be told from one that counted already, or is of the future."""
    oldest, newest = at - timedelta(days=settings.SAGE_USAGE_KEEP_DAYS), at + AHEAD
    for index, event in enumerate(events):
        if event.occurred_at is not None and not oldest <= event.occurred_at <= newest:
            message = _("No longer ago than %(days)d days, and at most a day ahead.") % {"days": settings.SAGE_USAGE_KEEP_DAYS}
            raise InvalidInput([(f"events.{index}.occurred_at", message)])


def today(at: datetime) -> date:
    """Days are UTC whatever the server's zone is."""
    return at.astimezone(UTC).date()


def last_days(days: int, *, at: datetime) -> Iterator[date]:
    """Oldest first, today included."""
    return (today(at) - timedelta(days=back) for back in range(days - 1, -1, -1))

"""What callers send of usage, and what of it is refused."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Annotated, Literal

from django.conf import settings
from django.utils.translation import gettext as _
from msgspec import Meta, Struct

from sage_platform.api.errors import InvalidInput
from sage_platform.api.structs import DAY_OR_EMPTY, day_or_none, text
from system.usage.models import LONGEST_NAME

MOST_EVENTS = 1000
AHEAD = timedelta(days=1)

Name = Annotated[str, text(1, LONGEST_NAME)]
OptionalName = Annotated[str, text(0, LONGEST_NAME)]
UserId = Annotated[str, text(1, 64)]
OptionalUserId = Annotated[str, text(0, 64)]
OptionalDay = Annotated[str, Meta(pattern=DAY_OR_EMPTY)]
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
    """`usage-stats`."""

    days: Annotated[int, Meta(description="The last days, today (UTC) included. Below 1 acts as 1, above 365 as 365.")]
    agent_id: OptionalName | None = None


class TokenQuestion(Struct, frozen=True, kw_only=True):
    """`token-usage/stats`. Both dates or neither, and neither only for the dimension `session` with a `session_id`. Null and the
    empty text are as good as left out, so that a form sends its fields as they are.
    """

    dimension: Literal["agent", "user", "session"]
    user_id: Annotated[OptionalUserId, Meta(description="An administrator's. Others see only themselves.")] | None = None
    agent_id: OptionalName | None = None
    session_id: OptionalName | None = None
    request_source: OptionalName | None = None
    start_date: Annotated[OptionalDay, Meta(description="The first day, UTC, such as 2026-01-31.")] | None = None
    end_date: Annotated[OptionalDay, Meta(description="The last day, which is included.")] | None = None

    def days(self) -> tuple[date, date] | None:
        """The first and the last; None of one session, whenever it was. Raises InvalidInput."""
        first, last = day_or_none(self.start_date, "start_date"), day_or_none(self.end_date, "end_date")
        if first and last:
            if last < first:
                raise InvalidInput([("end_date", _("The end is before the start."))])
            return first, last
        if first or last:
            raise InvalidInput([("end_date" if first else "start_date", _("Send both dates, or neither."))])
        if self.dimension == "session" and self.session_id:
            return None
        raise InvalidInput(
            [("start_date", _("Send both dates. They may be left out with the dimension session and a session_id."))]
        )


def check_times(events: Sequence[Event], *, at: datetime) -> None:
    """Raises InvalidInput for the first that is too old to be told from one that counted already, or is of the future."""
    oldest, newest = at - timedelta(days=settings.SAGE_USAGE_KEEP_DAYS), at + AHEAD
    for index, event in enumerate(events):
        if event.occurred_at is not None and not oldest <= event.occurred_at <= newest:
            message = _("No longer ago than %(days)d days, and at most a day ahead.") % {"days": settings.SAGE_USAGE_KEEP_DAYS}
            raise InvalidInput([(f"events.{index}.occurred_at", message)])

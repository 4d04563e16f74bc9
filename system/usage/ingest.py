"""Storing a batch of events: each counts once, however often and however many at a time it is sent."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext as _
from rest_framework.exceptions import PermissionDenied

from sage_platform.accounts.models import User
from sage_platform.accounts.services.limits import Limit
from sage_platform.api.errors import InvalidInput, TooManyRequests
from sage_platform.telemetry.operations import Operation
from sage_platform.turns import turns
from system.usage.days import today
from system.usage.events import Event, check_times
from system.usage.models import DailySession, DailyUsage, UsageCaller, UsageEvent, UsageName
from system.usage.storing import LARGE, storing
from system.usage.upserts import Rows, add_up, insert_new

PER_CALLER = Limit("usage-batches", 600, timedelta(minutes=1))
# Of these, as many as one counts that the day has no room for: its rows were inserted and taken back.
FULL_COSTS = 60
# Of a plain user: an account that was made in a minute must not fill the disk.
EVENTS_OF_A_DAY = 100_000
NAMES_OF_A_DAY = 10_000
# New rows of both tables of sums, which are never removed by age.
SUMS_OF_A_DAY = 20_000

EVENT_FIELDS = (
    "caller", "event_id", "user_id", "agent_id", "session_id", "action", "request_source", "model", "count",
    "input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens", "occurred_at", "received_at",
)  # fmt: skip
OF_MINUTE, OF_DAY = ["minute_began", "batches"], ["day", "events_of_day", "names_of_day", "sums_of_day"]
USAGE_KEY = ("user_id", "day", "agent_id", "action", "model")
USAGE_FIELDS = (*USAGE_KEY, "calls", "input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens")
SESSION_KEY = ("user_id", "day", "session_id", "agent_id", "request_source")
SESSION_FIELDS = (*SESSION_KEY, "model_calls", "input_tokens", "output_tokens", "started_at", "finished_at")

# Goes through what it is given, with pauses if need be.
Paced = Callable[[Iterable[Any]], Iterable[Any]]


@dataclass(frozen=True)
class Reporter:
    """Who sends a batch. A client that asks for itself has no user."""

    kind: UsageCaller.Kind
    name: str
    user: User | None = None

    @property
    def is_bounded(self) -> bool:
        return self.user is not None and not self.user.is_admin


@dataclass(frozen=True)
class Ingested:
    accepted: int
    duplicates: int


@dataclass(frozen=True)
class Sums:
    """Rows of the two tables of sums, in the order of their keys."""

    usage: Rows
    sessions: Rows


@dataclass(frozen=True)
class Batch:
    """Events with their users by event id, their rows without the caller, and what all of them add to the sums."""

    events: Mapping[str, tuple[Event, str]]
    rows: Rows
    sums: Sums


@Operation("usage", "ingest")
def ingest(reporter: Reporter, events: Sequence[Event], *, at: datetime) -> Ingested:
    """All of them or none. Raises InvalidInput, PermissionDenied or TooManyRequests, in this order."""
    check_times(events, at=at)
    users = _users(reporter, events)
    # Of two with one id in a batch the first counts.
    first = {event.event_id: (event, user_id) for event, user_id in zip(reversed(events), reversed(users), strict=True)}
    if len(events) >= LARGE:
        _refuse_early(reporter, at)
    with storing.alone(len(events)):
        # Before the transaction, which keeps SQLite's one lock for writing: in it nothing pauses.
        batch = _prepared(first, at)
        accepted = _committed(reporter, batch, at)
    return Ingested(accepted, duplicates=len(events) - accepted)


def _committed(reporter: Reporter, batch: Batch, at: datetime) -> int:
    full = None
    with transaction.atomic():
        caller = _locked(reporter)
        _count_batch(caller, at)
        try:
            with transaction.atomic(savepoint=reporter.is_bounded):
                accepted = _store(caller, batch, at, is_bounded=reporter.is_bounded)
        except TooManyRequests as refusal:
            full = refusal
            caller.batches += FULL_COSTS - 1
            caller.save(update_fields=OF_MINUTE)
        else:
            caller.save(update_fields=[*OF_MINUTE, *OF_DAY])
    if full:
        raise full
    return accepted


def _users(reporter: Reporter, events: Sequence[Event]) -> list[str]:
    """Whose each event is. A client that asks for itself names any user, all others only themselves."""
    if reporter.user is None:
        named = {event.user_id for event in events if event.user_id}
        known = set(User.objects.filter(pk__in=named).values_list("pk", flat=True))
        for index, event in enumerate(events):
            if event.user_id is None:
                raise InvalidInput([(f"events.{index}.user_id", _("This field is required."))])
            if event.user_id not in known:
                raise InvalidInput([(f"events.{index}.user_id", _("There is no such user."))])
        return [event.user_id or "" for event in events]
    own: str = reporter.user.pk
    if any(event.user_id not in {None, own} for event in events):
        raise PermissionDenied
    return [own] * len(events)


def _locked(reporter: Reporter) -> UsageCaller:
    """The caller's row, locked until the transaction ends."""
    rows = UsageCaller.objects.select_for_update()
    found: UsageCaller | None = rows.filter(kind=reporter.kind, name=reporter.name).first()
    return found or rows.get_or_create(kind=reporter.kind, name=reporter.name)[0]


def _refuse_early(reporter: Reporter, at: datetime) -> None:
    """Before any work is done for a batch that its caller's minute has no room for. It is counted, and judged again, later."""
    found = UsageCaller.objects.filter(kind=reporter.kind, name=reporter.name).first()
    if found is not None:
        _count_batch(found, at)


def _count_batch(caller: UsageCaller, at: datetime) -> None:
    """In the object alone."""
    began = caller.minute_began
    # Those that come at once do not get here in the order of their times.
    if began is None or abs(at - began) >= PER_CALLER.window:
        caller.minute_began, caller.batches = at, 0
    elif caller.batches >= PER_CALLER.amount:
        raise TooManyRequests((began + PER_CALLER.window - at).total_seconds())
    caller.batches += 1


def _prepared(events: Mapping[str, tuple[Event, str]], at: datetime) -> Batch:
    """`events` are by their id, each with its user. Others run between pieces of them."""
    stored, received = connection.ops.adapt_datetimefield_value, _time(at)
    # In UTC: PostgreSQL reads offsets up to 15:59 alone.
    rows = [
        (event_id, user_id, *_of_event(event), stored((event.occurred_at or at).astimezone(UTC)), received)
        for event_id, (event, user_id) in turns.giving_way(events.items())
    ]
    return Batch(events, rows, _sums_of(events.values(), at, paced=turns.giving_way))


def _store(caller: UsageCaller, batch: Batch, at: datetime, *, is_bounded: bool) -> int:
    """How many of these events were not there yet. Only they are added to the sums."""
    rows = [(caller.pk, *row) for row in batch.rows]
    new = insert_new(UsageEvent, EVENT_FIELDS, rows, unique=["event_id", "caller"], returning="event_id")
    counted = [batch.events[event_id] for event_id in new]
    sums = batch.sums if len(new) == len(rows) else _sums_of(counted, at)
    added = add_up(DailyUsage, USAGE_FIELDS, sums.usage, unique=USAGE_KEY, count_new=is_bounded)
    times = {"least": "started_at", "greatest": "finished_at"}
    added += add_up(DailySession, SESSION_FIELDS, sums.sessions, unique=SESSION_KEY, **times, count_new=is_bounded)
    if is_bounded and new:
        _count_day(caller, [event for event, _user_id in counted], added, at)
    return len(new)


def _count_day(caller: UsageCaller, events: Sequence[Event], sums: int, at: datetime) -> None:
    """`sums` is how many rows of sums these events have added."""
    day = today(at)
    # One of before midnight may get here after one of after it.
    if caller.day not in {day, day + timedelta(days=1)}:
        caller.day, caller.events_of_day, caller.names_of_day, caller.sums_of_day = day, 0, 0, 0
    names = {pair for event in events for pair in _names(event)}
    rows = [(caller.pk, int(kind), name, _date(day)) for kind, name in sorted(names)]
    fields = ("caller", "kind", "name", "first_day")
    caller.events_of_day += len(events)
    caller.names_of_day += len(insert_new(UsageName, fields, rows, unique=["caller", "kind", "name"], returning="id"))
    caller.sums_of_day += sums
    bounds = {"events": EVENTS_OF_A_DAY, "names": NAMES_OF_A_DAY, "sums": SUMS_OF_A_DAY}
    if any(getattr(caller, f"{kind}_of_day") > most for kind, most in bounds.items()):
        tomorrow = datetime.combine(day + timedelta(days=1), datetime.min.time(), tzinfo=UTC)
        message = _(
            "That is more than a day has room for: %(events)d events, %(names)d new agents, sessions and actions, %(sums)d new "
            "combinations of names. The next day begins at midnight UTC."
        )
        raise TooManyRequests((tomorrow - at).total_seconds(), message % bounds)


def _names(event: Event) -> tuple[tuple[UsageName.Kind, str], ...]:
    kinds = UsageName.Kind
    return (kinds.AGENT, event.agent_id), (kinds.SESSION, event.session_id), (kinds.ACTION, event.action)


def _of_event(event: Event) -> tuple[Any, ...]:
    """Its columns from the agent to the tokens."""
    return (
        event.agent_id, event.session_id, event.action, event.request_source or "", event.model or "", event.count or 1,
        event.input_tokens or 0, event.output_tokens or 0, event.cached_tokens or 0, event.reasoning_tokens or 0,
    )  # fmt: skip


def _sums_of(events: Iterable[tuple[Event, str]], at: datetime, *, paced: Paced = iter) -> Sums:
    usage: dict[tuple[str, ...], tuple[int, ...]] = {}
    sessions: dict[tuple[str, ...], tuple[int, ...]] = {}
    times: dict[tuple[str, ...], list[datetime]] = {}
    for event, user_id in paced(events):
        agent, session, action, source, model, calls, *tokens = _of_event(event)
        occurred = (event.occurred_at or at).astimezone(UTC)
        day = occurred.date().isoformat()
        _add(usage, (user_id, day, agent, action, model), (calls, *tokens))
        key = (user_id, day, session, agent, source)
        _add(sessions, key, (calls if model else 0, *tokens[:2]))
        times.setdefault(key, []).append(occurred)
    return Sums(
        [(*key, *sums) for key, sums in paced(sorted(usage.items()))],
        [(*key, *sums, _time(min(times[key])), _time(max(times[key]))) for key, sums in paced(sorted(sessions.items()))],
    )


def _add(sums: dict[tuple[str, ...], tuple[int, ...]], key: tuple[str, ...], numbers: tuple[int, ...]) -> None:
    known = sums.get(key)
    sums[key] = tuple(map(int.__add__, known, numbers)) if known else numbers


def _time(value: datetime) -> Any:
    """As the database's driver takes it, which Django would see to if these were its own statements."""
    return connection.ops.adapt_datetimefield_value(value)


def _date(value: Any) -> Any:
    return connection.ops.adapt_datefield_value(value)

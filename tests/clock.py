"""The platform's time, which a test moves on, or stops at a moment of its choice."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from time import sleep

import pytest
from django.utils import timezone


def begin_after_midnight(seconds: float) -> None:
    """Where processes with the real time take so long for what must be of one day (UTC), and it is nearly over."""
    now = datetime.now(UTC)
    left = (datetime.combine(now.date(), time.max, UTC) - now).total_seconds()
    if left < seconds:
        sleep(left + 0.1)


@dataclass
class Clock:
    ahead: timedelta = timedelta()
    stopped_at: datetime | None = None

    def forward(self, **by: float) -> None:
        self.ahead += timedelta(**by)

    def set(self, moment: str) -> None:
        """Stop it, such as at 2026-11-28T12:00:00Z; from then on `forward` alone moves it. So dates in a test stay good for ever.

        Whoever signed in before is signed in at their own time: a test does so after this.
        """
        self.stopped_at, self.ahead = datetime.fromisoformat(moment), timedelta()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    moved = Clock()
    real = timezone.now

    def now() -> datetime:
        return (moved.stopped_at or real()) + moved.ahead

    monkeypatch.setattr("django.utils.timezone.now", now)
    return moved


@pytest.fixture
def noon(clock: Clock) -> Clock:
    """It is 2026-11-28, 12:00 UTC. Files name it by `usefixtures`, so that it comes before anybody signs in."""
    clock.set("2026-11-28T12:00:00Z")
    return clock

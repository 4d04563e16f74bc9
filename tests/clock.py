"""The platform's time, which a test moves on."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from django.utils import timezone


@dataclass
class Clock:
    """The platform's time, which a test moves on."""

    ahead: timedelta = timedelta()

    def forward(self, **by: float) -> None:
        self.ahead += timedelta(**by)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    moved = Clock()
    real = timezone.now

    def now() -> datetime:
        return real() + moved.ahead

    monkeypatch.setattr("django.utils.timezone.now", now)
    return moved

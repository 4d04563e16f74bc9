"""Ranges of days. They are UTC whatever the server's zone is."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Self

# What people choose among, and what they see until they do.
PRESETS = (7, 30, 90, 365)
USUAL = 30


def today(at: datetime) -> date:
    return at.astimezone(UTC).date()


@dataclass(frozen=True)
class Days:
    """From the first to the last, both included."""

    first: date
    last: date

    @classmethod
    def until_today(cls, amount: int, *, at: datetime) -> Self:
        """So many, today included."""
        last = today(at)
        return cls(last - timedelta(days=amount - 1), last)

    def __iter__(self) -> Iterator[date]:
        return (self.first + timedelta(days=number) for number in range(len(self)))

    def __len__(self) -> int:
        return (self.last - self.first).days + 1

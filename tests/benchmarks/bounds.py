"""Bounds as data, and the judging of what was measured. There is no tolerance: what counts is the median of the rounds."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Bound:
    least: float | None = None
    most: float | None = None

    def holds(self, value: float) -> bool:
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)

    def __str__(self) -> str:
        parts = [("≥", self.least), ("≤", self.most)]
        return ", ".join(f"{sign} {limit:g}" for sign, limit in parts if limit is not None)


@dataclass(frozen=True)
class Figure:
    """One number and what it should be; without a bound it is there to be read."""

    name: str
    value: float
    bound: Bound | None = None

    @property
    def holds(self) -> bool:
        return self.bound is None or self.bound.holds(self.value)


class BenchError(Exception):
    """The bench cannot measure: a tool is missing, or an answer was no success. The text is for the person at the terminal."""

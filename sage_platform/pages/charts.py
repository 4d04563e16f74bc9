"""A bar chart of days, drawn on the server as SVG (pages/chart.html), with a table of the same numbers.

Everything in it is placed in percent, so that it is as wide as its place while letters keep their size. No script, no inline
style: both are against the security policies of the pages that show it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from sage_platform.api.errors import Message
from sage_platform.pages.numbers import grouped, short

# More bars than this are too thin on a phone. Then each of them stands for a week.
MOST_BARS = 120
WEEK = 7
# Labels under the bars. On a phone every other one of them is left out.
LABELS = 7
# Of the height and of the width, in percent. Whatever is not zero is seen, if as a line alone.
LEAST_HEIGHT, GREATEST_WIDTH, BAR_OF_ITS_PLACE = 0.7, 12.0, 0.78


@dataclass(frozen=True)
class Column:
    """What one bar stands for: the days, and a number for each part of it, from the bottom up."""

    first: date
    last: date
    values: Sequence[int]

    @property
    def total(self) -> int:
        return sum(self.values)

    @property
    def label(self) -> str:
        if self.first == self.last:
            return in_words(self.first)
        return _("%(first)s to %(last)s") % {"first": in_words(self.first), "last": in_words(self.last)}

    @property
    def numbers(self) -> list[str]:
        """The cells of its row in the table."""
        return [grouped(value) for value in (*self.values, self.total)]


@dataclass(frozen=True)
class Part:
    look: str
    y: str
    height: str


@dataclass(frozen=True)
class Bar:
    place: str
    room: str
    x: str
    width: str
    title: str
    parts: Sequence[Part]


@dataclass(frozen=True)
class Label:
    """A day below its bar. `year` stands in a second line, of the first and the last day of two years."""

    x: str
    anchor: str
    text: str
    year: str
    between: bool


@dataclass(frozen=True)
class Chart:
    """`key` is its own on the page. `parts` are what a bar is made of, from the bottom up: the class, and what it is called."""

    key: str
    title: Message
    parts: Sequence[tuple[str, Message]]
    days: Sequence[Column]
    nothing: Message

    @cached_property
    def columns(self) -> Sequence[Column]:
        """The days, or weeks that end with the last day, so that it is the first one that may be shorter."""
        if len(self.days) <= MOST_BARS:
            return self.days
        weeks = [self.days[max(end - WEEK, 0) : end] for end in range(len(self.days), 0, -WEEK)]
        return [_added_up(week) for week in reversed(weeks)]

    @property
    def is_empty(self) -> bool:
        return not any(column.total for column in self.columns)

    @property
    def head(self) -> list[Message]:
        """Of the table, after the name of the day."""
        return [*(name for _look, name in self.parts), _("Total")]

    @property
    def caption(self) -> str:
        if self.columns is self.days:
            return _("A bar for each day, UTC.")
        length = (self.columns[0].last - self.columns[0].first).days + 1
        about = _("A bar for every seven days, UTC.")
        if length == WEEK:
            return about
        return f"{about} " + ngettext("The first is of %(days)d day.", "The first is of %(days)d days.", length) % {
            "days": length
        }

    @property
    def summary(self) -> str:
        """For those who do not see it."""
        most = max(self.columns, key=lambda column: column.total)
        text = _("%(title)s, %(first)s to %(last)s: %(total)s in all, at most %(most)s (%(when)s).")
        return text % {
            "title": self.title,
            "first": in_words(self.columns[0].first),
            "last": in_words(self.columns[-1].last),
            "total": grouped(sum(column.total for column in self.columns)),
            "most": grouped(most.total),
            "when": most.label,
        }

    @cached_property
    def _ticks(self) -> Sequence[int]:
        return round_ticks(max(column.total for column in self.columns))

    @property
    def ticks(self) -> list[tuple[str, str]]:
        """Where a line is drawn, and its number; the highest first."""
        top = self._ticks[-1]
        return [(_percent(100 * (top - tick) / top), short(tick)) for tick in reversed(self._ticks)]

    @property
    def bars(self) -> list[Bar]:
        room = 100 / len(self.columns)
        width = min(room * BAR_OF_ITS_PLACE, GREATEST_WIDTH)
        return [
            Bar(
                place=_percent(number * room),
                room=_percent(room),
                x=_percent((number + 0.5) * room - width / 2),
                width=_percent(width),
                title=f"{column.label}: " + ", ".join(self._told(column)),
                parts=self._parts(column),
            )
            for number, column in enumerate(self.columns)
        ]

    def _told(self, column: Column) -> list[str]:
        return [f"{name} {grouped(value)}" for (_look, name), value in zip(self.parts, column.values, strict=True)]

    def _parts(self, column: Column) -> list[Part]:
        drawn, below, top = [], 0.0, self._ticks[-1]
        for (look, _name), value in zip(self.parts, column.values, strict=True):
            if not value:
                continue
            height = min(max(100 * value / top, LEAST_HEIGHT), 100 - below)
            below += height
            drawn.append(Part(look, y=_percent(100 - below), height=_percent(height)))
        return drawn

    @property
    def labels(self) -> list[Label]:
        """The first and the last day, and some between them."""
        amount = len(self.columns)
        few = amount <= LABELS
        spots = range(amount) if few else [round(step * (amount - 1) / (LABELS - 1)) for step in range(LABELS)]
        room, labels = 100 / amount, list[Label]()
        for step, spot in enumerate(spots):
            at_last = not few and spot == amount - 1
            at_first = not few and spot == 0
            day = self.columns[spot].last if at_last else self.columns[spot].first
            labels.append(
                Label(
                    x=_percent((spot + (0 if at_first else 1 if at_last else 0.5)) * room),
                    anchor="start" if at_first else "end" if at_last else "middle",
                    text=formats.date_format(day, pgettext("a day below a bar", "M j")),
                    year=str(day.year) if self._crosses_years and step in {0, len(spots) - 1} else "",
                    between=amount > LABELS // 2 and step % 2 == 1 and step != len(spots) - 1,
                )
            )
        return labels

    @property
    def _crosses_years(self) -> bool:
        return self.columns[0].first.year != self.columns[-1].last.year


def in_words(day: date) -> str:
    return str(formats.date_format(day, "DATE_FORMAT"))


def round_ticks(greatest: int) -> list[int]:
    """From zero to the greatest or beyond it, at most five steps of 1, 2 or 5 with zeros."""
    step, turn = 1, 0
    while step * 5 < greatest:
        step = step * 5 // 2 if turn % 3 == 1 else step * 2
        turn += 1
    steps = -(-max(greatest, 1) // step)
    return list(range(0, steps * step + 1, step))


def _added_up(columns: Sequence[Column]) -> Column:
    sums = [sum(values) for values in zip(*(column.values for column in columns), strict=True)]
    return Column(columns[0].first, columns[-1].last, sums)


def _percent(value: float) -> str:
    """With a point whatever the language."""
    return f"{value:.3f}%"

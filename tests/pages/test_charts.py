"""A bar chart of days: round numbers beside it, every number in its table, and bars that are seen however small."""

from collections.abc import Sequence
from datetime import date, timedelta

import pytest
from django.template.loader import render_to_string
from django.utils import translation

from sage_platform.pages.charts import Chart, Column, Label, Part, round_ticks
from sage_platform.pages.numbers import grouped, short

LAST = date(2026, 11, 28)


def chart(*totals: Sequence[int]) -> Chart:
    first = LAST - timedelta(days=len(totals) - 1)
    days = [first + timedelta(days=number) for number in range(len(totals))]
    columns = [Column(day, day, values) for day, values in zip(days, totals, strict=True)]
    return Chart("calls", "Calls", [("solid", "Read"), ("other", "Write")], columns, "No calls in these days.")


@pytest.mark.parametrize(
    ("greatest", "ticks"),
    [
        (0, [0, 1]),
        (1, [0, 1]),
        (3, [0, 1, 2, 3]),
        (6, [0, 2, 4, 6]),
        (11, [0, 5, 10, 15]),
        (1234, [0, 500, 1000, 1500]),
        (10**6, [0, 200_000, 400_000, 600_000, 800_000, 10**6]),
    ],
)
def test_the_numbers_beside_it_are_round(greatest: int, ticks: list[int]) -> None:
    assert round_ticks(greatest) == ticks


@pytest.mark.parametrize(
    ("value", "english", "chinese"),
    [
        (0, "0", "0"),
        (999, "999", "999"),
        (1000, "1k", "1,000"),
        (12_345, "12.3k", "1.2万"),
        (999_960, "1M", "100万"),
        (4_500_000, "4.5M", "450万"),
        (2_570_400_000, "2.6B", "25.7亿"),
        (2**63 - 1, "9,223,372T", "9,223,372万亿"),
    ],
)
def test_a_short_number(value: int, english: str, chinese: str) -> None:
    assert short(value) == english
    with translation.override("zh-hans"):
        assert short(value) == chinese


def test_digits_stand_in_groups_in_every_language() -> None:
    assert grouped(1_234_567) == "1,234,567"
    with translation.override("zh-hans"):
        assert grouped(1_234_567) == "1,234,567"


def test_one_day() -> None:
    one = chart([3, 1])
    [bar] = one.bars
    assert (bar.x, bar.width, bar.title) == ("44.000%", "12.000%", "Nov. 28, 2026: Read 3, Write 1")
    assert list(bar.parts) == [Part("solid", "25.000%", "75.000%"), Part("other", "0.000%", "25.000%")]
    assert one.labels == [Label("50.000%", "middle", "Nov 28", "", between=False)]
    assert one.ticks == [("0.000%", "4"), ("25.000%", "3"), ("50.000%", "2"), ("75.000%", "1"), ("100.000%", "0")]
    assert one.summary == "Calls, Nov. 28, 2026 to Nov. 28, 2026: 4 in all, at most 4 (Nov. 28, 2026)."


def test_what_is_small_beside_an_outlier_is_seen() -> None:
    low, high, none = chart([1, 0], [10**12, 0], [0, 0]).bars
    assert list(low.parts) == [Part("solid", "99.300%", "0.700%")]
    assert list(high.parts) == [Part("solid", "0.000%", "100.000%")]
    assert list(none.parts) == []


def test_nothing_is_said_in_words() -> None:
    html = render_to_string("pages/chart.html", {"chart": chart([0, 0], [0, 0])})
    assert "No calls in these days." in html
    assert "<svg" not in html
    assert "<table" not in html


def test_a_year_is_drawn_in_weeks_of_which_the_last_is_whole() -> None:
    year = chart(*([1, 2] for _day in range(365)))
    assert len(year.bars) == 53
    assert year.columns[0] == Column(date(2025, 11, 29), date(2025, 11, 29), [1, 2])
    assert year.columns[-1] == Column(date(2026, 11, 22), LAST, [7, 14])
    assert year.caption == "A bar for every seven days, UTC. The first is of 1 day."
    assert sum(column.total for column in year.columns) == 365 * 3
    first, *others, last = year.labels
    assert first == Label("0.000%", "start", "Nov 29", "2025", between=False)
    assert last == Label("100.000%", "end", "Nov 28", "2026", between=False)
    assert [label.text for label in others] == ["Jan 25", "Mar 22", "May 24", "Jul 26", "Sep 20"]


def test_its_table_has_every_number() -> None:
    html = render_to_string("pages/chart.html", {"chart": chart([1234567, 0], [1, 2])})
    assert '<th scope="row">Nov. 27, 2026</th><td>1,234,567</td><td>0</td><td>1,234,567</td>' in html
    assert '<th scope="row">Nov. 28, 2026</th><td>1</td><td>2</td><td>3</td>' in html
    assert 'role="img" aria-label="Calls, Nov. 27, 2026 to Nov. 28, 2026: 1,234,570 in all, at most 1,234,567 (' in html
    assert "style=" not in html
    assert "<script" not in html

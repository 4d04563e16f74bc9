"""A report as CSV, for spreadsheets and programs: a row for each line that people see of it.

The columns have the names of the API in every language, so that a formula or a program that was made for one sheet fits the next.
"""

import csv
import io
from collections.abc import Iterable, Iterator

from system.usage.report import Line, Report, Sums

HEAD = (
    "kind", "name", "username", "calls", "model_calls", "input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens",
    "total_tokens", "sessions",
)  # fmt: skip
# Without it Excel takes the file for one in the code page of the machine, and Chinese names are lost.
BYTE_ORDER_MARK = "\ufeff"
# What a spreadsheet may take for the beginning of a formula (https://owasp.org/www-community/attacks/CSV_Injection).
OF_FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")

Cell = str | int


def sheet(report: Report) -> str:
    """At most some thousand rows: the days of a year and a thousand lines of each ranking."""
    written = io.StringIO(BYTE_ORDER_MARK)
    written.seek(0, io.SEEK_END)
    # Each text is quoted, so that none is taken apart where a spreadsheet divides by semicolons.
    writer = csv.writer(written, quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow(HEAD)
    writer.writerows(rows(report))
    return written.getvalue()


def rows(report: Report) -> Iterator[list[Cell]]:
    first, last = report.days.first.isoformat(), report.days.last.isoformat()
    yield [*_row("total", f"{first}/{last}", "", report.sums), report.sessions]
    yield from _lines("day", report.by_day)
    rankings = (("agent", report.by_agent), ("user", report.by_user), ("action", report.by_action), ("model", report.by_model))
    for kind, ranking in rankings:
        yield from _lines(kind, ranking.lines)
        if ranking.more:
            yield [f"more_{kind}s", ranking.more, *[""] * (len(HEAD) - 2)]


def _lines(kind: str, lines: Iterable[Line]) -> Iterator[list[Cell]]:
    return ([*_row(kind, line.name, line.label, line.sums), ""] for line in lines)


def _row(kind: str, name: str, username: str, sums: Sums) -> list[Cell]:
    numbers = (sums.calls, sums.model_calls, sums.input_tokens, sums.cached_tokens, sums.output_tokens, sums.reasoning_tokens)
    return [kind, harmless(name), harmless(username), *numbers, sums.tokens]


def harmless(text: str) -> str:
    """With an apostrophe before what would be calculated: it is then shown as the text that it is."""
    return f"'{text}" if text.lstrip(" ").startswith(OF_FORMULAS) else text

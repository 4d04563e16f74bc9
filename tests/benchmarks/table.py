"""The report as Markdown, which is what is printed and what is kept."""

from collections.abc import Sequence
from statistics import median

from tests.benchmarks import machine
from tests.benchmarks.bounds import Bound, Figure
from tests.benchmarks.measure import QUIET, Measured, Report
from tests.benchmarks.routes import REFERENCE

ROUTE_HEADINGS = (
    "route",
    "rate ÷ bare Django view",
    "lowest–highest",
    "wanted",
    "rate ÷ bare WSGI callable",
    "p50 ÷ bare view",
    "p99 ÷ bare view",
    "memory, MiB",
    "peak, MiB",
    "queries (first)",
    "wanted",
    "",
)
SCENARIO_HEADINGS = ("scenario", "figure", "measured", "wanted", "")


def tables(report: Report) -> str:
    rows = [_route_cells(row, report) for row in (report.wsgi, *report.routes)]
    parts = [_told(report), _markdown(ROUTE_HEADINGS, rows)]
    if report.scenarios:
        parts.append(figures_table(report.scenarios))
    return "\n\n".join([*parts, verdict(report.missed)])


def figures_table(scenarios: Sequence[tuple[str, Sequence[Figure]]], *, digits: int = 1) -> str:
    cells = [_figure_cells(name, figure, digits) for name, found in scenarios for figure in found]
    return _markdown(SCENARIO_HEADINGS, cells)


def verdict(figures: Sequence[Figure]) -> str:
    missed = [f"- {figure.name}: {figure.value:.3g}, wanted {figure.bound}" for figure in figures]
    return "Every bound is kept." if not missed else "\n".join(["Missed:", *missed])


def _told(report: Report) -> str:
    plan, noise = report.plan, report.noise
    told = [
        f"{machine.kind()}, {report.database}, one worker.",
        f"Routes: medians of {plan.rounds} rounds of {plan.seconds:g} s.",
        f"During {noise.noisy} of {noise.taken} measurements others used more than {QUIET} of a core.",
        f"For scale: {REFERENCE} gave {report.reference_rate:,.0f} answers a second.",
    ]
    if report.scenarios:
        told.insert(2, f"Scenarios: medians of {plan.scenario_rounds} rounds of {plan.scenario_seconds:g} s.")
    return " ".join(told)


def _route_cells(row: Measured, report: Report) -> list[str]:
    route = row.route
    of_wsgi = median(own / wsgi for own, wsgi in zip(row.rates, report.wsgi.rates, strict=True))
    return [
        row.name,
        f"{row.rate:.2f}",
        f"{min(row.rates):.2f}–{max(row.rates):.2f}",
        _text(route.rate if route else None),
        f"{of_wsgi:.3f}",
        f"{median(row.p50s):.2f}",
        f"{median(row.p99s):.2f}",
        f"{row.resident:.0f}",
        f"{row.peak:.0f}",
        f"{row.queries[1]} ({row.queries[0]})" if row.queries else "",
        _text(route.queries if route else None),
        _mark(row.bounded),
    ]


def _figure_cells(scenario: str, figure: Figure, digits: int) -> list[str]:
    return [scenario, figure.name, f"{figure.value:.{digits}f}", _text(figure.bound), _mark([figure])]


def _text(bound: Bound | None) -> str:
    return str(bound) if bound else ""


def _mark(figures: Sequence[Figure]) -> str:
    if not any(figure.bound for figure in figures):
        return ""
    return "kept" if all(figure.holds for figure in figures) else "**missed**"


def _markdown(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(cell) for cell in column) for column in zip(headings, *rows, strict=True)]
    lines = [headings, ["-" * width for width in widths], *rows]
    padded = [[cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in padded)

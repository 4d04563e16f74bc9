"""Measure the routes against the bare ones and judge them; `make bench`. `--keep` writes the tables into docs/benchmarks.md."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks import machine
from tests.benchmarks.bounds import BenchError, Figure
from tests.benchmarks.crowds import PLACES, Place, by_turns, crowds
from tests.benchmarks.load import Drive, check_wrk, wrk
from tests.benchmarks.measure import QUIET, Noise, Plan, measure
from tests.benchmarks.routes import ROUTES, Route
from tests.benchmarks.scenarios import SCENARIOS, Scenario
from tests.benchmarks.table import figures_table, tables, verdict
from tests.benchmarks.usage import PLACES as USAGE_PLACES
from tests.benchmarks.usage import reports, usage
from tests.benchmarks.world import made
from tests.collector import collecting
from tests.e2e.served import ROOT

KEPT = ROOT / "docs" / "benchmarks.md"
HEADING = "## The last tables\n"
USAGE_HEADING = "## The last table of usage\n"
OBSERVED_HEADING = "## The last table with everything on\n"


def bench(
    routes: Sequence[Route],
    scenarios: Sequence[Scenario],
    places: Sequence[Place],
    *,
    drive: Drive,
    plan: Plan,
    keep: Path | None = None,
) -> int:
    """Measure, print and perhaps keep; 0 when every bound holds, else 1."""
    with made() as world:
        report = measure(world, routes, scenarios, drive, plan)
    report.scenarios.extend(crowds(places, drive, plan, report.noise))
    return conclude(tables(report), report.missed, keep, HEADING)


def bench_observed(routes: Sequence[Route], *, drive: Drive, plan: Plan, keep: Path | None = None) -> int:
    """As `bench`, of the routes alone, with a line in the log for each request and one of twenty traced to a collector."""
    with collecting() as collector:
        with made(SAGE_ACCESS_LOG="true", SAGE_TRACE_JAEGER_ENDPOINT=collector.url, SAGE_TRACE_SAMPLE="0.05") as world:
            report = measure(world, routes, [], drive, plan)
        if not collector.bodies:
            raise BenchError("No trace came to the collector.")
    return conclude(tables(report), report.missed, keep, OBSERVED_HEADING)


def bench_usage(places: Sequence[Place], events: int, *, drive: Drive, plan: Plan, keep: Path | None = None) -> int:
    """As `bench`, of usage alone."""
    noise = Noise(plan.spare_seconds)
    return tell(usage(places, events, drive, plan, noise), noise, keep)


def tell(found: Sequence[tuple[str, Sequence[Figure]]], noise: Noise, keep: Path | None) -> int:
    missed = [figure for _name, figures in found for figure in figures if not figure.holds]
    disturbed = f"During {noise.noisy} of {noise.taken} measurements others used more than {QUIET} of a core."
    told = f"{machine.kind()}, one worker. {disturbed}"
    return conclude("\n\n".join([told, figures_table(found, digits=2), verdict(missed)]), missed, keep, USAGE_HEADING)


def conclude(text: str, missed: Sequence[Figure], keep: Path | None, heading: str) -> int:
    """Print and perhaps keep; 0 when every bound holds, else 1."""
    print(text)
    if keep is not None:
        write(keep, heading, text)
    return 1 if missed else 0


def write(file: Path, heading: str, text: str) -> None:
    """In the place of all that is under the heading, which comes last where there is none yet."""
    before, _, rest = file.read_text(encoding="utf-8").partition(heading)
    after = rest[rest.find("\n## ") :] if "\n## " in rest else ""
    file.write_text(f"{before}{heading}\n{text}\n{after}", encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="write the tables into docs/benchmarks.md")
    parser.add_argument("--rounds", type=int, default=Plan.rounds, help="rounds of each route (%(default)s)")
    parser.add_argument(
        "--usage", metavar="EVENTS", type=int, help="measure usage with up to so many events instead, such as 10000000"
    )
    parser.add_argument(
        "--reports", metavar="EVENTS", type=int, help="measure reporting alone with so many events stored instead"
    )
    parser.add_argument("--observed", action="store_true", help="measure the routes with access log and traces on instead")
    parser.add_argument("--turns", metavar="N,N…", help="measure crowds with each SAGE_TURNS of these instead")
    options = parser.parse_args()
    plan = Plan(rounds=options.rounds)
    kept = KEPT if options.keep else None
    try:
        check_wrk()
        if options.usage:
            return bench_usage(USAGE_PLACES, options.usage, drive=wrk, plan=plan, keep=kept)
        if options.reports:
            noise = Noise(plan.spare_seconds)
            return tell(reports(USAGE_PLACES, options.reports, plan, noise), noise, None)
        if options.turns:
            print(by_turns([int(amount) for amount in options.turns.split(",")], wrk, plan, Noise(plan.spare_seconds)))
            return 0
        if options.observed:
            return bench_observed(ROUTES, drive=wrk, plan=plan, keep=kept)
        return bench(ROUTES, SCENARIOS, PLACES, drive=wrk, plan=plan, keep=kept)
    except BenchError as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())

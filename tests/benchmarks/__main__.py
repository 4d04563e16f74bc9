"""Measure the routes against the bare ones and judge them; `make bench`. `--keep` writes the tables into docs/benchmarks.md."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.bounds import BenchError
from tests.benchmarks.crowds import PLACES, Place, by_turns, crowds
from tests.benchmarks.load import Drive, check_wrk, wrk
from tests.benchmarks.measure import Noise, Plan, measure
from tests.benchmarks.routes import ROUTES, Route
from tests.benchmarks.scenarios import SCENARIOS, Scenario
from tests.benchmarks.table import tables
from tests.benchmarks.world import made
from tests.e2e.served import ROOT

KEPT = ROOT / "docs" / "benchmarks.md"
HEADING = "## The last tables\n"


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
    text = tables(report)
    print(text)
    if keep is not None:
        before, heading, _ = keep.read_text(encoding="utf-8").partition(HEADING)
        keep.write_text(f"{before}{heading or HEADING}\n{text}\n", encoding="utf-8")
    return 1 if report.missed else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="write the tables into docs/benchmarks.md")
    parser.add_argument("--rounds", type=int, default=Plan.rounds, help="rounds of each route (%(default)s)")
    parser.add_argument("--turns", metavar="N,N…", help="measure crowds with each SAGE_TURNS of these instead")
    options = parser.parse_args()
    plan = Plan(rounds=options.rounds)
    try:
        check_wrk()
        if options.turns:
            print(by_turns([int(amount) for amount in options.turns.split(",")], wrk, plan, Noise(plan.spare_seconds)))
            return 0
        return bench(ROUTES, SCENARIOS, PLACES, drive=wrk, plan=plan, keep=KEPT if options.keep else None)
    except BenchError as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())

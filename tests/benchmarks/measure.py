"""Rounds, and what is made of them.

Every measurement of a route stands between two of the bare Django view, and its ratio is to their mean: what slows the machine
down slows all three. A measurement during which others used the machine's cores is taken again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import fmean, median
from typing import TypeVar

from tests.benchmarks import machine
from tests.benchmarks.bounds import Figure
from tests.benchmarks.load import Ask, Drive, Load
from tests.benchmarks.routes import REFERENCE, Route
from tests.benchmarks.scenarios import Scenario
from tests.benchmarks.world import Bare, World

# Of all cores together, in cores. Above this the measurement is noisy.
QUIET = 0.25
TRIES = 3

T = TypeVar("T")


@dataclass(frozen=True)
class Plan:
    """`seconds` are of one measurement; `spare_seconds` is what measuring again may take in all, lest the bench take for ever."""

    rounds: int = 7
    crowd_rounds: int = 3
    seconds: float = 1
    scenario_rounds: int = 3
    scenario_seconds: float = 8
    spare_seconds: float = 60


@dataclass
class Noise:
    """How many measurements there were, and how many were noisy to the last."""

    spare_seconds: float
    taken: int = 0
    noisy: int = 0

    def quietest(self, measure: Callable[[], T]) -> T:
        """The first measurement that nobody disturbed; of at most TRIES, as the time allows, the one disturbed least."""
        tried: list[tuple[float, T]] = []
        while True:
            watch = machine.Watch()
            result = measure()
            others, seconds = watch.cores_of_others(), watch.seconds()
            tried.append((others, result))
            if others <= QUIET or len(tried) == TRIES or seconds > self.spare_seconds:
                break
            self.spare_seconds -= seconds
        least, result = min(tried, key=lambda pair: pair[0])
        self.taken += 1
        self.noisy += least > QUIET
        return result


@dataclass
class Measured:
    """One route after all rounds; the lists have one item for each round."""

    name: str
    rates: list[float] = field(default_factory=list)
    p50s: list[float] = field(default_factory=list)
    p99s: list[float] = field(default_factory=list)
    resident: float = 0
    peak: float = 0
    queries: tuple[int, int] | None = None
    route: Route | None = None

    @property
    def rate(self) -> float:
        """Of the bare Django view's."""
        return median(self.rates)

    @property
    def bounded(self) -> list[Figure]:
        if self.route is None:
            return []
        figures = [Figure(f"{self.name}: of {REFERENCE}", self.rate, self.route.rate)]
        if self.queries is not None:
            figures.append(Figure(f"{self.name}: queries", self.queries[1], self.route.queries))
        return figures


@dataclass
class Report:
    plan: Plan
    database: str
    wsgi: Measured
    routes: list[Measured]
    scenarios: list[tuple[str, list[Figure]]]
    noise: Noise
    reference_rate: float

    @property
    def missed(self) -> list[Figure]:
        figures = [figure for row in self.routes for figure in row.bounded]
        figures += [figure for _, figures_ in self.scenarios for figure in figures_]
        return [figure for figure in figures if not figure.holds]


def ask_of(world: World, route: Route) -> Ask:
    headers = world.headers(route.who) | route.headers
    return Ask(world.platform.base + route.path, headers, route.method, route.body)


def measure_routes(world: World, routes: Sequence[Route], drive: Drive, plan: Plan, noise: Noise) -> tuple[list[Measured], float]:
    """The bare WSGI callable comes first, then each route; and the bare Django view's answers a second."""
    for route in routes:
        if route.data:
            world.once(*route.data)
    targets = [(Measured("a bare WSGI callable"), world.wsgi)]
    targets += [(Measured(route.name, route=route), Bare(ask_of(world, route), world.worker)) for route in routes]
    for target in [world.django, *(target for _, target in targets)]:
        drive(target.ask, plan.seconds)  # The first time is for the warming up.
    references: list[float] = []
    for _ in range(plan.rounds):
        before = _driven(world.django, drive, plan, noise)
        for row, target in targets:
            machine.forget_peak(target.worker)
            load = _driven(target, drive, plan, noise)
            row.resident = machine.resident_mib(target.worker)
            row.peak = max(row.peak, machine.peak_mib(target.worker))
            after = _driven(world.django, drive, plan, noise)
            _add(row, load, [before, after])
            references.append(after.rate)
            before = after
    return [row for row, _ in targets], median(references)


def _driven(target: Bare, drive: Drive, plan: Plan, noise: Noise) -> Load:
    return noise.quietest(lambda: drive(target.ask, plan.seconds))


def _add(row: Measured, load: Load, beside: list[Load]) -> None:
    row.rates.append(load.rate / fmean(each.rate for each in beside))
    row.p50s.append(load.p50 / fmean(each.p50 for each in beside))
    row.p99s.append(load.p99 / fmean(each.p99 for each in beside))


def count_queries(world: World, rows: Sequence[Measured]) -> None:
    counted = [row for row in rows if row.route is not None]
    asks = [ask_of(world, row.route) for row in counted if row.route is not None]
    told = [
        {"method": ask.method, "path": ask.url.removeprefix(world.platform.base), "headers": ask.headers, "body": ask.body}
        for ask in asks
    ]
    for row, (first, then) in zip(counted, world.inside("queries", told), strict=True):
        row.queries = (first, then)


def measure_scenario(world: World, scenario: Scenario, plan: Plan, noise: Noise) -> list[Figure]:
    scenario.prepare(world)
    # What is done once leaves nothing to do again, quiet or not.
    if scenario.once:
        rounds = [scenario.run(world, plan.scenario_seconds)]
    else:
        rounds = [noise.quietest(lambda: scenario.run(world, plan.scenario_seconds)) for _ in range(plan.scenario_rounds)]
    return [
        Figure(name, (max if name in scenario.worst else median)(each[name] for each in rounds), scenario.bounds.get(name))
        for name in rounds[0]
    ]


def measure(world: World, routes: Sequence[Route], scenarios: Sequence[Scenario], drive: Drive, plan: Plan) -> Report:
    noise = Noise(plan.spare_seconds)
    rows, reference_rate = measure_routes(world, routes, drive, plan, noise)
    count_queries(world, rows)
    figures = [(scenario.name, measure_scenario(world, scenario, plan, noise)) for scenario in scenarios]
    database = "PostgreSQL" if world.platform.environment.get("DATABASE_URL") else "SQLite"
    return Report(plan, database, rows[0], rows[1:], figures, noise, reference_rate)

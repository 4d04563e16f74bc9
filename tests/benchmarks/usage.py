"""What usage costs while events grow: reading the sums, reporting, and pruning; `make bench ARGS='--usage 1000000'`."""

import json
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import median

from tests.benchmarks import clients, machine, reporting
from tests.benchmarks.bounds import BenchError, Bound, Figure
from tests.benchmarks.crowds import Place, places_here, world_at
from tests.benchmarks.load import Ask, Drive
from tests.benchmarks.measure import Noise, Plan
from tests.benchmarks.scenarios import PASSWORD
from tests.benchmarks.world import World

PLACES = (Place(1), Place(1, postgresql=True))
SMALLEST = 10_000
# The bounds of reporting are for so many events stored.
STORED = 1_000_000
CALLERS = 4
PEOPLE = 5 + reporting.USERS
PAUSE = 0.004
OTHERS = ["/active", "/api/auth/session"]
# Between two batches while `prune` runs, lest the caller's minute is full.
SELDOM = 0.1
# Of `prune`: events that came before so many days. The first 12 days of them are just over a million (`usage_rows`).
PRUNED_DAYS = "288"
LEAST_MS = 10
RATE = {False: Bound(least=5000), True: Bound(least=6000)}


@dataclass(frozen=True)
class Question:
    name: str
    path: str
    body: dict[str, object]
    # Its time with many events, of that with the fewest.
    grown: Bound
    queries: Bound | None = None
    is_administrators: bool = False


def questions() -> list[Question]:
    today = time.time()
    first, last = [time.strftime("%Y-%m-%d", time.gmtime(today - days * 86400)) for days in (364, 0)]
    asked: dict[str, object] = {"dimension": "agent", "start_date": first, "end_date": last}
    mine = Question("usage-stats, 30 days", "/api/system/agent/usage-stats", {"days": 30}, Bound(most=1.5), Bound(most=3))
    return [mine, Question("token-usage/stats, 365 days", "/api/token-usage/stats", asked, Bound(most=2), is_administrators=True)]


@dataclass
class Grown:
    """Two platforms that are asked in turn, one with few events and one with more and more."""

    few: World
    many: World
    postgresql: bool
    drive: Drive
    plan: Plan
    noise: Noise

    def ask(self, world: World, question: Question) -> Ask:
        tokens = world.once("people", PEOPLE, PASSWORD)
        who = world.headers("bearer") if question.is_administrators else bearer(tokens["person0"])
        return Ask(world.platform.base + question.path, who | clients.JSON, "POST", json.dumps(question.body), connections=1)

    def growth(self, question: Question) -> list[Figure]:
        asks = [self.ask(world, question) for world in (self.few, self.many)]
        for ask in asks:
            self.drive(ask, self.plan.seconds)
        shares, times = [], []
        for _ in range(self.plan.rounds):
            before, now = [self.noise.quietest(lambda ask=ask: self.drive(ask, self.plan.seconds)).p50 for ask in asks]  # type: ignore[misc]
            shares.append(now / before)
            times.append(now)
        figures = [Figure(f"{question.name}: time ÷ that with {SMALLEST:,}", median(shares), question.grown)]
        return [*figures, Figure(f"{question.name}: ms", median(times))]

    def queries(self, question: Question) -> Figure:
        ask = self.ask(self.many, question)
        told = {"method": ask.method, "path": question.path, "headers": ask.headers, "body": ask.body}
        [(_first, then)] = self.many.inside("queries", [told])
        return Figure(f"{question.name}: queries", then, question.queries)

    def tokens(self) -> list[str]:
        base = self.many.platform.base
        return [reporting.token_of(base, basic) for basic in self.many.once("reporters", CALLERS)]

    def others(self, seconds: float) -> dict[str, list[float]]:
        """How long others wait for their answers."""
        world = self.many
        who = bearer(world.once("people", PEOPLE, PASSWORD)["person0"])
        return world.fleet.submit(clients.unhurried, world.platform.base, OTHERS, who, seconds, PAUSE).result()

    def reports(self, *, is_bound: bool) -> list[Figure]:
        world, seconds, tokens = self.many, self.plan.scenario_seconds, self.tokens()
        arguments = world.platform.base, tokens, users()
        world.fleet.submit(reporting.report, *arguments, 1).result()
        rest = self.others(seconds)
        began = time.perf_counter()
        reported = world.fleet.submit(reporting.report, *arguments, seconds)
        meanwhile = self.others(seconds)
        batches = [taken for caller in reported.result() for taken in caller]
        rate = reporting.BATCH * len(batches) / (time.perf_counter() - began)
        figures = [
            Figure(f"reports of {CALLERS} callers: events a second", rate, RATE[self.postgresql] if is_bound else None),
            Figure("reports: slowest batch, ms", 1000 * max(batches)),
        ]
        for path in OTHERS:
            usual, now = clients.p99(rest[path]), clients.p99(meanwhile[path])
            figures += [
                Figure(f"reports: p99 of {path}, ms", now),
                Figure(f"reports: p99 of {path} ÷ at rest", now / usual),
                Figure(
                    f"reports: p99 of {path} ÷ the greater of 3 × at rest and {LEAST_MS} ms",
                    now / max(3 * usual, LEAST_MS),
                    Bound(most=1),
                ),
            ]
        return figures

    def prunes(self) -> list[Figure]:
        """One caller goes on reporting while old events are removed, and the sums are right after it."""
        world = self.many
        before = world.inside("usage_sums")
        batches, arguments = list[float](), (world.platform.base, self.tokens()[:1], users(), 1, SELDOM)
        began = time.perf_counter()
        with ThreadPoolExecutor(1) as pool:
            pruning = pool.submit(world.platform.manage, "prune", SAGE_USAGE_KEEP_DAYS=PRUNED_DAYS)
            while not pruning.done():
                batches += world.fleet.submit(reporting.report, *arguments).result()[0]
        if (ended := pruning.result()).returncode:
            raise BenchError(f"prune failed:\n{ended.stdout}{ended.stderr}")
        taken = time.perf_counter() - began
        after = world.inside("usage_sums")
        reported = reporting.BATCH * len(batches)
        removed = before["events"] + reported - after["events"]
        return [
            Figure("prune: events removed", removed, Bound(least=min(before["events"], STORED))),
            Figure("prune: seconds", taken),
            Figure("prune: slowest batch meanwhile, ms", 1000 * max(batches), Bound(most=300)),
            Figure(
                "prune: calls in the sums that are too many or too few",
                abs(after["calls"] - before["calls"] - reported),
                Bound(most=0),
            ),
        ]


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def users() -> list[str]:
    """Those who are reported for; nobody asks for their sums."""
    return [f"person{number}" for number in range(PEOPLE - reporting.USERS, PEOPLE)]


def figures_at(place: Place, events: int, drive: Drive, plan: Plan, noise: Noise) -> list[tuple[str, list[Figure]]]:
    """For ten thousand events and ten times as many, again and again, up to `events`."""
    found: list[tuple[str, list[Figure]]] = []
    with world_at(place) as few, world_at(place) as many:
        grown = Grown(few, many, place.postgresql, drive, plan, noise)
        few.inside("usage_rows", SMALLEST)
        for world in (few, many):
            world.once("people", PEOPLE, PASSWORD)
        stored = SMALLEST
        while stored < events:
            stored = min(10 * stored, events)
            began = time.perf_counter()
            many.inside("usage_rows", stored)
            figures = [Figure("made in, seconds", time.perf_counter() - began)]
            for question in questions():
                figures += grown.growth(question)
            if stored >= min(STORED, events):
                figures += grown.reports(is_bound=stored == STORED)
            found.append((f"{place}, {stored:,} events", figures))
        figures = [grown.queries(question) for question in questions()]
        figures += grown.prunes()
        figures.append(Figure("resident memory of the worker after all of this, MiB", machine.resident_mib(many.worker)))
        found.append((f"{place}, after them", figures))
    return found


def usage(places: Sequence[Place], events: int, drive: Drive, plan: Plan, noise: Noise) -> list[tuple[str, list[Figure]]]:
    return [row for place in places_here(places) for row in figures_at(place, events, drive, plan, noise)]

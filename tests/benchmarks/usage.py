"""What usage costs while events grow: reading the sums, reporting, and pruning; `make bench ARGS='--usage 1000000'`."""

import json
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
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
PAUSE, WRITE_PAUSE = 0.004, 0.02
# What others ask for, and the bare server whose answer takes about as long.
AT_ONCE = "/active"
OTHERS = {AT_ONCE: "a bare WSGI callable", "/api/auth/session": "a bare Django view"}
SLOWER = 3
# Between two batches while `prune` runs, lest the caller's minute is full.
SELDOM = 0.1
# Of `prune`: events that came before so many days. The first 12 days of them are just over a million (`usage_rows`).
PRUNED_DAYS = "288"
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

    def reports(self, *, is_bound: bool) -> list[Figure]:
        return Reports(self.many, self.postgresql, self.plan, self.noise).figures(is_bound=is_bound)

    def prunes(self) -> list[Figure]:
        """One caller goes on reporting while old events are removed, and the sums are right after it."""
        world = self.many
        before = world.inside("usage_sums")
        batches, arguments = list[float](), (world.platform.base, tokens(world)[:1], users(), 1, SELDOM)
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


@dataclass
class Reports:
    """Callers that report to one platform as fast as they are answered, and somebody who asks it for something else."""

    world: World
    postgresql: bool
    plan: Plan
    noise: Noise

    def figures(self, *, is_bound: bool) -> list[Figure]:
        world, rest, meanwhile = self.world, Times(list), Times(list)
        arguments = world.platform.base, tokens(world), users()
        world.fleet.submit(reporting.report, *arguments, 1).result()
        batches, reporting_seconds = list[float](), 0.0
        for _ in range(self.plan.scenario_rounds):
            at_rest, beside, taken, seconds = self.noise.quietest(lambda: self.round(arguments))
            for times, waited in ((rest, at_rest), (meanwhile, beside)):
                for name, found in waited.items():
                    times[name] += found
            batches += taken
            reporting_seconds += seconds
        rate = reporting.BATCH * len(batches) / reporting_seconds
        return [
            Figure(f"reports of {CALLERS} callers: events a second", rate, RATE[self.postgresql] if is_bound else None),
            Figure("reports: slowest batch, ms", 1000 * max(batches)),
            *waits(rest, meanwhile),
            *self.writes(arguments),
        ]

    def writes(self, arguments: tuple[str, list[str], list[str]]) -> list[Figure]:
        """What somebody waits who writes something else: SQLite lets one write at a time, and a batch is one transaction."""
        writer = self.world.platform.base, self.world.headers("bearer"), self.plan.scenario_seconds, WRITE_PAUSE
        rest = self.world.fleet.submit(clients.write, *writer).result()
        reported = self.world.fleet.submit(reporting.report, *arguments, self.plan.scenario_seconds)
        beside = self.world.fleet.submit(clients.write, *writer).result()
        reported.result()
        found = {"at rest": rest, "beside reports": beside}
        return [
            figure
            for when, taken in found.items()
            for figure in (
                Figure(f"a write {when}: p50, ms", median(taken)),
                Figure(f"a write {when}: p99, ms", clients.p99(taken)),
            )
        ]

    def round(self, arguments: tuple[str, list[str], list[str]]) -> tuple["Times", "Times", list[float], float]:
        """What others wait at rest, and while callers report; how many seconds each batch took, and all of them."""
        rest = self.others()
        began = time.perf_counter()
        reported = self.world.fleet.submit(reporting.report, *arguments, self.plan.scenario_seconds)
        meanwhile = self.others()
        batches = [taken for caller in reported.result() for taken in caller]
        return rest, meanwhile, batches, time.perf_counter() - began

    def others(self) -> "Times":
        """How long they wait for their answers. The bare servers beside are asked the same way."""
        world = self.world
        who = bearer(world.once("people", PEOPLE, PASSWORD)["person0"])
        urls = {world.platform.base + path: path for path in OTHERS}
        urls |= {world.wsgi.ask.url: OTHERS[AT_ONCE], world.django.ask.url: OTHERS["/api/auth/session"]}
        taken = world.fleet.submit(clients.unhurried, list(urls), who, self.plan.scenario_seconds, PAUSE).result()
        return Times(list, {urls[url]: times for url, times in taken.items()})


# Milliseconds by what was asked for.
Times = defaultdict[str, list[float]]


def waits(rest: Mapping[str, Sequence[float]], meanwhile: Mapping[str, Sequence[float]]) -> list[Figure]:
    """What others wait while callers report, of what they wait at rest.

    A bare server in a process of its own waits for the kernel alone, and for several times as long as at rest. `/active`, which
    takes no longer than that one, is judged by what it waits beyond.
    """
    figures = []
    for path, bare in OTHERS.items():
        at_rest, beside = [clients.p99(times[path]) for times in (rest, meanwhile)]
        bare_at_rest, bare_beside = [clients.p99(times[bare]) for times in (rest, meanwhile)]
        bound = Bound(most=SLOWER)
        figures += [
            Figure(f"reports: p99 of {path}, ms", beside),
            Figure(f"reports: p99 of {bare}, ms", bare_beside),
            Figure(f"reports: p99 of {bare} ÷ at rest", bare_beside / bare_at_rest),
            Figure(f"reports: p99 of {path} ÷ at rest", beside / at_rest, None if path == AT_ONCE else bound),
        ]
        if path == AT_ONCE:
            own = beside - (bare_beside - bare_at_rest)
            figures.append(Figure("reports: the same less what the bare one waits more", own / at_rest, bound))
    return figures


def tokens(world: World) -> list[str]:
    return [reporting.token_of(world.platform.base, basic) for basic in world.once("reporters", CALLERS)]


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


def reports_at(place: Place, events: int, plan: Plan, noise: Noise) -> list[Figure]:
    with world_at(place) as world:
        world.inside("usage_rows", events)
        world.once("people", PEOPLE, PASSWORD)
        return Reports(world, place.postgresql, plan, noise).figures(is_bound=events == STORED)


def reports(places: Sequence[Place], events: int, plan: Plan, noise: Noise) -> list[tuple[str, list[Figure]]]:
    """Reporting alone, with so many events stored."""
    return [(f"{place}, {events:,} events", reports_at(place, events, plan, noise)) for place in places_here(places)]


def usage(places: Sequence[Place], events: int, drive: Drive, plan: Plan, noise: Noise) -> list[tuple[str, list[Figure]]]:
    return [row for place in places_here(places) for row in figures_at(place, events, drive, plan, noise)]

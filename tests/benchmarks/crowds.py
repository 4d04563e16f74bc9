"""Many at once: what is left of a route's rate and of its calm when more connections ask than one process can serve."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from statistics import fmean, median
from urllib.parse import urlsplit, urlunsplit

from scripts.with_services import PostgreSQL, ServiceError, program, running
from tests.benchmarks.bounds import Bound, Figure
from tests.benchmarks.far import far
from tests.benchmarks.load import Ask, Drive, Load
from tests.benchmarks.measure import Noise, Plan, ask_of
from tests.benchmarks.routes import REFERENCE, ROUTES, Route
from tests.benchmarks.world import World, made

CROWDS = (1, 4, 16, 64)
CALM = 16
CALLED = {
    "/api/llm-provider/list": "list",
    "/api/auth/session": "session",
    "/api/system/info": "info",
}
# What each route has to reach at 16 connections, of the bare Django view's rate at as many; on SQLite with one worker.
SHARES = {"list": Bound(least=0.3), "session, cookie": Bound(least=0.3)}
KEPT_AT_64 = 0.85
CALM_AT_16 = 2.5


@dataclass(frozen=True)
class Place:
    """Where a crowd is served: the database, and how far away it is; how many workers."""

    workers: int
    postgresql: bool = False
    away_ms: float = 0

    def __str__(self) -> str:
        database = "PostgreSQL" if self.postgresql else "SQLite"
        distance = f" {self.away_ms:g} ms away" if self.away_ms else ""
        return f"{database}{distance}, {self.workers} worker{'s' if self.workers > 1 else ''}"


PLACES = (Place(1), Place(2), Place(1, postgresql=True), Place(2, postgresql=True))
FAR = Place(1, postgresql=True, away_ms=2)
ORDINARY = Place(1)


def name_of(route: Route) -> str:
    who = ", cookie" if route.who == "cookie" else ""
    return CALLED[route.path] + who


def crowded(routes: Sequence[Route] = ROUTES) -> list[Route]:
    return [route for route in routes if route.path in CALLED]


def places_here(places: Sequence[Place]) -> list[Place]:
    """Those whose database is installed."""
    try:
        program("postgres", "postgresql")
    except ServiceError:
        return [place for place in places if not place.postgresql]
    return list(places)


@contextmanager
def world_at(place: Place, **settings: str) -> Iterator[World]:
    with ExitStack() as stack:
        if place.postgresql:
            address = urlsplit(stack.enter_context(running(PostgreSQL)).url)
            if place.away_ms:
                port = stack.enter_context(far(address.port or 0, place.away_ms))
                address = address._replace(netloc=f"{address.username}:{address.password}@127.0.0.1:{port}")
            settings |= {"DATABASE_URL": urlunsplit(address)}
        yield stack.enter_context(made(workers=place.workers, **settings))


def rates(world: World, ask: Ask, drive: Drive, plan: Plan, noise: Noise) -> dict[int, Load]:
    """By the number of connections: the medians of the rounds. A round goes through all of them, so that drift spares none."""
    found: dict[int, list[Load]] = {crowd: [] for crowd in CROWDS}
    for _ in range(plan.crowd_rounds):
        for crowd, loads in found.items():
            one = replace(ask, connections=crowd)
            loads.append(noise.quietest(lambda one=one: drive(one, plan.seconds)))  # type: ignore[misc]
    return {
        crowd: Load(median(load.rate for load in loads), median(load.p50 for load in loads), median(load.p99 for load in loads))
        for crowd, loads in found.items()
    }


def share_of(reference: Ask, ask: Ask, drive: Drive, plan: Plan, noise: Noise) -> float:
    """Of the bare view's rate at the middle crowd. Each measurement stands between two of the bare view, whose rate drifts."""
    shares, reference, ask = list[float](), replace(reference, connections=CALM), replace(ask, connections=CALM)
    before = noise.quietest(lambda: drive(reference, plan.seconds)).rate
    for _ in range(plan.crowd_rounds):
        rate = noise.quietest(lambda: drive(ask, plan.seconds)).rate
        after = noise.quietest(lambda: drive(reference, plan.seconds)).rate
        shares.append(rate / fmean([before, after]))
        before = after
    return median(shares)


def kept(loads: Mapping[int, Load]) -> float:
    return loads[CROWDS[-1]].rate / max(load.rate for load in loads.values())


def calm(loads: Mapping[int, Load]) -> float:
    return loads[CALM].p99 / loads[CALM].p50


def wanted(place: Place, reference: Mapping[int, Load], *, cores: int | None = None) -> tuple[Bound, Bound]:
    """What is left at the largest crowd, and the calm at the middle one.

    Where the workers and the program that asks are more than the cores, the kernel lets one of them wait at any moment, whatever
    it is that the workers do. There no more is wanted than the bare view has, measured beside it.
    """
    if place.workers < (cores or os.cpu_count() or 1):
        return Bound(least=KEPT_AT_64), Bound(most=CALM_AT_16)
    return Bound(least=min(KEPT_AT_64, kept(reference))), Bound(most=max(CALM_AT_16, calm(reference)))


def figures_at(place: Place, routes: Sequence[Route], drive: Drive, plan: Plan, noise: Noise) -> list[Figure]:
    figures = []
    with world_at(place) as world:
        drive(world.django.ask, plan.seconds)
        reference = rates(world, world.django.ask, drive, plan, noise)
        at_64, at_16 = wanted(place, reference)
        for route in routes:
            if route.data:
                world.once(*route.data)
            name, ask = name_of(route), ask_of(world, route)
            drive(ask, plan.seconds)
            found = rates(world, ask, drive, plan, noise)
            share = share_of(world.django.ask, ask, drive, plan, noise)
            wanted_share = SHARES.get(name) if place == ORDINARY else None
            figures += [
                Figure(f"{name}: rate at {CROWDS[-1]} connections ÷ the best", kept(found), at_64),
                Figure(f"{name}: p99 ÷ p50 at {CALM}", calm(found), at_16),
                Figure(f"{name}: rate ÷ {REFERENCE}'s, both at {CALM}", share, wanted_share),
            ]
    return figures


def crowds(places: Sequence[Place], drive: Drive, plan: Plan, noise: Noise) -> list[tuple[str, list[Figure]]]:
    return [(f"crowds: {place}", figures_at(place, crowded(), drive, plan, noise)) for place in places_here(places)]


def by_turns(amounts: Sequence[int], drive: Drive, plan: Plan, noise: Noise) -> str:
    """A table for choosing SAGE_TURNS: answers a second by the number of connections, for each amount and place."""
    lines = [
        f"| place | route | turns | {' | '.join(f'{crowd} connections' for crowd in CROWDS)} | p99 ÷ p50 at {CALM} |",
        f"| --- | --- | --- | {' | '.join('---' for _ in CROWDS)} | --- |",
    ]
    for place in places_here((*PLACES, FAR)):
        for amount in amounts:
            with world_at(place, SAGE_TURNS=str(amount)) as world:
                for route in crowded():
                    if route.data:
                        world.once(*route.data)
                    ask = ask_of(world, route)
                    drive(ask, plan.seconds)
                    found = rates(world, ask, drive, plan, noise)
                    shown = " | ".join(f"{found[crowd].rate:.0f}" for crowd in CROWDS)
                    lines.append(f"| {place} | {name_of(route)} | {amount} | {shown} | {calm(found):.1f} |")
                    print(lines[-1], flush=True)
    return "\n".join(lines)

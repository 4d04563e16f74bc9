"""What it costs to count a request, and to show what was counted."""

import time
from dataclasses import replace
from statistics import median

from tests.benchmarks.bounds import BenchError
from tests.benchmarks.load import Ask, wrk
from tests.benchmarks.routes import QUESTION, RELEASES
from tests.benchmarks.world import World
from tests.e2e.served import Platform, served

UNCOUNTED = {"DJANGO_SETTINGS_MODULE": "tests.benchmarks.uncounted"}
# By turns, so that what slows the machine down slows both.
ROUNDS, SECONDS = 7, 1.0
METRICS = "/api/observability/metrics"
PATHS, SCRAPES = 30, 40
SCRAPE = f"a scrape of {PATHS} paths and 2 workers, ms"
# With the caller's kind, a row of CALLERS.
ASKED = {
    "GET /api/system/info": ("/api/system/info", "nobody"),
    "GET …/version/check": (QUESTION, "nobody"),
    "GET /api/auth/session": ("/api/auth/session", "bearer"),
}


def metrics_cost(world: World, seconds: float) -> dict[str, float]:
    with served(workers=1) as counting, served(workers=1, **UNCOUNTED) as bare:
        worlds = [replace(world, platform=platform, _headers={}, _found={}) for platform in (counting, bare)]
        for each in worlds:
            each.inside(*RELEASES)
        figures = {f"{name} ÷ uncounted": share(worlds, path, who) for name, (path, who) in ASKED.items()}
    with served(workers=2) as platform:
        return figures | {SCRAPE: scrape(platform)}


def share(worlds: list[World], path: str, who: str) -> float:
    """Of the answers a second, how many are left where they are counted."""
    asks = [Ask(f"{world.platform.base}{path}", world.headers(who)) for world in worlds]
    for ask in asks:
        wrk(ask, SECONDS)
    rounds = [[wrk(ask, SECONDS).rate for ask in asks] for _ in range(ROUNDS)]
    return median(counted for counted, _ in rounds) / median(uncounted for _, uncounted in rounds)


def scrape(platform: Platform) -> float:
    """As Prometheus waits for it."""
    caller = platform.caller()
    for path in list(caller.get("/api/schema").json()["paths"])[: PATHS + 3]:  # Up to three of them are not counted.
        for _ in range(8):  # Of each worker; whoever gets all eight has a chance of one in 128.
            caller.get(path.replace("{", "").replace("}", ""))
    taken = []
    for _ in range(SCRAPES):
        began = time.perf_counter()
        answer = caller.get(METRICS)
        taken.append(1000 * (time.perf_counter() - began))
    shown = {
        line.split('path="')[1].split('"')[0]
        for line in answer.text.splitlines()
        if line.startswith("sage_server_http_requests_total")
    }
    if len(shown) < PATHS:
        raise BenchError(f"Of {PATHS} paths only these are shown: {shown}")
    return median(taken)

"""What must hold while something heavy goes on, and what heavy things may cost. A new scenario is a function and a row below."""

import os
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from signal import SIGCONT, SIGSTOP
from statistics import median
from tempfile import NamedTemporaryFile
from typing import Any
from urllib.parse import quote

from scripts.with_services import PostgreSQL, Service, ServiceError, program, running
from tests.benchmarks import clients, machine, metrics_cost
from tests.benchmarks.bounds import BenchError, Bound
from tests.benchmarks.routes import QUESTION, RELEASES, VERSIONS
from tests.benchmarks.world import World
from tests.e2e.crashes import signal_all
from tests.e2e.served import DEFAULT_LOG, family, served
from tests.object_store import served_s3

PASSWORD = "correct horse battery"
SIGNING_IN, VERIFYING = 16, 64
DEAD_ROWS = 200_000
UPLOADED = 300_000_000
DOWNLOADED = 300_000_000
# Of uploads: their size, how many, how many at once.
MANY = [(100_000, 1200, 24), (20_000_000, 64, 24)]
PACE = 0.004
POLLED = ["/active", "/api/system/info"]
DESKTOPS = [f"{VERSIONS}/check", QUESTION]


@dataclass(frozen=True)
class Scenario:
    """`run` measures for so many seconds and gives its figures by name.

    A figure of several rounds is their median. One in `worst` is their maximum: memory that was needed once was needed.
    """

    name: str
    run: Callable[[World, float], dict[str, float]]
    bounds: dict[str, Bound]
    prepare: Callable[[World], Any] = lambda world: None
    worst: frozenset[str] = frozenset()
    once: bool = False


def people(world: World) -> dict[str, str]:
    """Their tokens by their names."""
    found: dict[str, str] = world.once("people", VERIFYING, PASSWORD)
    return found


def sign_ins(world: World, seconds: float) -> dict[str, float]:
    """People sign in as fast as they are let, while somebody asks for /active every few milliseconds."""
    base, names = world.platform.base, list(people(world))[:SIGNING_IN]
    machine.forget_peak(world.worker)
    signing = world.fleet.submit(clients.sign_in_again_and_again, base, names, PASSWORD, seconds)
    asking = world.fleet.submit(clients.paced, base, ["/active"], seconds, PACE)
    taken, codes = asking.result()["/active"], signing.result()
    if not codes.get(200) or set(codes) - {200, 429}:
        raise BenchError(f"The sign-ins were answered with {codes}")
    return {
        "p99 of /active, ms": clients.p99(taken),
        "peak memory of the worker, MiB": machine.peak_mib(world.worker),
        "sign-ins a second": codes[200] / seconds,
        "sign-ins turned away (429)": codes.get(429, 0),
    }


def dead_vendor(world: World, seconds: float) -> dict[str, float]:
    """A vendor takes connections and never answers; as many verify calls go there, while somebody asks for the polled routes."""
    base, tokens = world.platform.base, list(people(world).values())
    at_rest = world.fleet.submit(clients.paced, base, POLLED, seconds, PACE).result()
    with socket.socket() as vendor:
        vendor.bind(("127.0.0.1", 0))
        vendor.listen(VERIFYING)
        provider = {"base_url": f"http://127.0.0.1:{vendor.getsockname()[1]}/v1", "api_keys": ["sk-nobody"], "model": "none"}
        verifying = world.fleet.submit(clients.verify_all, base, tokens, provider, 0.02)
        meanwhile = world.fleet.submit(clients.paced, base, POLLED, seconds, PACE).result()
        still_hanging = not verifying.done()
    answers = verifying.result()
    refused = [taken for status, taken in answers if status == 429]
    if not refused or not still_hanging:
        raise BenchError(f"No verify call hung, or none was turned away: {answers}")
    figures = {"slowest 429, ms": max(refused), "calls turned away": float(len(refused))}
    for path in POLLED:
        rest, now = clients.p99(at_rest[path]), clients.p99(meanwhile[path])
        figures |= {f"p99 of {path}, ms": now, f"p99 of {path} ÷ the greater of 2 × at rest and 10 ms": now / max(2 * rest, 10)}
    return figures


def grants(world: World, seconds: float) -> dict[str, float]:
    """One client at the token endpoint; a sign-in by password beside it shows what a slow hash takes here."""
    flow, cookie = world.once("oauth2_flow"), world.headers("cookie")
    # Each of them in turn, since nobody may sign in more than 60 times a minute.
    persons = [{"username_or_email": name, "password": PASSWORD} for name in people(world)]
    taken = world.fleet.submit(clients.oauth2_calls, world.platform.base, flow, cookie["Cookie"], persons, seconds).result()
    slow = median(taken.pop("sign-in"))
    counts = world.inside("oauth2_queries", flow, cookie)
    figures = {f"{name} ÷ a sign-in by password": median(values) / slow for name, values in taken.items()}
    return figures | {f"queries of {name}": float(count) for name, count in counts.items()}


def uploads(world: World, seconds: float) -> dict[str, float]:
    """A large file, beside a bare program that reads the same body and writes it to the same disk, in turn."""
    base, bare, headers = world.platform.base, world.wsgi.ask.url, world.headers("bearer")
    machine.forget_peak(world.worker)
    before = machine.resident_mib(world.worker)
    ours, others = [], []
    for _ in range(3):
        others.append(world.fleet.submit(clients.upload, bare, "/", {}, UPLOADED).result())
        ours.append(world.fleet.submit(clients.upload, base, "/api/oss/upload", headers, UPLOADED).result())
    grown = machine.peak_mib(world.worker) - before
    return {
        "throughput ÷ a bare program's": median(others) / median(ours),
        "MB a second": UPLOADED / 1e6 / median(ours),
        "growth of the worker's memory, MiB": grown,
    }


def uploads_to_s3(world: World, seconds: float) -> dict[str, float]:
    """On a platform of its own, beside programs that read the same body and hand a file as large to the same client, in turn.

    Then many at once, and what the worker keeps after them.
    """
    with (
        served_s3() as server,
        served(workers=1, **DEFAULT_LOG, **server.settings(bucket := server.new_bucket())) as platform,
        NamedTemporaryFile() as file,
    ):
        file.write(os.urandom(UPLOADED))
        assert platform.process is not None
        worker = machine.worker_of(platform.process.pid)
        headers = {"Authorization": str(platform.admin().session.headers["Authorization"])}

        def upload(size: int) -> float:
            return clients.upload(platform.base, "/api/oss/upload", headers, size)

        upload(1)
        machine.forget_peak(worker)
        before = machine.resident_mib(worker)
        ours, others = [], []
        for number in range(3):
            read = world.fleet.submit(clients.upload, world.wsgi.ask.url, "/", {}, UPLOADED).result()
            began = time.perf_counter()
            server.client.upload_file(file.name, bucket, f"bare/{number}")
            others.append(read + time.perf_counter() - began)
            ours.append(upload(UPLOADED))
        grown = machine.peak_mib(worker) - before
        for size, amount, at_once in MANY:
            with ThreadPoolExecutor(at_once) as pool:
                list(pool.map(upload, [size] * amount))
        return {
            "throughput ÷ a bare program's": median(others) / median(ours),
            "growth of the worker's memory, MiB": grown,
            "resident memory after many at once, MiB": machine.resident_mib(worker),
        }


def downloads(world: World, seconds: float) -> dict[str, float]:
    """A large file, fetched from us and, in turn, from a bare program that reads the same file and sends it."""
    file = world.once("file", "6" * 32, DOWNLOADED)
    ours, bare = f"{world.platform.base}{file['path']}", f"{world.wsgi.ask.url}?{quote(file['on_disk'])}"
    taken: dict[str, list[float]] = {ours: [], bare: []}
    until = time.monotonic() + seconds
    while time.monotonic() < until or not taken[ours]:
        for url, times in taken.items():
            times.append(world.fleet.submit(clients.seconds_to_fetch, url).result())
    return {"throughput ÷ a bare program's": median(taken[bare]) / median(taken[ours])}


def frozen_database(world: World, seconds: float) -> dict[str, float]:
    """A platform of its own, whose PostgreSQL is frozen, thawed and frozen again, while desktops ask. Nothing where it is not
    installed.
    """
    try:
        program("initdb", "postgresql")
    except ServiceError:
        return {}
    shares = []
    with running(PostgreSQL) as postgresql, served(workers=1, **DEFAULT_LOG, DATABASE_URL=postgresql.url) as platform:
        World.inside(replace(world, platform=platform), *RELEASES)

        def asked() -> dict[str, list[float]]:
            return world.fleet.submit(clients.paced, platform.base, DESKTOPS, seconds / 3, PACE).result()

        asked()
        for _ in range(3):
            at_rest = asked()
            with frozen(postgresql):
                meanwhile = asked()
            shares.append(max(clients.p99(meanwhile[path]) / clients.p99(at_rest[path]) for path in DESKTOPS))
            time.sleep(1)
    return {"p99 of check ÷ at rest": median(shares)}


@contextmanager
def frozen(service: Service) -> Iterator[None]:
    assert service.process is not None
    processes = family(service.process.pid)
    signal_all(processes, SIGSTOP)
    try:
        yield
    finally:
        signal_all(processes, SIGCONT)


def prune(world: World, seconds: float) -> dict[str, float]:
    """The whole command, the start of its process too."""
    began = time.perf_counter()
    ended = world.platform.manage("prune")
    taken = time.perf_counter() - began
    removed = sum(int(line.split()[-2]) for line in ended.stdout.splitlines() if line.endswith(" removed"))
    if ended.returncode or removed < DEAD_ROWS:
        raise BenchError(f"prune did not remove {DEAD_ROWS} rows:\n{ended.stdout}{ended.stderr}")
    return {"seconds": taken}


def rest(world: World, seconds: float) -> dict[str, float]:
    return {"resident memory of the worker, MiB": machine.resident_mib(world.worker)}


FASTER = Bound(most=0.5)
SCENARIOS = (
    Scenario(
        f"{SIGNING_IN} clients sign in at once",
        sign_ins,
        {"p99 of /active, ms": Bound(most=25), "peak memory of the worker, MiB": Bound(most=350)},
        prepare=people,
        worst=frozenset({"peak memory of the worker, MiB"}),
    ),
    Scenario(
        f"{VERIFYING} verify calls to a dead vendor",
        dead_vendor,
        {"slowest 429, ms": Bound(most=50)}
        | {f"p99 of {path} ÷ the greater of 2 × at rest and 10 ms": Bound(most=1) for path in POLLED},
        prepare=people,
    ),
    Scenario(
        "OAuth2 grants, one after another",
        grants,
        {"queries of refresh": Bound(most=12)}
        | {f"{name} ÷ a sign-in by password": FASTER for name in ("exchange", "refresh", "client_credentials")},
        prepare=people,
    ),
    Scenario(
        f"An upload of {UPLOADED // 10**6} MB",
        uploads,
        {"throughput ÷ a bare program's": Bound(least=0.5), "growth of the worker's memory, MiB": Bound(most=32)},
        worst=frozenset({"growth of the worker's memory, MiB"}),
    ),
    Scenario(
        f"An upload of {UPLOADED // 10**6} MB to S3",
        uploads_to_s3,
        {
            "throughput ÷ a bare program's": Bound(least=0.5),
            "growth of the worker's memory, MiB": Bound(most=32),
            "resident memory after many at once, MiB": Bound(most=160),
        },
        once=True,
    ),
    Scenario(f"A download of {DOWNLOADED // 10**6} MB", downloads, {"throughput ÷ a bare program's": Bound(least=0.7)}),
    Scenario("PostgreSQL is frozen", frozen_database, {"p99 of check ÷ at rest": Bound(most=2)}, once=True),
    Scenario(
        "Requests are counted",
        metrics_cost.metrics_cost,
        {f"{name} ÷ uncounted": Bound(least=0.9) for name in metrics_cost.ASKED} | {metrics_cost.SCRAPE: Bound(most=20)},
        once=True,
    ),
    Scenario(
        f"manage.py prune, {DEAD_ROWS:,} dead rows",
        prune,
        {"seconds": Bound(most=3)},
        prepare=lambda world: world.inside("dead_rows", DEAD_ROWS),
        once=True,
    ),
    Scenario("After all of this", rest, {"resident memory of the worker, MiB": Bound(most=120)}, once=True),
)

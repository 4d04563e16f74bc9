"""The gate: while requests come and go, others wait for a place; while they hang, others are refused at once."""

import io
import json
import time
from collections import defaultdict
from collections.abc import Callable
from threading import Event, Semaphore, Thread

import pytest
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.test import RequestFactory
from pytest_django import Settings

from sage_platform.api import gate as module
from sage_platform.api import handlers
from sage_platform.api.errors import NoPasswordSignIn, NoPlace
from sage_platform.api.gate import Gate, Places
from sage_platform.api.middleware import RequestContextMiddleware
from sage_platform.logs import OneASecond
from tests.people import envelope

SORRY = {"code": 503, "message": "The service is temporarily unavailable. Please try again shortly.", "data": None}


@pytest.fixture
def full() -> Gate:
    gate = Gate(2)
    assert gate.enter()
    assert gate.enter()
    return gate


def seconds_at(gate: Gate) -> tuple[bool, float]:
    began = time.perf_counter()
    return gate.enter(), time.perf_counter() - began


def test_whoever_finds_a_full_house_gets_the_next_place(full: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 10.0)
    told: list[bool] = []
    waiting = Thread(target=lambda: told.append(full.enter()))
    waiting.start()
    full.leave()
    waiting.join(10)
    assert told == [True]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_crash_that_django_does_not_answer_gives_the_place_back(method: str, settings: Settings) -> None:
    """As `sys.exit` in a library. Without it each would take a place, and one for bodies, until the next start."""

    def crash(request: HttpRequest) -> HttpResponse:
        raise SystemExit

    settings.SAGE_THREADS = 4
    middleware = RequestContextMiddleware(crash)
    for _ in range(5):
        request = RequestFactory().generic(method, "/api/anything", b"{}" if method == "POST" else b"")
        with pytest.raises(SystemExit):
            middleware(request)


def check_nobody_waits(gate: Gate) -> None:
    for _ in range(20):
        entered, took = seconds_at(gate)
        assert not entered
        assert took < module.PATIENCE_SECONDS


def test_after_one_who_waited_in_vain_nobody_waits_for_two_seconds(full: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("sage_platform.api.gate.time.monotonic", lambda: now[0])
    for _ in range(2):
        began = time.perf_counter()
        assert not full.enter()
        assert time.perf_counter() - began >= module.PATIENCE_SECONDS
        check_nobody_waits(full)
        now[0] += 2.1


def test_while_things_go_wrong_inside_nobody_waits_but_a_free_place_is_still_given(full: Gate) -> None:
    full.hurry()
    check_nobody_waits(full)
    full.leave()
    assert full.enter()


@pytest.mark.parametrize(
    ("path", "status", "waits"),
    [("/api/system/info", 200, True), ("/api/system/info", 503, False), ("/api/health", 503, True)],
)
def test_after_a_failure_inside_nobody_waits(path: str, status: int, waits: bool, settings: Settings) -> None:
    """Not after a failure of health: it fails for any dependency, also for one that no request waits for."""
    settings.SAGE_THREADS = 8
    middleware = RequestContextMiddleware(lambda _request: HttpResponse(status=status))
    assert middleware(RequestFactory().get(path)).status_code == status
    while middleware.gate._places.acquire(blocking=False):
        pass
    entered, took = seconds_at(middleware.gate)
    assert not entered
    assert (took >= module.PATIENCE_SECONDS) is waits


def test_a_503_that_is_meant_hurries_nobody(settings: Settings) -> None:
    """Where nobody signs in with a password, whoever opens Jaeger is told so: nothing is full, and nothing is away."""
    settings.SAGE_THREADS = 8
    middleware = RequestContextMiddleware(lambda request: handlers.answer(request, NoPasswordSignIn()))
    assert middleware(RequestFactory().get("/api/observability/jaeger/login")).status_code == 503
    while middleware.gate._places.acquire(blocking=False):
        pass
    entered, took = seconds_at(middleware.gate)
    assert (entered, took >= module.PATIENCE_SECONDS) == (False, True)


@pytest.mark.parametrize(("threads", "places"), [(8, 6), (12, 10), (24, 22), (96, 92), (512, 491)])
def test_when_every_place_hangs_health_and_metrics_still_get_in_and_threads_are_left(
    threads: int, places: int, settings: Settings
) -> None:
    """`/active` needs a thread too, in front of Django: at least two have to be free for it while everything else hangs."""
    settings.SAGE_THREADS = threads
    release, inside = Event(), []

    def view(request: HttpRequest) -> HttpResponse:
        inside.append(request.path)
        release.wait(60)
        return HttpResponse("done")

    middleware = RequestContextMiddleware(view)
    requests = RequestFactory()
    hanging = [Thread(target=middleware, args=[requests.get("/api/system/info")]) for _ in range(threads)]
    try:
        for thread in hanging:
            thread.start()
        deadline = time.monotonic() + 20
        while any(thread.is_alive() for thread in hanging) and len(inside) + sum(not t.is_alive() for t in hanging) < threads:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        taken = len(inside)
        assert taken == places
        refused = middleware(requests.get("/api/system/info"))
        assert isinstance(refused, HttpResponse)
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
        assert envelope(refused) == SORRY
        # Health first, which then hangs too.
        for number, path in enumerate(("/api/health", "/api/observability/metrics"), 1):
            hanging.append(Thread(target=middleware, args=[requests.get(path)]))
            hanging[-1].start()
            while len(inside) < taken + number:
                assert time.monotonic() < deadline
                time.sleep(0.01)
            assert inside[-1] == path
    finally:
        release.set()
    for thread in hanging:
        thread.join(20)
    assert middleware(requests.get("/api/system/info")).status_code == 200


@pytest.mark.parametrize(("threads", "places"), [(8, 5), (12, 9), (24, 20), (96, 80)])
def test_when_every_body_hangs_the_next_is_refused_and_others_get_in(threads: int, places: int, settings: Settings) -> None:
    settings.SAGE_THREADS = threads
    release, inside = Event(), Semaphore(0)

    def view(request: HttpRequest) -> HttpResponse:
        if request.method == "POST":
            inside.release()
            release.wait(60)
        return HttpResponse("done")

    middleware = RequestContextMiddleware(view)
    requests = RequestFactory()

    def from_somebody(number: int) -> HttpRequest:
        return requests.post("/api/auth/login", {}, content_type="application/json", REMOTE_ADDR=f"203.0.113.{number}")

    hanging = [Thread(target=middleware, args=[from_somebody(number)]) for number in range(places)]
    try:
        for thread in hanging:
            thread.start()
            assert inside.acquire(timeout=20)
        refused = middleware(from_somebody(places))
        assert isinstance(refused, HttpResponse)
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
        assert envelope(refused) == SORRY
        assert middleware(requests.get("/api/system/info")).status_code == 200
    finally:
        release.set()
    for thread in hanging:
        thread.join(20)
    assert middleware(from_somebody(places)).status_code == 200


@pytest.mark.django_db  # The end of a response lets Django look at its connections.
def test_answers_that_are_sent_piece_by_piece_take_the_places_of_bodies(settings: Settings) -> None:
    """Both go at their client's pace, so together they never take all threads."""
    settings.SAGE_THREADS = 96
    closed: list[str] = []

    class Pieces(list[bytes]):
        def close(self) -> None:
            closed.append("closed")

    def view(request: HttpRequest) -> HttpResponseBase:
        return StreamingHttpResponse(Pieces([b"x"])) if request.path == "/files/x" else HttpResponse("done")

    middleware = RequestContextMiddleware(view)

    def download(address: str) -> HttpResponseBase:
        return middleware(RequestFactory().get("/files/x", REMOTE_ADDR=address))

    def status_of_body(address: str) -> int:
        made = RequestFactory().post("/api/auth/login", {}, content_type="application/json", REMOTE_ADDR=address)
        return middleware(made).status_code

    held = [download("203.0.113.1") for _ in range(70)]
    assert {response.status_code for response in held} == {200}
    assert closed == []
    assert download("203.0.113.1").status_code == status_of_body("203.0.113.1") == 503
    assert closed == ["closed"], "what is not sent is not kept open"
    assert middleware(RequestFactory().get("/api/system/info", REMOTE_ADDR="203.0.113.1")).status_code == 200
    held += [download("203.0.113.2"), download("203.0.113.2")]
    assert held[-1].status_code == status_of_body("203.0.113.3") == 200
    assert download("203.0.113.2").status_code == 503
    for response in held:
        response.close()
    assert {download("203.0.113.1").status_code for _ in range(70)} == {200}


def test_a_flood_past_the_gate_is_one_line_a_second(
    settings: Settings, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr("sage_platform.logs.time.monotonic", lambda: now[0])
    monkeypatch.setattr(handlers, "no_place", OneASecond())
    settings.SAGE_THREADS = 8
    middleware = RequestContextMiddleware(lambda _request: HttpResponse())
    while middleware.gate._places.acquire(blocking=False):
        pass
    middleware.gate.hurry()
    for seconds, requests in [(0.0, 5), (0.9, 1), (1.0, 1), (1.5, 2), (60.0, 1)]:
        now[0] = 1000.0 + seconds
        for _ in range(requests):
            middleware.gate.hurry()
            assert middleware(RequestFactory().get("/api/system/info")).status_code == 503
    told = [json.loads(line) for line in log.getvalue().splitlines()]
    assert {(line["message"], line["path"], line["cause"]) for line in told} == {
        ("unavailable", "/api/system/info", "every thread is taken")
    }
    assert [line["times"] for line in told] == [1, 6, 3]


class Crowd:
    """Addresses at some places, and how each of them leaves the one that it took last."""

    def __init__(self, amount: int) -> None:
        self.places = Places(amount)
        self._leave: dict[str, list[Callable[[], None]]] = defaultdict(list)

    def enter(self, client: str) -> bool:
        try:
            self._leave[client].append(self.places.take(client, cause="full"))
        except NoPlace:
            return False
        return True

    def leave(self, client: str) -> None:
        self._leave[client].pop()()


def test_the_last_places_are_for_addresses_that_hold_few() -> None:
    """Eighty places: one address may take seventy of them, and people elsewhere go on getting in, two each."""
    places = Crowd(80)
    assert [places.enter("attacker") for _ in range(100)] == [True] * 70 + [False] * 30
    assert [places.enter("alice") for _ in range(3)] == [True, True, False]
    assert [places.enter(f"person {number}") for number in range(8)] == [True] * 8
    assert [places.enter("one more"), places.enter("attacker")] == [False, False]
    places.leave("person 0")
    assert not places.enter("attacker")
    assert places.enter("one more")
    for _ in range(70):
        places.leave("attacker")
    assert [places.enter("attacker") for _ in range(100)] == [True] * 60 + [False] * 40


def test_places_that_were_left_are_there_again() -> None:
    places = Crowd(8)
    for _ in range(3):
        clients = [f"client {number}" for number in range(8)]
        assert all(places.enter(client) for client in clients)
        assert not places.enter("another")
        for client in clients:
            places.leave(client)
    assert places.places._held == {}

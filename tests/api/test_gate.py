"""The gate before everything that may wait: a house that moves lets people in, one that hangs sends them away at once."""

import time
from threading import Event, Thread

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from pytest_django import Settings

from sage_platform.api import gate as module
from sage_platform.api.gate import Gate
from sage_platform.api.middleware import RequestContextMiddleware
from tests.people import envelope

SORRY = {"code": 503, "message": "The service is temporarily unavailable. Please try again shortly.", "data": None}


@pytest.fixture
def full() -> Gate:
    gate = Gate(2)
    assert gate.enter()
    assert gate.enter()
    return gate


def seconds_at(gate: Gate) -> tuple[bool, float]:
    began = time.monotonic()
    return gate.enter(), time.monotonic() - began


def test_whoever_finds_a_full_house_gets_the_next_place(full: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 10.0)
    told: list[bool] = []
    waiting = Thread(target=lambda: told.append(full.enter()))
    waiting.start()
    full.leave()
    waiting.join(10)
    assert told == [True]


def test_after_one_who_waited_in_vain_nobody_waits_until_somebody_leaves(full: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.5)
    entered, took = seconds_at(full)
    assert not entered
    assert took >= 0.5
    for _ in range(20):
        entered, took = seconds_at(full)
        assert not entered
        assert took < 0.25
    full.leave()
    assert seconds_at(full)[0]
    entered, took = seconds_at(full)
    assert not entered
    assert took >= 0.5


@pytest.mark.parametrize("threads", [8, 12, 24, 96, 512])
def test_when_every_place_hangs_health_still_gets_in_and_threads_are_left(threads: int, settings: Settings) -> None:
    """`/active` is answered before Django; two threads at least have to be free for it when nothing else moves."""
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
        assert threads // 2 < taken <= threads - 2
        refused = middleware(requests.get("/api/system/info"))
        assert isinstance(refused, HttpResponse)
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
        assert envelope(refused) == SORRY
        health = Thread(target=middleware, args=[requests.get("/api/health")])
        health.start()
        while len(inside) == taken:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert inside[-1] == "/api/health"
    finally:
        release.set()
    for thread in [*hanging, health]:
        thread.join(20)
    assert middleware(requests.get("/api/system/info")).status_code == 200

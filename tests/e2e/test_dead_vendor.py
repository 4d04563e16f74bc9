"""A vendor that takes calls and never answers: what everybody else notices of twelve people who call it 64 times at once."""

import json
import socket
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
import requests

from tests.e2e.served import Browser, Platform, served
from tests.e2e.steady_load import PEOPLE
from tests.vendor import Vendor, scripted_vendor

pytestmark = [pytest.mark.served, pytest.mark.xdist_group("timed")]

CALLERS = 64
SLOTS = 8
CALLS = 100
ROUNDS = 3
# Far above what a machine with nothing else to do needs, and far below what waiting for a thread would take.
MOST_SECONDS = 0.5
TIMEOUT = 60
PATHS = ["/active", "/api/system/info"]
BUSY = "Too many requests to other servers are running at the moment. Please try again in a few seconds."
SHARE_TAKEN = "Your other requests to servers are still running. Please wait until one of them has ended."


def seconds_of_a_call(port: int, path: str) -> float:
    """A connection, the request, the whole answer."""
    began = time.perf_counter()
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
    took = time.perf_counter() - began
    assert answer.startswith(b"HTTP/1.1 200 "), answer
    return took


def p99(port: int, path: str) -> float:
    return sorted(seconds_of_a_call(port, path) for _ in range(CALLS))[CALLS * 99 // 100 - 1]


def best(port: int, path: str, *, enough: float) -> float:
    """The best of a few rounds, as other tests may have kept the machine busy."""
    rounds = [p99(port, path)]
    while rounds[-1] > enough and len(rounds) < ROUNDS:
        rounds.append(p99(port, path))
    return min(rounds)


def verify(caller: Browser, vendor: Vendor) -> tuple[float, requests.Response]:
    body = {"base_url": vendor.base_url, "api_keys": ["sk-dead-Qx7Lw2Zt9Vb4Nm6Rk8Hd3"], "model": "gone"}
    began = time.perf_counter()
    answer = caller.post("/api/llm-provider/verify", body, timeout=TIMEOUT + 20)
    return time.perf_counter() - began, answer


def told(answer: requests.Response) -> tuple[int, int, str]:
    body: dict[str, Any] = answer.json()
    return answer.status_code, body["code"], body["message"]


def settled(calls: "list[Future[tuple[float, requests.Response]]]", vendor: Vendor) -> None:
    """Every slot waits for the vendor, and whoever got none has been answered."""
    deadline = time.monotonic() + TIMEOUT / 2
    while vendor.under_way < SLOTS or sum(call.done() for call in calls) < CALLERS - SLOTS:
        answers = Counter(told(call.result()[1]) for call in calls if call.done())
        assert time.monotonic() < deadline, (vendor.under_way, answers)
        time.sleep(0.02)


@contextmanager
def checking(platform: Platform, vendor: Vendor) -> Iterator["list[Future[tuple[float, requests.Response]]]"]:
    """So many calls at once; those that got a slot hang, and the others have been answered."""
    made: list[list[str]] = json.loads(platform.manage("shell", "-v", "0", "-c", PEOPLE).stdout)
    callers = [platform.caller(Authorization=f"Bearer {made[number % len(made)][0]}") for number in range(CALLERS)]
    with ThreadPoolExecutor(CALLERS) as pool:
        calls = [pool.submit(verify, caller, vendor) for caller in callers]
        try:
            settled(calls, vendor)
            yield calls
        finally:
            vendor.closing.set()


def test_nobody_else_notices_64_calls_to_a_dead_vendor(record_testsuite_property: Any) -> None:
    with served(workers=1, SAGE_PROBE_RATE="1000/min", SAGE_PROBE_TIMEOUT=str(TIMEOUT)) as platform, scripted_vendor() as vendor:
        vendor.behave("hang")
        for path in PATHS:
            p99(platform.port, path)  # What is loaded once is loaded now.
        rest = {path: p99(platform.port, path) for path in PATHS}
        one_more = platform.admin()
        with checking(platform, vendor) as calls:
            assert (vendor.under_way, len(vendor.requests)) == (SLOTS, SLOTS)
            for path in PATHS:
                enough = max(2 * rest[path], MOST_SECONDS)
                busy = best(platform.port, path, enough=enough)
                record_testsuite_property(path, f"p99 at rest {rest[path] * 1000:.1f} ms, busy {busy * 1000:.1f} ms")
                assert busy <= enough, (path, rest[path], busy)
            refusals = [verify(one_more, vendor) for _ in range(20)]
            times = sorted(took for took, _answer in refusals)
            record_testsuite_property("429", f"median {times[10] * 1000:.1f} ms, most {times[-1] * 1000:.1f} ms")
            assert times[10] < 0.5, "nobody waits for a slot"
            assert one_more.get("/api/llm-provider/list").json()["data"] == []
            hanging = [call for call in calls if not call.done()]
            assert len(hanging) == SLOTS, "they hang all the while"
            assert {(*told(answer), answer.headers["Retry-After"]) for _took, answer in refusals} == {(429, 429, BUSY, "5")}
            surplus = {told(call.result()[1]) for call in calls if call.done()}
            assert surplus <= {(429, 429, BUSY), (429, 429, SHARE_TAKEN)}
        broken = {told(call.result()[1])[:2] for call in hanging}
        assert broken == {(200, 500)}
        # The slots are given back.
        assert told(verify(one_more, vendor)[1])[:2] == (200, 500)

"""A collector that is away, refuses, hangs or leads elsewhere: requests are as quick, the stop too, and the log says it once."""

import ast
import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import requests

from tests.collector import Collector, collecting, collecting_grpc, hangs
from tests.e2e.served import Platform, lay_database, prepared, served

pytestmark = [pytest.mark.served, pytest.mark.slow, pytest.mark.xdist_group("traces")]

SESSION = "/api/auth/session"
CALLS = 40
# Far above what a request takes on a busy machine, and far below what waiting for a collector would: it is given five seconds.
MOST_SECONDS = 4.0
# A worker that waited for a collector would be killed after 30.
STOP_SECONDS = 15.0


@pytest.fixture(scope="module")
def bootstrapped() -> Iterator[Platform]:
    with prepared() as platform:
        lay_database(platform)
        assert platform.manage("bootstrap").returncode == 0
        yield platform


@pytest.fixture
def platform(bootstrapped: Platform) -> Iterator[Platform]:
    """Ready to be started with a collector of the test's."""
    kept = dict(bootstrapped.environment)
    yield bootstrapped
    bootstrapped.stop()
    bootstrapped.environment.clear()
    bootstrapped.environment.update(kept)
    (bootstrapped.folder / "log").unlink()


def start(platform: Platform, endpoint: str, **settings: str) -> None:
    platform.environment |= {"SAGE_TRACE_JAEGER_ENDPOINT": endpoint} | settings
    platform.start()


def longest_call(platform: Platform) -> float:
    caller, took = platform.caller(), []
    for _ in range(CALLS):
        began = time.perf_counter()
        assert caller.get(SESSION).status_code == 401
        took.append(time.perf_counter() - began)
    return max(took)


def seconds_of_the_stop(platform: Platform) -> float:
    began = time.perf_counter()
    assert platform.stop() == 0
    return time.perf_counter() - began


def test_a_collector_that_hangs_or_is_away_slows_nobody(platform: Platform) -> None:
    with collecting(hangs) as collector:
        start(platform, collector.url, SAGE_TRACE_HEADERS="authorization=s3cret-of-the-collector")
        assert longest_call(platform) < MOST_SECONDS
        collector.wait_for(lambda spans: spans, log=lambda: platform.log)
        assert longest_call(platform) < MOST_SECONDS
        assert seconds_of_the_stop(platform) < STOP_SECONDS
        platform.start()
        assert longest_call(platform) < MOST_SECONDS
        collector.wait_for(lambda spans: len({span.resource["service.instance.id"] for span in spans}) == 2)
    assert longest_call(platform) < MOST_SECONDS
    assert seconds_of_the_stop(platform) < STOP_SECONDS
    done = platform.manage("prune")
    assert (done.returncode, done.stdout.strip() != "") == (0, True)
    lines = [json.loads(line) for line in (platform.log + done.stderr).splitlines() if line.startswith("{")]
    assert {line["message"] for line in lines if line["level"] != "INFO"} <= {
        "traces cannot be sent to the collector, and the oldest are dropped"
    }
    assert "s3cret" not in platform.log + done.stderr


def test_over_grpc_and_what_waits_is_sent_before_the_end(platform: Platform) -> None:
    """Of the last second, which a worker would not have sent yet."""
    with collecting_grpc() as collector:
        start(platform, f"grpc://127.0.0.1:{collector.port}", SAGE_TRACE_HEADERS="api-key=a%20key")
        platform.caller().get(SESSION)
        collector.request(f"GET {SESSION}")
        ids = {platform.caller().get(SESSION).headers["X-Request-ID"] for _ in range(5)}
        assert seconds_of_the_stop(platform) < STOP_SECONDS
        assert ids <= {span.attributes.get("sage.request_id") for span in collector.spans}
        assert {headers["api-key"] for _path, headers in collector.heads} == {"a key"}
        done = platform.manage("prune")
        assert (done.returncode, done.stderr) == (0, "")
        assert "prune" in {span.name for span in collector.spans}


def test_every_worker_sends_also_after_a_kill_and_a_reload() -> None:
    with collecting() as collector, served(workers=2, SAGE_TRACE_JAEGER_ENDPOINT=collector.url) as platform:
        first = until_there_are(2, set(), platform, collector)
        assert platform.process
        os.kill(platform.processes()[1], signal.SIGKILL)
        second = until_there_are(1, first, platform, collector)
        platform.process.send_signal(signal.SIGHUP)
        until_there_are(1, first | second, platform, collector)


def instances(collector: Collector) -> set[str]:
    return {span.resource["service.instance.id"] for span in collector.spans}


def until_there_are(amount: int, before: set[str], platform: Platform, collector: Collector) -> set[str]:
    """So many processes send that did not before."""
    until = time.monotonic() + 60
    while len(new := instances(collector) - before) < amount:
        assert time.monotonic() < until, platform.log
        # Who reaches the worker that is just being killed or replaced gets no answer.
        with suppress(requests.ConnectionError):
            platform.caller().get(SESSION)
        time.sleep(0.05)
    return new


def test_without_a_collector_nothing_is_loaded(platform: Platform) -> None:
    platform.start()
    assert platform.caller().get(SESSION, headers={"traceparent": f"00-{'1' * 32}-{'2' * 16}-01"}).status_code == 401
    for process in platform.processes():
        loaded = Path(f"/proc/{process}/maps").read_text()
        assert not [line for line in loaded.splitlines() if "google/_upb" in line or "grpc" in line]
    code = "import sys, sage_platform.worker; print(sorted({name.partition('.')[0] for name in sys.modules}))"
    done = platform.manage("shell", "--no-imports", "-c", code)
    modules = ast.literal_eval(done.stdout.strip().splitlines()[-1])
    assert "django" in modules
    assert not {"opentelemetry", "google", "grpc"} & set(modules)
    assert "trace_id" not in platform.log

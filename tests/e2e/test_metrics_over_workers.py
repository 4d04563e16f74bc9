"""The metrics of four workers: whichever is asked tells of all, and nothing that becomes of one makes a count fall."""

import os
import re
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests as http

from tests.e2e.crashes import is_alive
from tests.e2e.served import CALL_SECONDS, Platform, served
from tests.observability.exposition import FAMILIES, families, in_progress, requests, samples

pytestmark = [pytest.mark.served, pytest.mark.slow, pytest.mark.xdist_group("timed")]

METRICS = "/api/observability/metrics"
INFO = "/api/system/info"
LEFT = ("POST", "/api/auth/login", "400")
WORKERS, ASKED, SCRAPES = 4, 100, 10
MIB = 1024 * 1024
FILE = f"""
from tests.uploads.kept import kept
print(kept(b"0123456789abcdef" * (16 * {MIB} // 16), "16.bin", "application/octet-stream").path)
"""


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    with served(workers=WORKERS) as platform:
        wait_for(lambda: value(text(platform), "sage_server_process_max_fds") == WORKERS * limit(platform.processes()[1]))
        yield platform


def wait_for(true: Callable[[], object], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until
        time.sleep(0.02)


def text(platform: Platform) -> str:
    """A scrape by a new connection, so by any of the workers; once more where that one has just been killed."""
    while True:
        try:
            answer = platform.caller().get(METRICS)
        except http.ConnectionError:
            continue
        assert answer.status_code == 200, answer.text
        return answer.text


def value(whole: str, name: str) -> float:
    return samples(whole)[name, frozenset()]


def limit(pid: int) -> int:
    """How many files a worker may have open: the same for each, so that the sum tells how many workers it is of."""
    found = re.search(r"Max open files\s+(\d+)", Path(f"/proc/{pid}/limits").read_text())
    assert found
    return int(found[1])


def counted(platform: Platform, key: tuple[str, str, str]) -> float:
    return requests(text(platform)).get(key, 0.0)


def test_a_hundred_requests_are_a_hundred_whoever_is_asked(platform: Platform) -> None:
    key = ("GET", INFO, "200")
    before = counted(platform, key)
    for _ in range(ASKED):
        assert platform.caller().get(INFO).status_code == 200
    assert [counted(platform, key) - before for _ in range(SCRAPES)] == [ASKED] * SCRAPES


def test_every_metric_is_there_with_its_type_its_labels_and_its_help(platform: Platform) -> None:
    platform.admin().get("/nowhere")
    found = families(text(platform))
    assert {name: found.get(name) for name in FAMILIES} == FAMILIES


def test_the_figures_are_sums_over_the_workers_and_the_uptime_is_the_oldests(platform: Platform) -> None:
    whole = text(platform)
    resident = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 for pid in platform.processes()[1:])
    assert value(whole, "sage_server_process_resident_memory_bytes") == pytest.approx(resident, rel=0.2)
    assert value(whole, "sage_server_process_threads") >= WORKERS * 4
    assert value(whole, "sage_server_process_cpu_seconds_total") > WORKERS * 0.2
    began = time.time() - value(whole, "sage_server_uptime_seconds")
    assert began == pytest.approx(value(whole, "sage_server_process_start_time_seconds"), abs=2)


def test_a_download_is_in_progress_until_its_client_has_left(platform: Platform) -> None:
    made = platform.manage("shell", "-v", "0", "-c", FILE)
    assert made.returncode == 0, made.stderr
    key = ("GET", "/files/{public_id}/{filename}", "200")
    before = counted(platform, key)
    for _ in range(3):
        with socket.socket() as download:
            download.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            download.connect(("127.0.0.1", platform.port))
            download.sendall(f"GET {made.stdout.strip()} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
            wait_for(lambda: in_progress(text(platform)) == 1)
        wait_for(lambda: in_progress(text(platform)) == 0)
    assert counted(platform, key) == before + 3


def test_so_is_a_request_whose_client_leaves_before_there_is_an_answer(platform: Platform) -> None:
    head = "POST /api/auth/login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 100\r\n"
    before = counted(platform, LEFT)
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", platform.port), timeout=CALL_SECONDS) as connection:
            connection.sendall(f'{head}\r\n{{"user'.encode())
            wait_for(lambda: in_progress(text(platform)) == 1)
        wait_for(lambda: in_progress(text(platform)) == 0)
    assert counted(platform, LEFT) == before + 3


def test_a_killed_worker_takes_its_gauges_along_and_leaves_its_counts(platform: Platform) -> None:
    processor = "sage_server_process_cpu_seconds_total"
    before = text(platform)
    worker = platform.processes()[-1]
    each = limit(worker)
    os.kill(worker, signal.SIGKILL)
    wait_for(lambda: is_gone(worker))
    after = text(platform)
    assert value(after, "sage_server_process_max_fds") == (WORKERS - 1) * each
    assert value(after, processor) >= value(before, processor)
    assert requests(after) == requests(before)
    wait_for(lambda: value(text(platform), "sage_server_process_max_fds") == WORKERS * each)
    assert requests(text(platform)) == requests(before)
    files = list((platform.data / "metrics").iterdir())
    # At most: of each that lives a file for each of six kinds, and its lock; three that are folded, and the lock of all.
    assert len(files) <= WORKERS * 7 + 4, sorted(path.name for path in files)
    assert {path.stat().st_mode & 0o077 for path in [platform.data / "metrics", platform.data]} == {0}


def is_gone(pid: int) -> bool:
    """With all its threads, each of which may hold its files open until it has ended."""
    return not is_alive(pid) and len(list(Path("/proc").glob(f"{pid}/task/*"))) <= 1

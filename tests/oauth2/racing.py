"""Several callers at the same moment, each on a thread and a connection of its own."""

import threading
from collections.abc import Callable
from typing import Any

from django.db import connection


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """What each call returned; none may raise."""
    barrier, found = threading.Barrier(len(calls)), [None] * len(calls)
    failures: list[BaseException] = []

    def run(position: int, call: Callable[[], Any]) -> None:
        try:
            barrier.wait()
            found[position] = call()
        except BaseException as error:  # noqa: BLE001  It is raised again below, on the thread of the test.
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for failure in failures:
        raise failure
    return found

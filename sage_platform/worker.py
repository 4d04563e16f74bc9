"""What a worker of the server loads: the application, and how the worker ends, also beside clients that stall."""

import gc
import multiprocessing
import multiprocessing.util
import signal

# First: it tells prometheus_client where numbers are kept, before anything defines a metric.
from sage_platform.telemetry.multiprocess import worker  # isort: skip

from django.conf import settings

from sage_platform import data_files
from sage_platform.front import leaving
from sage_platform.stopping import end_when_told
from sage_platform.telemetry import process, tracing
from sage_platform.wsgi import application


def leave(*_: object) -> None:
    """SIGUSR1: another worker is there, and this one is to end soon. Its connections end with their next answer.

    At SIGTERM the server closes at once what has no request under way. A request that is just arriving there would be lost.
    """
    leaving.set()


if multiprocessing.parent_process() is not None:
    end_when_told(last=tracing.flush)
    signal.signal(signal.SIGUSR1, leave)
    # Nothing else is run at the end of a process that was forked.
    multiprocessing.util.Finalize(None, tracing.flush, exitpriority=0)
tracing.start()

# What is loaded by now stays for good. Left out of the collections, it no longer makes every full one halt all threads for the
# better part of a tenth of a second. While it was loaded there were none (`server.loaded`).
gc.collect()
gc.freeze()
gc.enable()
if multiprocessing.parent_process() is not None:
    worker.count_in(settings.SAGE_DATA_DIR / data_files.METRICS)
    process.publish_always()

__all__ = ["application"]

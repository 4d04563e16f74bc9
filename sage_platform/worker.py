"""What a worker of the server loads: the application, and how the worker ends, also beside clients that stall."""

import gc
import multiprocessing
import multiprocessing.util
import signal

from sage_platform.telemetry import multiprocess as counting

# Before anything is loaded that defines a metric: the first to ask tells prometheus_client where numbers are kept.
counting.count_in_files()

from sage_platform.front import leaving  # noqa: E402
from sage_platform.stopping import end_when_told  # noqa: E402
from sage_platform.telemetry import process, tracing  # noqa: E402
from sage_platform.wsgi import application  # noqa: E402


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
# better part of a tenth of a second.
gc.collect()
gc.freeze()
if multiprocessing.parent_process() is not None:
    process.publish_always()

__all__ = ["application"]

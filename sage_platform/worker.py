"""What a worker of the server loads: the application, and before it the worker's own answer to a signal.

A worker is forked with the server's handlers, which in it do nothing. Until it has set its own, after this module is loaded,
a signal has to end it: one that is lost makes the stop wait for the whole kill timeout.
"""

import gc
import multiprocessing
import signal

if multiprocessing.parent_process() is not None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)

# Imports nothing of Django.
from sage_platform.stopping import end_beside_stalled_bodies

# Loading Django takes most of a worker's start, so it comes after.
from sage_platform.wsgi import application

if multiprocessing.parent_process() is not None:
    end_beside_stalled_bodies()

# What is loaded by now stays for good. Left out of the collections, it no longer makes every full one halt all threads for the
# better part of a tenth of a second.
gc.collect()
gc.freeze()

__all__ = ["application"]

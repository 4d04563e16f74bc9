"""What a worker of the server loads: the application, and how the worker ends beside clients that stall."""

import gc
import multiprocessing

from sage_platform.stopping import end_beside_stalled_bodies
from sage_platform.wsgi import application

if multiprocessing.parent_process() is not None:
    end_beside_stalled_bodies()

# What is loaded by now stays for good. Left out of the collections, it no longer makes every full one halt all threads for the
# better part of a tenth of a second.
gc.collect()
gc.freeze()

__all__ = ["application"]

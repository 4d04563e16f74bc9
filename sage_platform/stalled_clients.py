"""A client that takes nothing of its answer is cut off, for which granian has no setting.

The server's process loads this: nothing of Django or of the settings is imported.
"""

import os
import socket
from collections.abc import Callable
from functools import partial
from typing import Any

from granian.server.mp import MPServer, WorkerProcess


def spawn_target(seconds: int) -> Callable[..., None]:
    """What a worker runs: granian's own, on a socket whose connections end when nothing moves on them for so long."""
    target: Callable[..., None] = WorkerProcess.wrap_target(partial(_serve, seconds))
    return target


def _serve(seconds: int, worker_id: int, callback: object, sock: Any, *rest: object) -> None:
    """In the worker, once the application is loaded: from here on it listens.

    The kernel ends a connection on which the client has taken or acknowledged nothing for so long (TCP_USER_TIMEOUT, tcp(7)). The
    sockets of clients have that from the one that listens. Without it a client that stops reading holds a thread for ever.
    """
    specification, _ = sock
    holder = specification.build()
    with socket.socket(fileno=os.dup(holder.get_fd())) as listening:
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, seconds * 1000)
    own = getattr(MPServer._spawn_wsgi_worker, "__wrapped__")  # noqa: B009  Not in its types.
    own(worker_id, callback, (None, holder), *rest)

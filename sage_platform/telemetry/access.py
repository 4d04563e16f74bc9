"""The access log: one line for each request, once it is over (docs/operations.md#logs)."""

import time
from logging import INFO, getLogger

from sage_platform.logs import request_var
from sage_platform.telemetry.requests import UNKNOWN, Observed

log = getLogger("sage.access")


def is_on() -> bool:
    return log.isEnabledFor(INFO)


def write(observed: Observed, *, client: str, sent: int, has_ended: bool) -> None:
    """The route and never the path: a file's address opens the file, and anybody may put anything into one.

    `sent` bytes of the answer's body were taken over by the server, and its end where it `has_ended`. The server does not ask for
    the end of a body whose length was announced, and not for the body of an answer that has none.
    """
    if observed.method == "HEAD" or observed.status in {204, 304}:
        sent, has_ended = 0, True
    facts: dict[str, object] = {
        "method": observed.method,
        "route": observed.route or UNKNOWN,
        "status": observed.status or 500,
        "duration_ms": round((time.perf_counter() - observed.began) * 1000, 1),
        "bytes": sent,
        "client": client,
    }
    if observed.user_id:
        facts["user_id"] = observed.user_id
    if observed.client_id:
        facts["client_id"] = observed.client_id
    if not has_ended and (observed.length is None or sent < observed.length):
        facts["incomplete"] = True
    marker = request_var.set(observed)
    log.info("request", extra={"facts": facts})
    request_var.reset(marker)

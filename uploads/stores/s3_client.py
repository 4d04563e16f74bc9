"""The connections to an S3-compatible store: one set for a process, whichever threads use it.

Imported only where a deployment has such a store: boto3 takes some 40 MiB.
"""

import os
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import Any

import boto3.session
import botocore.session
from botocore.config import Config
from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError
from django.conf import settings

from sage_platform.telemetry import tracing

CONNECT_SECONDS = 2.0
# The longest silence that is waited for: between two pieces, and for the answer to a part of 16 MiB, of which the last megabytes
# are still on their way, and which a store on slow disks has to write first.
READ_SECONDS = 6.0
# A store that puts a file together from its parts says nothing until it is done, which takes longest for the largest.
JOIN_SECONDS = 30.0
# One more attempt, for a connection that the store has closed meanwhile, or one that it is too busy for. After a silence there is
# none: a store that hangs would cost everybody twice as long.
ATTEMPTS = 2
# A health check has a second for everything.
LOOK_CONNECT_SECONDS = 0.4
LOOK_READ_SECONDS = 0.5
# Of `open_object`, beside one for each upload. A connection beyond these is made all the same, and closed after its use.
READERS = 8
# In the library's own dictionary of a call.
SPAN = "sage.span"

_lock = Lock()


@dataclass(frozen=True)
class Access:
    """Where the store is, and who we are there."""

    endpoint: str
    region: str
    addressing: str
    access_key: str
    secret_key: str


@dataclass(frozen=True)
class Connections:
    """`resource` is what django-storages works with, and `client` what it stands on.

    `looking` is for health: it gives up at once, and has its own connection, so that a store that hangs takes none away.
    """

    resource: Any
    client: Any
    looking: Any


def connections(access: Access) -> Connections:
    """Made at the first use, within the process that uses them: a socket must not be shared with a process that was forked."""
    with _lock:
        return _connections(access, os.getpid())


@lru_cache(maxsize=2)
def _connections(access: Access, process: int) -> Connections:
    session = boto3.session.Session(
        aws_access_key_id=access.access_key,
        aws_secret_access_key=access.secret_key,
        region_name=access.region,
        botocore_session=botocore.session.Session(session_vars=_NOBODYS_FILES),
    )
    usual = _config(access, CONNECT_SECONDS, READ_SECONDS, ATTEMPTS, settings.SAGE_UPLOAD_CONCURRENCY + READERS)
    resource = session.resource("s3", endpoint_url=access.endpoint, config=usual)
    brief = _config(access, LOOK_CONNECT_SECONDS, LOOK_READ_SECONDS, 1, 1)
    looking = session.client("s3", endpoint_url=access.endpoint, config=brief)
    # Once alone: a second attempt would find the parts gone, and call a file lost that is there.
    patient = _config(access, CONNECT_SECONDS, JOIN_SECONDS, 1, 4)
    joining = session.client("s3", endpoint_url=access.endpoint, config=patient)
    client = resource.meta.client
    client.meta.events.register_first("needs-retry.s3", give_up_after_silence)
    client.complete_multipart_upload = joining.complete_multipart_upload
    for made in (client, joining):
        made.meta.events.register("before-call.s3", begin_span)
        made.meta.events.register("after-call.s3", end_span)
        made.meta.events.register("after-call-error.s3", end_failed_span)
    return Connections(resource, client, looking)


def give_up_after_silence(caught_exception: Exception | None, **_facts: object) -> None:
    if isinstance(caught_exception, ConnectTimeoutError | ReadTimeoutError):
        raise caught_exception


def begin_span(model: Any, context: dict[str, Any], **_facts: object) -> None:
    """A call to the store is a part of the trace: its operation alone, since bucket and key are in the address."""
    if tracing.is_recording():
        facts: dict[str, tracing.Value] = {"rpc.system": "aws-api", "rpc.service": "S3", "rpc.method": model.name}
        context[SPAN] = tracing.span(f"S3.{model.name}", kind="client", **facts)
        context[SPAN].__enter__()


def end_span(http_response: Any, context: dict[str, Any], **_facts: object) -> None:
    if (span := context.pop(SPAN, None)) is not None:
        span.set("http.response.status_code", http_response.status_code)
        if http_response.status_code >= 400:
            span.fail(str(http_response.status_code))
        span.__exit__(None, None, None)


def end_failed_span(exception: Exception, context: dict[str, Any], **_facts: object) -> None:
    if (span := context.pop(SPAN, None)) is not None:
        span.__exit__(type(exception), exception, None)


# What stands in somebody's ~/.aws, or in AWS_PROFILE, is not the platform's setting.
_NOBODYS_FILES = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}


def _config(access: Access, connect: float, read: float, attempts: int, pool: int) -> Config:
    return Config(
        signature_version="s3v4",
        s3={"addressing_style": access.addressing},
        connect_timeout=connect,
        read_timeout=read,
        retries={"mode": "standard", "total_max_attempts": attempts},
        max_pool_connections=pool,
        tcp_keepalive=True,
        # Older stores refuse the checksums that are sent by default. The signature holds a digest of the body in any case.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        # None are taken from the environment.
        proxies={},
    )

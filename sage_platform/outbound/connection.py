"""Connections that go to checked addresses alone, end at the deadline and count what they receive.

Requests and urllib3 bring HTTP, TLS and the check of certificates. Three things they do otherwise than the door needs, and this
module replaces those: they look the name up themselves, where the door gives the addresses that it has checked; their timeout
begins anew with each byte, where the door has one deadline for the call; they receive without a limit.
"""

import io
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from http.client import HTTPException
from ipaddress import IPv6Address
from threading import Lock
from typing import TYPE_CHECKING, cast

import requests
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3 import HTTPConnectionPool, HTTPResponse, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from sage_platform.outbound.deadline import Deadline
from sage_platform.outbound.errors import (
    BROKEN,
    INSECURE,
    UNREACHABLE,
    UNREADABLE,
    UNVERIFIED,
    AnswerTooLarge,
    ConnectionFailed,
    OutboundError,
    TimedOut,
)
from sage_platform.outbound.policy import Address
from sage_platform.outbound.target import Target

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer  # In the stubs of the standard library alone.

MOST_ADDRESSES = 8
HEAD_LIMIT = 64 * 1024


@dataclass(frozen=True)
class Route:
    """One hop: where to, through which addresses, until when, and how many bytes of a body may come over the wire.

    `tls` is there when the target's scheme is https.
    """

    target: Target
    addresses: Sequence[Address]
    deadline: Deadline
    wire_limit: int
    tls: ssl.SSLContext | None

    def connect(self) -> socket.socket:
        """The first address that accepts. Each gets its share of the time, so that a dead one leaves some for the next."""
        addresses = self.addresses[:MOST_ADDRESSES]
        late = False
        for tried, address in enumerate(addresses):
            try:
                return self._connected(address, self.deadline.left() / (len(addresses) - tried))
            except OSError as error:
                late = isinstance(error, TimeoutError)
        raise TimedOut if late else ConnectionFailed(UNREACHABLE)

    def _connected(self, address: Address, seconds: float) -> socket.socket:
        line = socket.socket(socket.AF_INET6 if isinstance(address, IPv6Address) else socket.AF_INET)
        try:
            line.settimeout(seconds)
            line.connect((str(address), self.target.port))
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            line.settimeout(self.deadline.left())
        except (OSError, TimedOut):
            line.close()
            raise
        return line


class Line:
    """Stands in for the socket that http.client reads and writes.

    Before each wait the socket's timeout is set to what is left of the deadline. What is received is taken off an allowance, at
    first HEAD_LIMIT for the status line and the headers.
    """

    def __init__(self, plain: socket.socket, deadline: Deadline) -> None:
        self._socket = plain
        self._deadline = deadline
        self._allowance = HEAD_LIMIT
        self._users = 1

    def allow(self, size: int) -> None:
        """From now on this many bytes may be received, whatever was left of the allowance before."""
        self._allowance = size

    def settimeout(self, _seconds: float | None) -> None:
        """Does nothing: urllib3 calls it with a timeout of its own, and the deadline is the one that counts."""

    def sendall(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            self._socket.settimeout(self._deadline.left())
            try:
                sent = self._socket.send(view)
            except TimeoutError:
                raise TimedOut from None
            view = view[sent:]

    def receive(self, buffer: "WriteableBuffer") -> int:
        self._socket.settimeout(self._deadline.left())
        try:
            size = self._socket.recv_into(buffer)
        except TimeoutError:
            raise TimedOut from None
        self._allowance -= size
        if self._allowance < 0:
            raise AnswerTooLarge
        return size

    def makefile(self, _mode: str) -> io.BufferedReader:
        self._users += 1
        return _Bounded(_Received(self))

    def close(self) -> None:
        """Closes the socket once the files made from it are closed too: http.client closes it before it reads the body."""
        self._users -= 1
        if self._users == 0:
            self._socket.close()


class _Received(io.RawIOBase):
    """What the line receives, as a file."""

    def __init__(self, line: Line) -> None:
        super().__init__()
        self._line = line

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        return self._line.receive(buffer)

    def close(self) -> None:
        if not self.closed:
            self._line.close()
        super().close()


class _Bounded(io.BufferedReader):
    """Reads only amounts that are named."""

    def read(self, size: int | None = -1) -> bytes:
        """A negative size would mean "to the end" and fill the memory. http.client asks for it when a chunk's length is -1."""
        if size is None or size < 0:
            raise ConnectionFailed(UNREADABLE)
        return super().read(size)


class _Plain(HTTPConnection):
    """Turns what goes wrong into OutboundErrors before urllib3 wraps it in errors that hold the request and its headers.

    The errors are raised after the `except` blocks, so that they do not keep the original ones as their context.
    """

    route: Route  # Set by the pool, which makes the connection.
    _line: Line

    def _new_conn(self) -> socket.socket:
        return self.route.connect()

    def connect(self) -> None:
        failure: OutboundError
        try:
            super().connect()
        except TimeoutError:
            failure = TimedOut()
        except ssl.SSLCertVerificationError:
            failure = ConnectionFailed(UNVERIFIED)
        except ssl.SSLError:
            failure = ConnectionFailed(INSECURE)
        except OSError:
            failure = ConnectionFailed(BROKEN)
        else:
            # http.client calls only those methods of its socket that a Line has.
            self.sock = self._line = Line(self.sock, self.route.deadline)
            return
        raise failure

    # The ignored difference is urllib3's: its connections give an answer of their own class, not of http.client's.
    def getresponse(self) -> HTTPResponse:  # type: ignore[override]
        try:
            answer = super().getresponse()
        except OSError:
            failure = ConnectionFailed(BROKEN)
        except HTTPException:
            failure = ConnectionFailed(UNREADABLE)
        else:
            # Not `self.sock`, which http.client sets to None when the answer says that the connection ends with it.
            self._line.allow(self.route.wire_limit)
            return answer
        raise failure


class _Secure(_Plain, HTTPSConnection):
    """The same over TLS: HTTPSConnection.connect shakes hands over the socket of `_new_conn`, whose timeout is still in force."""


class _PlainPool(HTTPConnectionPool):
    """Gives its route to each connection that it makes."""

    ConnectionCls = _Plain
    route: Route

    def _new_conn(self) -> _Plain:
        made = cast("_Plain", super()._new_conn())  # It is of ConnectionCls.
        made.route = self.route
        return made


class _SecurePool(HTTPSConnectionPool):
    """As _PlainPool."""

    ConnectionCls = _Secure
    route: Route

    def _new_conn(self) -> _Secure:
        made = cast("_Secure", super()._new_conn())
        made.route = self.route
        return made


class PinnedAdapter(HTTPAdapter):
    """Connects along the route, whatever the request's address says. No retries, no proxies, certificates always verified."""

    def __init__(self, route: Route) -> None:
        super().__init__(max_retries=0)
        host, port = route.target.host, route.target.port
        self._pool: _PlainPool | _SecurePool
        if route.target.scheme == "https":
            self._pool = _SecurePool(host, port, cert_reqs="CERT_REQUIRED", ssl_context=route.tls)
        else:
            self._pool = _PlainPool(host, port)
        self._pool.route = route

    def get_connection_with_tls_context(
        self, request: requests.PreparedRequest, verify: object, proxies: object = None, cert: object = None
    ) -> HTTPConnectionPool:
        return self._pool

    def cert_verify(self, conn: object, url: object, verify: object, cert: object) -> None:
        """Does nothing: the pool verifies by `route.tls`. The original would read the authorities from the disk each time."""

    def close(self) -> None:
        self._pool.close()
        super().close()


class OneHop(requests.Session):
    """A session for one request: it takes nothing from the environment and follows nothing."""

    def __init__(self, route: Route) -> None:
        super().__init__()
        self.trust_env = False
        self.mount(f"{route.target.scheme}://", PinnedAdapter(route))

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Always None: if there were a target, Requests would read the redirect's whole body into memory."""

    def open(self, request: requests.PreparedRequest) -> requests.Response:
        return self.send(request, stream=True, allow_redirects=False, proxies={})


def system_tls() -> ssl.SSLContext:
    """The machine's authorities, to which a deployment can add its own, and those of Requests.

    They are read once, because each reading takes long and much memory. The lock keeps calls at the same time from reading them
    several times.
    """
    with _reading:
        return read_tls()


_reading = Lock()


@lru_cache(maxsize=1)
def read_tls() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.load_verify_locations(DEFAULT_CA_BUNDLE_PATH)
    return context

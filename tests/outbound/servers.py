"""Servers on real loopback sockets that answer well, badly, slowly or never."""

import contextlib
import itertools
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field


@dataclass
class Received:
    """A request as it came; the names of its headers in small letters."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Server:
    """`ended` is set when the test is over, for behaviours that wait."""

    host: str
    port: int
    received: list[Received] = field(default_factory=list)
    connections: int = 0
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"


# What a server does with a connection once it has read the request.
Behaviour = Callable[[socket.socket, Server], None]


def answer(body: bytes = b"hello", *headers: str, status: str = "200 OK", length: int | None = None) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *headers]
    return "\r\n".join(lines).encode("utf-8") + b"\r\n\r\n" + body


def says(data: bytes) -> Behaviour:
    def behave(connection: socket.socket, server: Server) -> None:
        connection.sendall(data)

    return behave


def redirects(location: str, status: str = "302 Found") -> Behaviour:
    return says(answer(b"moved", f"Location: {location}", status=status))


def drips(data: bytes, then: bytes, every: float = 0.02) -> Behaviour:
    """`data` at once, then the bytes of `then` one at a time, over and over."""

    def behave(connection: socket.socket, server: Server) -> None:
        connection.sendall(data)
        for byte in itertools.cycle(then):
            if server.ended.wait(every):
                return
            connection.sendall(bytes([byte]))

    return behave


def hangs(connection: socket.socket, server: Server) -> None:
    server.ended.wait(60)


def read_request(connection: socket.socket) -> Received | None:
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return None
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, path, _version = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", "0")):
        body += connection.recv(65536)
    return Received(method, path, headers, body)


def _converse(connection: socket.socket, server: Server, behave: Behaviour, tls: ssl.SSLContext | None, *, reads: bool) -> None:
    # The client may hang up whenever it likes: that is what many of the tests are about.
    with contextlib.suppress(OSError), connection:
        connection.settimeout(60)
        talking = tls.wrap_socket(connection, server_side=True) if tls else connection
        with talking:
            if reads:
                request = read_request(talking)
                if request is None:
                    return
                server.received.append(request)
            behave(talking, server)


@contextlib.contextmanager
def serving(
    behave: Behaviour = says(answer()),  # noqa: B008  It holds no state.
    *,
    host: str = "127.0.0.1",
    tls: ssl.SSLContext | None = None,
    reads: bool = True,
) -> Iterator[Server]:
    """`reads`: whether the request is read before the behaviour begins."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.bind((host, 0))
    listener.listen(64)
    server = Server(host, listener.getsockname()[1])
    talks: list[threading.Thread] = []

    def accept() -> None:
        while True:
            try:
                connection, _peer = listener.accept()
            except OSError:
                return
            server.connections += 1
            arguments = (connection, server, behave, tls)
            talks.append(threading.Thread(target=_converse, args=arguments, kwargs={"reads": reads}))
            talks[-1].start()

    acceptor = threading.Thread(target=accept)
    acceptor.start()
    try:
        yield server
    finally:
        server.ended.set()
        listener.shutdown(socket.SHUT_RDWR)
        acceptor.join()
        listener.close()
        for talk in talks:
            talk.join(10)


@contextlib.contextmanager
def never_accepting(host: str = "127.0.0.1", port: int = 0) -> Iterator[int]:
    """A port whose queue is full: whoever connects now hears nothing at all."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind((host, port))
        listener.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]

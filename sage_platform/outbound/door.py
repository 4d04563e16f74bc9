"""The door itself: check, resolve, connect, send, receive, once for each hop."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from io import BytesIO

import requests
from django.conf import settings
from requests.structures import CaseInsensitiveDict
from urllib3.exceptions import HTTPError

from sage_platform.outbound.body import PIECE, decoded, limited
from sage_platform.outbound.connection import HEAD_LIMIT, OneHop, Route, system_tls
from sage_platform.outbound.deadline import Deadline
from sage_platform.outbound.errors import (
    BROKEN,
    AddressRefused,
    AnswerTooLarge,
    ConnectionFailed,
    RedirectRefused,
    TooManyRedirects,
)
from sage_platform.outbound.lookup import Resolver, resolve, system_resolver
from sage_platform.outbound.policy import Address, AllowedNetwork, Policy
from sage_platform.outbound.request import Outgoing, outgoing
from sage_platform.outbound.target import Target, parse
from sage_platform.telemetry import tracing

REDIRECTS = frozenset({301, 302, 303, 307, 308})
# Of a hop.
Opened = Callable[[Outgoing, Deadline, int], AbstractContextManager[requests.Response]]
FAILURES = (requests.RequestException, HTTPError, OSError)


@dataclass(frozen=True)
class Answer:
    """`headers` are found in any case. Only the status is in the repr: a server may echo what it was sent."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)
    url: str = field(repr=False)


@dataclass(frozen=True)
class Incoming:
    """An answer whose body is still to come. `chunks` raises what `Door.request` does."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    chunks: Iterator[bytes] = field(repr=False)
    url: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Door:
    """Makes the calls. No connection, cookie or resolver's answer is kept from one to the next."""

    allow_private: bool
    allowed_networks: Sequence[AllowedNetwork] = ()
    resolver: Resolver = system_resolver

    def check(self, url: str, *, trusted: bool = False) -> None:
        """The form of the address, and where it leads as far as that can be told without asking a resolver."""
        self._check(parse(url), trusted=trusted)

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        json: object = None,
        deadline: Deadline,
        max_bytes: int,
        trusted: bool = False,
        max_redirects: int = 0,
    ) -> Answer:
        """The whole answer, whatever its status; a redirect that is not to be followed is an answer too.

        Raises an OutboundError. `max_bytes` counts the body after decompression. `trusted`: the address comes from the
        deployment's own settings and may be private; where a redirect leads to another origin that ends.
        """
        with self.stream(
            method,
            url,
            headers=headers,
            json=json,
            deadline=deadline,
            max_bytes=max_bytes,
            trusted=trusted,
            max_redirects=max_redirects,
        ) as incoming:
            content = BytesIO()  # Not a list: with pieces of one byte it would take many times their size.
            content.writelines(incoming.chunks)
            return Answer(incoming.status, incoming.headers, content.getvalue(), incoming.url)

    @contextmanager
    def stream(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        json: object = None,
        deadline: Deadline,
        max_bytes: int,
        trusted: bool = False,
        max_redirects: int = 0,
    ) -> Iterator[Incoming]:
        """As `request`, but the body comes in pieces while the block runs; the connection ends with the block."""
        call = outgoing(method, url, headers, json, trusted=trusted)
        with ExitStack() as hop:
            response = self._answered(hop, call, self._hop, deadline, max_bytes)
            for _hop in range(max_redirects):
                if not _leads_on(response):
                    break
                call = call.redirected(response.status_code, response.headers["location"])
                hop.close()
                response = self._answered(hop, call, self._next_hop, deadline, max_bytes)
            if max_redirects and _leads_on(response):
                raise TooManyRedirects
            received = _received(response, max_bytes, bodiless=call.method == "HEAD")
            chunks = limited(received, max_bytes, deadline)
            yield Incoming(response.status_code, CaseInsensitiveDict(response.headers), chunks, call.target.url)

    @staticmethod
    def _answered(hop: ExitStack, call: Outgoing, opened: Opened, deadline: Deadline, max_bytes: int) -> requests.Response:
        """The answer of one hop, a part of the trace. Of the address the host alone is told, and nothing of the trace is sent."""
        place: dict[str, tracing.Value] = {"server.address": call.target.host, "server.port": call.target.port}
        span = hop.enter_context(tracing.span(call.method, kind="client", **{"http.request.method": call.method}, **place))
        response = hop.enter_context(opened(call, deadline, max_bytes))
        span.set("http.response.status_code", response.status_code)
        if response.status_code >= 400:
            span.fail(str(response.status_code))
        return response

    def _next_hop(self, call: Outgoing, deadline: Deadline, max_bytes: int) -> AbstractContextManager[requests.Response]:
        try:
            return self._hop(call, deadline, max_bytes)
        except AddressRefused:
            raise RedirectRefused from None

    def _hop(self, call: Outgoing, deadline: Deadline, max_bytes: int) -> AbstractContextManager[requests.Response]:
        addresses = self._addresses(call.target, deadline, trusted=call.trusted)
        # A server may send each byte in a chunk of its own, which takes six bytes on the wire.
        wire_limit = HEAD_LIMIT + 8 * max_bytes
        tls = system_tls() if call.target.scheme == "https" else None
        return _opened(call, Route(call.target, addresses, deadline, wire_limit, tls))

    def _addresses(self, target: Target, deadline: Deadline, *, trusted: bool) -> list[Address]:
        """What may be connected to. Raises AddressRefused if any answer of the resolver is refused: an attacker mixes them."""
        self._check(target, trusted=trusted)
        if target.literal is not None:
            return [target.literal]
        addresses = resolve(self.resolver, target.host, target.port, deadline)
        for address in addresses:
            self._policy.check(address, target.port, trusted=trusted)
        return addresses

    def _check(self, target: Target, *, trusted: bool) -> None:
        if target.known_address is not None:
            self._policy.check(target.known_address, target.port, trusted=trusted)

    @property
    def _policy(self) -> Policy:
        return Policy(self.allow_private, self.allowed_networks)


@contextmanager
def _opened(call: Outgoing, route: Route) -> Iterator[requests.Response]:
    with OneHop(route) as session:
        failure: ConnectionFailed | None = None
        try:
            response = session.open(call.prepared())
        except FAILURES:
            failure = ConnectionFailed(BROKEN)
        if failure:
            raise failure  # Not within `except`: its context would be the original error, which holds the request's headers.
        with response:
            yield response


def _leads_on(response: requests.Response) -> bool:
    return response.status_code in REDIRECTS and "location" in response.headers


def _received(response: requests.Response, max_bytes: int, *, bodiless: bool) -> Iterator[bytes]:
    if bodiless:
        return iter(())
    declared = response.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and len(declared) < 20 and int(declared) > max_bytes:
        raise AnswerTooLarge
    return decoded(_pieces(response), response.headers.get("content-encoding", ""))


def _pieces(response: requests.Response) -> Iterator[bytes]:
    try:
        yield from response.raw.stream(PIECE, decode_content=False)
        return
    except FAILURES:
        failure = ConnectionFailed(BROKEN)
    raise failure


_resolvers: list[Resolver] = []


@contextmanager
def using_resolver(resolver: Resolver) -> Iterator[None]:
    """For tests: every door that `door` makes in this process asks this resolver meanwhile, on whatever thread it is."""
    _resolvers.append(resolver)
    try:
        yield
    finally:
        _resolvers.remove(resolver)


def door() -> Door:
    """The deployment's own door."""
    return Door(
        allow_private=settings.SAGE_OUTBOUND_ALLOW_PRIVATE,
        allowed_networks=settings.SAGE_OUTBOUND_ALLOWED_NETWORKS,
        resolver=_resolvers[-1] if _resolvers else system_resolver,
    )

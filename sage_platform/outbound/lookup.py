"""Names to IP addresses, within the deadline.

The system's resolver takes no timeout, so each look-up runs on a thread of its own, and the call stops waiting at its deadline.
A look-up that hangs keeps its thread after that. At most MOST_LOOKUPS threads exist at once, so that a dead name server cannot
fill the memory with them.
"""

import socket
from collections.abc import Callable, Sequence
from ipaddress import IPv6Address, ip_address
from queue import Empty, SimpleQueue
from threading import BoundedSemaphore, Thread

from sage_platform.outbound.deadline import Deadline
from sage_platform.outbound.errors import NOT_FOUND, ConnectionFailed, TimedOut
from sage_platform.outbound.policy import Address

# Host and port to IP addresses as text, best first; raises OSError where there are none.
Resolver = Callable[[str, int], Sequence[str]]
MOST_LOOKUPS = 32
_slots = BoundedSemaphore(MOST_LOOKUPS)


def system_resolver(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_others, sockaddr in found))


def resolve(resolver: Resolver, host: str, port: int, deadline: Deadline) -> list[Address]:
    """At least one address, in the resolver's order. Raises ConnectionFailed or TimedOut."""
    if not _slots.acquire(timeout=deadline.left()):
        raise TimedOut
    answers: SimpleQueue[list[Address]] = SimpleQueue()
    thread = Thread(target=_look_up, args=(resolver, host, port, answers), name="outbound-lookup", daemon=True)
    try:
        thread.start()
    except RuntimeError:
        _slots.release()  # The system refuses to start another thread.
        raise ConnectionFailed from None
    try:
        found = answers.get(timeout=deadline.left())
    except Empty:
        raise TimedOut from None
    if not found:
        raise ConnectionFailed(NOT_FOUND)
    return found


def _look_up(resolver: Resolver, host: str, port: int, answers: "SimpleQueue[list[Address]]") -> None:
    found: list[Address] = []
    try:
        found = [_without_zone(text) for text in resolver(host, port)]
    except (OSError, ValueError):
        pass  # Not found; a name that DNS cannot carry is a UnicodeError, and so a ValueError.
    finally:
        _slots.release()
        answers.put(found)


def _without_zone(text: str) -> Address:
    address = ip_address(text)
    return IPv6Address(int(address)) if isinstance(address, IPv6Address) else address

"""The slots in which passwords are hashed, and the queue in front of them.

Each hash takes tens of MiB and tens of milliseconds of a core, so few run at once. Whoever waits holds a thread and a place at
the gate meanwhile. So the queue is short, nobody may fill it alone, and the addresses in it get their turn one after the other.

A stranger with thousands of addresses, which one IPv6 prefix has, can still fill every share of a stranger's. So some places are
for acquaintances alone, whose address has signed the account in before, and every second turn is theirs.
"""

from collections import Counter, OrderedDict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock, local

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from sage_platform.api.errors import TooManyRequests
from sage_platform.api.waiting import waiting

WAITING_FOR_A_SLOT = 16
OF_ONE_ACCOUNT = 4
BUSY = _("The service is busy with other sign-ins. Please try again in a moment.")


@dataclass(frozen=True)
class Asker:
    """For whom a password is hashed. The shares count by `account`, a person or a program, and by `client`, an address.

    `known` says that no stranger can ask so: the address has signed this account in before, or an administrator asks.
    """

    account: str = ""
    client: str = ""
    known: bool = False


# Whoever hashes and does not say for whom. All of them together have the share of one account: the administration and commands.
UNNAMED = Asker(known=True)


@dataclass(eq=False)
class Waiter:
    asker: Asker
    # Let go when the slot is theirs.
    signal: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        self.signal.acquire()


class Line:
    """Those who wait, by address: in the order in which the addresses come next; of one address whoever came first."""

    def __init__(self) -> None:
        self._queues: OrderedDict[str, deque[Waiter]] = OrderedDict()

    def __bool__(self) -> bool:
        return bool(self._queues)

    def append(self, waiter: Waiter) -> None:
        self._queues.setdefault(waiter.asker.client, deque()).append(waiter)

    def pop(self) -> Waiter:
        client, queue = next(iter(self._queues.items()))
        waiter = queue[0]
        self.remove(waiter)
        if client in self._queues:
            self._queues.move_to_end(client)
        return waiter

    def remove(self, waiter: Waiter) -> None:
        queue = self._queues[waiter.asker.client]
        queue.remove(waiter)
        if not queue:
            del self._queues[waiter.asker.client]


class HashingSlots:
    """`amount` at once, and room for so many who wait: at most 4 of one account and three quarters from one address.

    Strangers take at most three quarters of the room, and 3 of the 4 places of an account.
    """

    def __init__(self, amount: int, *, room: int) -> None:
        self._lock = Lock()
        self._free = amount
        self._room = room
        self._most = max(1, room * 3 // 4)
        # Of strangers and of acquaintances, and whose turn it is where both wait.
        self._lines = {False: Line(), True: Line()}
        self._turn_of_known = True
        # Who waits, counted by what the shares count by.
        self._accounts: Counter[str] = Counter()
        self._clients: Counter[str] = Counter()
        self._strangers = 0

    def enter(self, asker: Asker, *, seconds: float) -> bool:
        """Whether there is a slot within so many seconds; False at once where nobody more may wait.

        Who gets one has to leave it.
        """
        with self._lock:
            if self._free:  # Nobody waits then.
                self._free -= 1
                return True
            if not self._may_wait(asker):
                return False
            waiter = Waiter(asker)
            self._lines[asker.known].append(waiter)
            self._count(asker, 1)
        with waiting():
            called = waiter.signal.acquire(timeout=seconds)
        with self._lock:
            if called or waiter.signal.acquire(blocking=False):  # It may have been called at this very moment.
                return True
            self._lines[asker.known].remove(waiter)
            self._count(asker, -1)
            return False

    def is_full_for(self, asker: Asker) -> bool:
        with self._lock:
            return not self._free and not self._may_wait(asker)

    def leave(self) -> None:
        """A slot goes from hand to hand; it is free only while nobody waits."""
        with self._lock:
            known = self._turn_of_known if self._lines[self._turn_of_known] else not self._turn_of_known
            if not self._lines[known]:
                self._free += 1
                return
            self._turn_of_known = not known
            waiter = self._lines[known].pop()
            self._count(waiter.asker, -1)
            waiter.signal.release()

    def _may_wait(self, asker: Asker) -> bool:
        of_account = OF_ONE_ACCOUNT if asker.known else OF_ONE_ACCOUNT - 1
        return (
            self._accounts.total() < self._room
            and self._clients[asker.client] < self._most
            and self._accounts[asker.account] < of_account
            and (asker.known or self._strangers < self._most)
        )

    def _count(self, asker: Asker, change: int) -> None:
        self._strangers += 0 if asker.known else change
        for counter, name in ((self._accounts, asker.account), (self._clients, asker.client)):
            counter[name] += change
            if not counter[name]:
                del counter[name]


def room_to_wait(slots: int, threads: int) -> int:
    """With few threads a third of them, so that a full queue leaves some for everything else."""
    return max(1, min(WAITING_FOR_A_SLOT * slots, threads // 3))


slots = HashingSlots(settings.SAGE_HASH_CONCURRENCY, room=room_to_wait(settings.SAGE_HASH_CONCURRENCY, settings.SAGE_THREADS))
held = local()


def refuse_surplus(asker: Asker) -> None:
    """Raises TooManyRequests where `slot` would do so at once: for whoever has work to do before they need their slot."""
    if slots.is_full_for(asker):
        raise TooManyRequests(2, BUSY)


@contextmanager
def slot(asker: Asker = UNNAMED) -> Iterator[None]:
    """Wait for a slot, for SAGE_HASH_WAIT_SECONDS at most. A thread that holds one takes no second.

    Raises TooManyRequests, at once where the queue or the asker's share of it is full.
    """
    if getattr(held, "one", False):
        yield
        return
    if not slots.enter(asker, seconds=settings.SAGE_HASH_WAIT_SECONDS):
        raise TooManyRequests(2, BUSY)
    held.one = True
    try:
        yield
    finally:
        held.one = False
        slots.leave()

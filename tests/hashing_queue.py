"""People who wait for a hashing slot."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Thread

from sage_platform.accounts import hashing
from sage_platform.accounts.hashing import Asker, HashingSlots


class Crowd:
    """People who wait for a slot, each in a thread, and leave it when they are told to."""

    def __init__(self, slots: HashingSlots) -> None:
        self.slots = slots
        self.came: list[str] = []
        self.threads: list[Thread] = []

    def wait_as(self, name: str, client: str, *, known: bool = False) -> None:
        """Returns once this one waits."""
        before = self.waiting

        def wait() -> None:
            if self.slots.enter(Asker(name, client, known), seconds=30):
                self.came.append(name)

        self.threads.append(Thread(target=wait))
        self.threads[-1].start()
        until = time.monotonic() + 10
        while self.waiting == before:
            assert time.monotonic() < until
            time.sleep(0.001)

    @property
    def waiting(self) -> int:
        return self.slots._accounts.total()

    def next(self) -> str:
        """Somebody leaves their slot; who has it now."""
        before = len(self.came)
        self.slots.leave()
        until = time.monotonic() + 10
        while len(self.came) == before:
            assert time.monotonic() < until
            time.sleep(0.001)
        return self.came[-1]


@contextmanager
def share_taken(account: str, *, by_strangers: bool = False) -> Iterator[None]:
    """As if both slots were taken and four tries of this account were waiting for one, or the three that strangers have."""
    with ExitStack() as stack:
        for _ in range(2):
            assert hashing.slots.enter(Asker("user:somebody", "192.0.2.1"), seconds=1)
            stack.callback(hashing.slots.leave)
        crowd = Crowd(hashing.slots)
        for _ in range(3 if by_strangers else 4):
            crowd.wait_as(account, "192.0.2.2", known=not by_strangers)
            stack.callback(hashing.slots.leave)
        yield
    for thread in crowd.threads:
        thread.join(10)

"""A file of numbers, in the form of prometheus_client's multiprocess mode."""

import json
import os
import struct
import sys
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from prometheus_client.mmap_dict import MmapedDict

FIRST_BYTES = 1 << 16
INTEGER = struct.Struct("=i")
NUMBER = struct.Struct("=d")
# Before the first number.
HEAD_BYTES = 8
# Behind each key: its number, and a time that we have no use for.
NUMBERS_BYTES = 2 * NUMBER.size


class Key(NamedTuple):
    """Whose number it is."""

    metric: str
    name: str
    labels: tuple[tuple[str, str], ...]
    help: str


class File:
    """One that this process writes. To make it, or a place in it, raises OSError where the disk has no room.

    The library makes a file with holes and writes into it through memory. Where the disk has no block left for a hole, the system
    ends the process with SIGBUS. So the room is taken first.
    """

    def __init__(self, path: Path) -> None:
        with path.open("ab") as file:
            take_room(file.fileno(), FIRST_BYTES)
        self._own = MmapedDict(str(path))
        self.numbers = memoryview(self._own._m).cast("d")

    def place(self, key: str) -> int:
        """Where in `numbers` this key's number is."""
        own = self._own
        if key not in own._positions:
            self._make_place(key)
        return int(own._positions[key]) // self.numbers.itemsize

    def close(self) -> None:
        self.numbers.release()
        self._own.close()

    def _make_place(self, key: str) -> None:
        own = self._own
        memory, capacity = own._m, own._capacity
        # The key stands between its length and up to eight blanks.
        if own._used + INTEGER.size + len(key.encode()) + 8 + NUMBERS_BYTES > capacity:
            take_room(own._f.fileno(), 2 * capacity)
        try:
            own.read_value(key)
        except OSError:
            own._capacity = capacity  # The library has raised it before it failed.
            raise
        if own._m is not memory:
            # Whoever has a place in the old memory goes on with it: it is the same file's.
            self.numbers = memoryview(own._m).cast("d")


def take_room(file: int, size: int) -> None:
    """Make the file so long, with a block of the disk for each part of it."""
    if sys.platform == "linux":
        os.posix_fallocate(file, 0, size)
    else:
        os.ftruncate(file, size)


def read(path: Path) -> list[tuple[bytes, float]]:
    """The keys and their numbers, in the order in which they came. Raises ValueError of a file that is damaged.

    The library's own reader may run on for ever in one.
    """
    data = path.read_bytes()
    if not any(data[: INTEGER.size]):
        return []  # It is just being made.
    used = INTEGER.unpack_from(data)[0] if len(data) >= HEAD_BYTES else -1
    if not HEAD_BYTES <= used <= len(data):
        raise ValueError("it is cut off")
    found, at = [], HEAD_BYTES
    while at < used:
        text = at + INTEGER.size
        length = INTEGER.unpack_from(data, at)[0] if text <= used else -1
        number = (text + length) // 8 * 8 + 8
        if length < 1 or number + NUMBERS_BYTES > used:
            raise ValueError("a number reaches beyond its end")
        key = data[text : text + length]
        parsed(key)
        found.append((key, NUMBER.unpack_from(data, number)[0]))
        at = number + NUMBERS_BYTES
    return found


@lru_cache(maxsize=1 << 16)  # There are fewer, since labels come from lists in the code.
def parsed(key: bytes) -> Key:
    try:
        metric, name, labels, told = json.loads(key)
        return Key(metric, name, tuple(labels.items()), told)
    except (TypeError, AttributeError):
        raise ValueError("a key is none") from None

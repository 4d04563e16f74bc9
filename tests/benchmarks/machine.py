"""What the kernel tells of the machine and its processes: who uses the cores, and how much memory a worker has."""

import os
import platform
import time
from collections.abc import Iterable
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def kind() -> str:
    """The machine as a reader of the table must know it; it names no host."""
    return f"{os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}"


def descendants(root: int) -> list[int]:
    """The process and all below it that live."""
    known = [root]
    for pid in known:
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            known.extend(_numbers(children))
    return known


def worker_of(server: int) -> int:
    """The process that serves: the largest of the server's children."""
    return max(descendants(server)[1:], key=resident_mib)


def resident_mib(pid: int) -> float:
    return _status_mib(pid, "VmRSS")


def peak_mib(pid: int) -> float:
    """The most that was resident at once, since the process began or since `forget_peak`."""
    return _status_mib(pid, "VmHWM")


def forget_peak(pid: int) -> None:
    """Let the peak begin anew from what is resident now (proc(5), clear_refs)."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


class Watch:
    """How many cores others have used since it was made: whatever is busy and is not this process or below it.

    Interrupts are left out, since the kernel books the work of our own sockets there.
    """

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._busy, self._own = _busy_seconds(), _seconds_of(descendants(os.getpid()))

    def cores_of_others(self) -> float:
        busy, own = _busy_seconds() - self._busy, _seconds_of(descendants(os.getpid())) - self._own
        return max(0.0, busy - own) / self.seconds()

    def seconds(self) -> float:
        return time.monotonic() - self._began


def _busy_seconds() -> float:
    """Of all cores together: user, nice, system and what the host took away."""
    fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    return sum(int(fields[place]) for place in (0, 1, 2, 7)) / TICKS


def _seconds_of(pids: Iterable[int]) -> float:
    """What these have used, with what their ended children have."""
    total = 0
    for pid in pids:
        try:
            # The name may hold spaces, so the fields are counted from its closing bracket.
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # It ended in between; its parent has its time now.
        total += sum(int(field) for field in fields[11:15])
    return total / TICKS


def _status_mib(pid: int, name: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _numbers(path: Path) -> list[int]:
    try:
        return [int(word) for word in path.read_text().split()]
    except OSError:
        return []

"""What rooms know as numbers: read once a minute, and never waited for long."""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from threading import Event
from types import SimpleNamespace

import pytest
from django.utils import timezone
from pytest_django import Settings

from observability import gauges as module
from observability.gauges import Gauges
from sage_platform import disk
from sage_platform.api import seams
from sage_platform.api.seams import Gauge, Registry
from sage_platform.encryption import Sealed
from sage_platform.oauth2 import keys
from sage_platform.oauth2.models import SigningKey

Samples = dict[str, list[tuple[dict[str, str], float]]]


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> "Registry[Gauge]":
    """None but the test's."""
    registry: Registry[Gauge] = Registry("gauge")
    monkeypatch.setattr(seams, "gauges", registry)
    return registry


@pytest.fixture
def minute(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Lets a minute go by."""
    now = [1000.0]
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now[0]))

    def pass_by() -> None:
        now[0] += 60

    return pass_by


def told(gauges: Gauges) -> Samples:
    return {family.name: [(sample.labels, sample.value) for sample in family.samples] for family in gauges.families()}


def rooms(*numbers: float) -> Iterator[tuple[tuple[str, ...], float]]:
    yield from ((("a", str(index)), number) for index, number in enumerate(numbers))


def test_each_is_read_once_a_minute(registered: "Registry[Gauge]", minute: Callable[[], None]) -> None:
    reads: list[int] = []

    def read() -> Iterator[tuple[tuple[str, ...], float]]:
        reads.append(len(reads))
        return rooms(*reads)

    registered.register("room", Gauge("Rooms.", read, ("kind", "number")))
    registered.register("plain", Gauge("One.", lambda: [((), 7.0)]))
    gauges = Gauges()
    first = {"room": [({"kind": "a", "number": "0"}, 0.0)], "plain": [({}, 7.0)]}
    assert told(gauges) == first
    assert told(gauges) == first
    minute()
    again = told(gauges)
    assert again["room"] == [({"kind": "a", "number": "0"}, 0.0), ({"kind": "a", "number": "1"}, 1.0)]
    assert again["plain"] == [({}, 7.0)]


def test_one_that_cannot_be_read_hides_no_other(
    registered: "Registry[Gauge]", minute: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> Iterator[tuple[tuple[str, ...], float]]:
        raise OSError("hunter2")

    registered.register("broken", Gauge("Broken.", fail))
    registered.register("plain", Gauge("One.", lambda: [((), 7.0)]))
    gauges = Gauges()
    assert [told(gauges) for _ in range(3)] == [{"plain": [({}, 7.0)]}] * 3
    (line,) = caplog.records
    assert (line.message, vars(line)["facts"]) == ("a metric cannot be read", {"metric": "broken", "error": "OSError"})


def test_one_that_hangs_is_waited_for_once_a_minute(registered: "Registry[Gauge]", minute: Callable[[], None]) -> None:
    """It keeps one thread, and is there when it has come."""
    begun, end = [], Event()

    def hang() -> Iterator[tuple[tuple[str, ...], float]]:
        begun.append(1)
        assert end.wait(20)
        return iter([((), 5.0)])

    registered.register("hangs", Gauge("Hangs.", hang))
    registered.register("plain", Gauge("One.", lambda: [((), 7.0)]))
    gauges = Gauges()
    assert told(gauges) == {"plain": [({}, 7.0)]}
    started = time.perf_counter()
    assert [told(gauges) for _ in range(20)] == [{"plain": [({}, 7.0)]}] * 20
    assert time.perf_counter() - started < 20 * module.WAIT_SECONDS / 2
    minute()
    assert told(gauges) == {"plain": [({}, 7.0)]}
    assert len(begun) == 1
    end.set()
    (look,) = [future for name, (_at, future) in gauges._seen.items() if name == "hangs"]
    look.result(20)
    assert told(gauges) == {"hangs": [({}, 5.0)], "plain": [({}, 7.0)]}


# -- The rooms' own -------------------------------------------------------------------------------------------------------


def test_those_that_there_are() -> None:
    assert {name: told.labels for name, told in seams.gauges.items()} == {
        "sage_server_disk_free_bytes": ("place",),
        "sage_server_disk_total_bytes": ("place",),
        "sage_server_signing_key_age_seconds": (),
    }


def test_the_disks(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that is not made yet will be on the disk of the one above it."""
    settings.SAGE_MEDIA_ROOT = settings.SAGE_DATA_DIR / "not" / "made"
    sizes = {settings.SAGE_DATA_DIR: SimpleNamespace(free=3, total=10)}
    monkeypatch.setattr("shutil.disk_usage", lambda path: sizes[path])
    settings.SAGE_DATA_DIR.mkdir(parents=True, exist_ok=True)
    assert list(disk.free()) == [(("data",), 3), (("media",), 3)]
    assert list(disk.total()) == [(("data",), 10), (("media",), 10)]


@pytest.mark.django_db
def test_the_age_of_the_key_that_signs(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(keys.ages()) == []
    now = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: now)
    retired = {"activated_at": now - timedelta(days=99), "retired_at": now}
    for kid, times in {"next": {}, "signs": {"activated_at": now - timedelta(days=2)}, "former": retired}.items():
        SigningKey.objects.create(kid=kid, public_jwk={}, private_key=Sealed.of(""), **times)
    assert list(keys.ages()) == [((), 172800.0)]

"""check_capabilities: the connection, then both probes at the same time, and nothing left behind."""

import threading
import time
from collections.abc import Sequence

import pytest
from django.utils import translation

from providers.probing import (
    Capabilities,
    Capability,
    Category,
    Connection,
    ImageResult,
    JSONResult,
    ModelEndpoint,
    ProbeFailed,
    check_capabilities,
)
from providers.probing.pictures import COLOURS, Colour
from tests.vendor import Exchange, Vendor, after
from tests.vendor.behaviours import hang

TIMEOUT = "The service did not answer in time. Try again, or check whether it is up."


def first(colours: Sequence[Colour]) -> Colour:
    return colours[0]


def test_a_good_vendor(vendor: Vendor, target: ModelEndpoint) -> None:
    found = check_capabilities(target, timeout=5, draw=first)
    assert found == Capabilities(
        Connection("OK", found.connection.latency_ms),
        ImageResult(Capability.YES, recognized=True, answer="Red."),
        JSONResult(Capability.YES, answer='{"ok": true}', parsed={"ok": True}),
    )
    assert vendor.requests[0].kind == "chat"
    assert {received.kind for received in vendor.requests[1:]} == {"image", "json"}


def test_nothing_more_is_asked_without_a_connection(vendor: Vendor, target: ModelEndpoint) -> None:
    vendor.behave("unauthorized_401")
    with pytest.raises(ProbeFailed) as failed:
        check_capabilities(target, timeout=5)
    assert failed.value.category is Category.AUTHENTICATION
    assert len(vendor.requests) == 1


def test_both_at_the_same_time(vendor: Vendor, target: ModelEndpoint) -> None:
    """No longer than the connection and the slower of the two, and a tenth."""
    vendor.behave(chat=after(0.2), image=after(0.6), json=after(0.5))
    # A machine that is busy with other things gets more tries: that only ever adds time.
    took = [seconds_for_all(target)]
    while took[-1] > 0.8 * 1.1 and len(took) < 10:
        took.append(seconds_for_all(target))
    assert 0.8 <= took[-1] <= 0.8 * 1.1
    assert vendor.most_at_once == 2


def seconds_for_all(target: ModelEndpoint) -> float:
    began = time.monotonic()
    found = check_capabilities(target, timeout=5)
    assert (found.image.capability, found.structured.capability) == (Capability.YES, Capability.YES)
    return time.monotonic() - began


@pytest.mark.parametrize(("hanging", "other"), [("image", "structured"), ("structured", "image")])
def test_one_failing_leaves_the_other(hanging: str, other: str, vendor: Vendor, target: ModelEndpoint) -> None:
    vendor.behave("image_hangs" if hanging == "image" else "json_hangs")
    found = check_capabilities(target, timeout=2)
    assert getattr(found, other).capability is Capability.YES
    assert getattr(found, hanging).capability is Capability.UNKNOWN
    assert getattr(found, hanging).error == TIMEOUT


def test_the_probes_together_have_as_much_time_as_the_connection(vendor: Vendor, target: ModelEndpoint) -> None:
    vendor.behave(chat=after(0.3), image="drip", json="hang")
    began = time.monotonic()
    found = check_capabilities(target, timeout=0.8)
    assert 1.1 <= time.monotonic() - began < 1.9, "one after the other they would take this long"
    assert (found.image.capability, found.structured.capability) == (Capability.UNKNOWN, Capability.UNKNOWN)


def probing_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("probe")]


def test_the_thread_ends(vendor: Vendor, target: ModelEndpoint) -> None:
    during: list[list[str]] = []

    def watch(exchange: Exchange) -> None:
        during.append(probing_threads())
        hang(exchange)

    vendor.behave(image=watch, json="hang")
    check_capabilities(target, timeout=0.6)
    assert [len(names) for names in during] == [1]
    assert probing_threads() == []


def test_the_thread_speaks_the_language_of_the_request(vendor: Vendor, target: ModelEndpoint) -> None:
    spoken: list[tuple[str, str]] = []

    def draw(colours: Sequence[Colour]) -> Colour:
        spoken.append((threading.current_thread().name[:5], translation.get_language() or ""))
        return COLOURS[0]

    for language in ("zh-hans", "en"):
        with translation.override(language):
            check_capabilities(target, timeout=5, draw=draw)
    assert spoken == [("probe", "zh-hans"), ("probe", "en")]


def test_a_fault_of_ours_is_not_swallowed(vendor: Vendor, target: ModelEndpoint) -> None:
    """What is no failure of the vendor's is no result either."""

    def draw(colours: Sequence[Colour]) -> Colour:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        check_capabilities(target, timeout=5, draw=draw)
    assert probing_threads() == []

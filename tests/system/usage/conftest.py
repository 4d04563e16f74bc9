"""The time at which events of usage are reported."""

import pytest

from tests.clock import Clock


@pytest.fixture
def noon(clock: Clock) -> Clock:
    """It is 2026-11-28, 12:00 UTC. Files name it by `usefixtures`, so that it comes before anybody signs in."""
    clock.set("2026-11-28T12:00:00Z")
    return clock
